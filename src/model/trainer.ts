import * as tf from '@tensorflow/tfjs-core'
import { DropoutPool } from './dropout.js'
import { batchGradients } from './gradients.js'
import type { Network } from './network.js'
import { NegativeSampler } from './negatives.js'
import { Adam, squaredNorm } from './optimizer.js'
import type { Row } from './packing.js'
import { Random } from './random.js'
import type { TextMatrix } from './text-matrix.js'
import type { Part } from './weights.js'

export interface TrainerOptions {
  /** Draws of negatives for each step; the whole catalogue when it is no larger. */
  negatives: number
  /** L2-SP: the share of its distance to the start, times the rate, that a weight is pulled back each step. */
  pull: number
  /** Longest gradient that is not shortened (Pascanu et al. 2013). */
  clip: number
  seed: number
}

export const DEFAULT_TRAINER: TrainerOptions = { negatives: 512, pull: 0, clip: 5, seed: 1 }

/** Learning rate of each part of the network; 0 freezes it. */
export type Rates = Record<Part, number>

/** Numbers of text vectors up to which the engine keeps all of a catalogue: 64 MB. */
const KEPT_TEXT = 1 << 24

/** Trains a network step by step. Call `dispose` after the last. */
export class Trainer {
  private readonly random: Random
  private readonly sampler: NegativeSampler
  private readonly optimizers: Record<string, Adam> = {}
  private readonly dropout: DropoutPool | undefined
  /** All texts, [items, textLength], where the engine keeps them. */
  private texts: tf.Tensor2D | undefined

  /**
   * @param text whitened, for exactly the network's vocabulary
   * @param counts [n] training events of each item
   */
  constructor(
    readonly network: Network,
    private readonly text: TextMatrix,
    counts: ArrayLike<number>,
    private readonly options: TrainerOptions = DEFAULT_TRAINER,
  ) {
    const { config, weights } = network
    this.random = new Random(options.seed)
    this.sampler = new NegativeSampler(counts)
    for (const [name, { data }] of Object.entries(weights)) {
      this.optimizers[name] = new Adam(data, name === 'residual' ? config.width : data.length, options.pull)
    }
    if (config.dropout > 0) this.dropout = new DropoutPool(config.dropout, config.width, this.random)
  }

  /** One step of Adam over some rows. @returns the mean loss over the rows' targets before it */
  async step(rows: Row[], rates: Rates): Promise<number> {
    const { network, random } = this
    const { loss, gradients } = await batchGradients(network, {
      rows,
      negatives: this.sampler.draw(this.options.negatives, random),
      text: (items) => this.textOf(items),
      learnsText: rates.adaptor > 0,
      dropout: this.dropout?.step(rows.length * rows[0].length) ?? null,
    })
    const moving = Object.entries(gradients).filter(([name]) => rates[network.weights[name].part] > 0)
    const norm = Math.sqrt(moving.reduce((sum, [, gradient]) => sum + squaredNorm(gradient.values), 0))
    const scale = norm > this.options.clip ? this.options.clip / norm : 1
    for (const [name, { values, rows: places }] of moving) {
      this.optimizers[name].step(values, rates[network.weights[name].part], scale, places)
    }
    network.dispose()
    return loss
  }

  /** Mean loss over the rows' targets without dropout and without learning, against negatives drawn from `seed`. */
  async loss(rows: Row[], seed: number): Promise<number> {
    const { loss } = await batchGradients(this.network, {
      rows,
      negatives: this.sampler.draw(this.options.negatives, new Random(seed)),
      text: (items) => this.textOf(items),
      learnsText: false,
      dropout: null,
    })
    return loss
  }

  dispose(): void {
    this.dropout?.dispose()
    this.texts?.dispose()
    this.texts = undefined
    this.network.dispose()
  }

  private textOf(items: Uint32Array): tf.Tensor2D {
    const { text } = this
    // The WebAssembly engine gathers slower than this decodes.
    if (tf.getBackend() === 'wasm' || text.items * text.length > KEPT_TEXT)
      return tf.tensor2d(text.gather(items), [items.length, text.length])
    this.texts ??= tf.keep(tf.tensor2d(text.block(0, text.items), [text.items, text.length]))
    return tf.gather(this.texts, tf.tensor1d(Int32Array.from(items), 'int32'))
  }
}
