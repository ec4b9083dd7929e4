import * as tf from '@tensorflow/tfjs-core'
import { Masks, type MaskStarts } from './dropout.js'
import type { Network } from './network.js'
import type { Negatives } from './negatives.js'
import { allAtOnce, placesOf, rowByRow, type StepContext } from './pass.js'
import type { Row } from './packing.js'
import { SIDE } from './sequence.js'
import type { TextMatrix } from './text-matrix.js'

/** Gradient of one weight; with `rows`, only of those rows of it. */
export interface Gradient {
  values: Float32Array
  rows?: Uint32Array
}

/** A batch, or the part of one that somebody works on: plain data, so that it can go to another thread. */
export interface Batch {
  /** Of one length. */
  rows: Row[]
  /** What the loss is the mean over: the weights of all targets of the step, also of those in other parts of it. */
  targetWeight: number
  negatives: Negatives
  /** Whether the adaptor gets a gradient too. */
  learnsText: boolean
  /** Null when nothing is dropped. */
  dropout: MaskStarts | null
}

export interface BatchGradients {
  /** Mean over the targets of the step. */
  loss: number
  gradients: Record<string, Gradient>
}

/** Whoever computes gradients, here or in threads. The network's weights are read when they are asked for. */
export interface GradientSource {
  gradients(batch: Batch): Promise<BatchGradients>
  dispose(): void
}

/** Numbers of text vectors up to which the engine keeps all of a catalogue: 64 MB. */
const KEPT_TEXT = 1 << 24

/**
 * Mean loss over the targets of a batch and its gradient at every weight, by one pass forwards and backwards: all rows at
 * once and one reading at the end, or row by row on the WebAssembly engine, which is fastest where a row's matrices fit
 * into the processor's cache, and slow at batches and at gathering.
 */
export class LocalGradients implements GradientSource {
  private readonly masks: Masks | undefined
  /** All texts, [items, textLength], where the engine keeps them. */
  private kept: tf.Tensor2D | undefined

  /**
   * @param text whitened, for exactly the network's vocabulary
   * @param units for dropout, from `drawUnits`; absent when nothing is dropped
   */
  constructor(
    readonly network: Network,
    readonly text: TextMatrix,
    readonly units?: Float32Array,
  ) {
    if (units) this.masks = new Masks(units, network.config.width)
  }

  async gradients(batch: Batch): Promise<BatchGradients> {
    const { network } = this
    const places = placesOf(batch)
    const given: StepContext = {
      network,
      batch,
      places,
      texts: (items) => this.textOf(items),
      mask: (place, from, tokens) => (batch.dropout ? this.masks!.cut(batch.dropout, place, from, tokens) : null),
    }
    const sums = await (tf.getBackend() === 'wasm' ? rowByRow(given) : allAtOnce(given))
    const gradients: Record<string, Gradient> = {}
    for (const [name, values] of sums) {
      if (name === 'side') {
        let at = 0
        for (const part of SIDE) {
          gradients[part] = { values: values.subarray(at, (at += network.weights[part].data.length)) }
        }
      } else if (name.includes('distance')) gradients[name] = { values: byDistance(values, network.config.maxLength) }
      else if (name === 'residual') gradients.residual = { values, rows: places.items }
      else if (name !== 'loss') gradients[name] = { values }
    }
    return { loss: sums.get('loss')?.[0] ?? 0, gradients }
  }

  dispose(): void {
    this.masks?.dispose()
    this.kept?.dispose()
    this.kept = undefined
  }

  private textOf(items: Uint32Array): tf.Tensor2D {
    const { text } = this
    // The WebAssembly engine gathers slower than this decodes.
    if (tf.getBackend() === 'wasm' || text.items * text.length > KEPT_TEXT)
      return tf.tensor2d(text.gather(items), [items.length, text.length])
    this.kept ??= tf.keep(tf.tensor2d(text.block(0, text.items), [text.items, text.length]))
    return tf.gather(this.kept, tf.tensor1d(Int32Array.from(items), 'int32'))
  }
}

/** From the order of `diagonalSums` to one number for each distance inside the window. */
function byDistance(sums: Float32Array, window: number): Float32Array {
  const result = new Float32Array(window)
  result[0] = sums[0]
  for (let distance = 1; distance < window && distance < sums.length - 1; distance++) {
    result[distance] = sums[sums.length - distance]
  }
  return result
}
