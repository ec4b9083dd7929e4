import * as tf from '@tensorflow/tfjs-core'
import type { Random } from './random.js'

/** Rows of masks drawn at the least. */
const LEAST_ROWS = 1 << 14
/** So many times the tokens of a step are drawn, or its places would all be given the same few masks. */
const SPARE = 4

/**
 * Masks of kept units (Srivastava et al. 2014), scaled so that the expectation stays, [rows, width]. They are drawn once
 * and cut from there: drawing them anew for each step would take as long as its matrix products. In shared memory, since
 * several threads cut theirs from the same.
 * @param share of the units that is dropped, above 0 and below 1 @param tokens of a step, at most
 */
export function drawUnits(share: number, width: number, tokens: number, random: Random): Float32Array {
  const units = new Float32Array(new SharedArrayBuffer(4 * width * Math.max(LEAST_ROWS, SPARE * tokens)))
  const kept = 1 / (1 - share)
  for (let i = 0; i < units.length; i++) units[i] = random.next() < share ? 0 : kept
  return units
}

/** Where the masks of one step begin in the pool, for each place of the network, so that all of its parts agree. */
export interface MaskStarts {
  starts: number[]
  /** Tokens of the step that come before this part of it. */
  from: number
}

/** Draws where the masks of a step begin. @param rows of the pool @param tokens of the step */
export function drawStarts(places: number, rows: number, tokens: number, random: Random): number[] {
  if (tokens > rows) throw new Error(`There are masks for ${rows} tokens at once, not for ${tokens}.`)
  return Array.from({ length: places }, () => random.below(rows - tokens + 1))
}

/** Cuts masks from the pool. */
export class Masks {
  /** The units, kept by the engine. */
  private kept: tf.Tensor2D | undefined

  /** @param units from `drawUnits` */
  constructor(
    private readonly units: Float32Array,
    private readonly width: number,
  ) {}

  /** The mask [tokens, width] for one place of the network and the part's tokens from `from` on. */
  cut(part: MaskStarts, place: number, from: number, tokens: number): tf.Tensor2D {
    const { units, width } = this
    const start = part.starts[place] + part.from + from
    // The WebAssembly backend copies the whole pool to slice it.
    if (tf.getBackend() === 'wasm')
      return tf.tensor2d(units.slice(start * width, (start + tokens) * width), [tokens, width])
    this.kept ??= tf.keep(tf.tensor2d(units.slice(), [units.length / width, width]))
    return tf.slice(this.kept, [start, 0], [tokens, width])
  }

  dispose(): void {
    this.kept?.dispose()
    this.kept = undefined
  }
}
