import { drawStarts, drawUnits } from './dropout.js'
import { type Batch, type GradientSource, LocalGradients } from './gradients.js'
import type { Network } from './network.js'
import { NegativeSampler } from './negatives.js'
import { Adam, squaredNorm } from './optimizer.js'
import type { Row } from './packing.js'
import { Random } from './random.js'
import { placesOfDropout } from './sequence.js'
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
  /** Tokens of a step, at most. */
  tokens: number
}

export const DEFAULT_TRAINER: TrainerOptions = { negatives: 512, pull: 0, clip: 5, seed: 1, tokens: 4096 }

/** Learning rate of each part of the network; 0 freezes it. */
export type Rates = Record<Part, number>

/** Trains a network step by step. Call `dispose` after the last. */
export class Trainer {
  private readonly random: Random
  private readonly sampler: NegativeSampler
  private readonly optimizers: Record<string, Adam> = {}
  private readonly units: Float32Array | undefined
  private readonly source: GradientSource

  /**
   * @param text whitened, for exactly the network's vocabulary
   * @param counts [n] training events of each item
   * @param spread who computes the gradients instead of this thread alone
   */
  constructor(
    readonly network: Network,
    text: TextMatrix,
    counts: ArrayLike<number>,
    private readonly options: TrainerOptions = DEFAULT_TRAINER,
    spread: (local: LocalGradients) => GradientSource = (local) => local,
  ) {
    const { config } = network
    this.random = new Random(options.seed)
    this.sampler = new NegativeSampler(counts)
    if (config.dropout > 0) this.units = drawUnits(config.dropout, config.width, options.tokens, this.random)
    this.source = spread(new LocalGradients(network, text, this.units))
    // Only now: who spreads the work may have moved the weights.
    for (const [name, { data }] of Object.entries(network.weights)) {
      this.optimizers[name] = new Adam(data, name === 'residual' ? config.width : data.length, options.pull)
    }
  }

  /** One step of Adam over some rows. @returns the mean loss over the rows' targets before it */
  async step(rows: Row[], rates: Rates): Promise<number> {
    const { network, random, units } = this
    const { width, blocks } = network.config
    const tokens = rows.length * rows[0].length
    const { loss, gradients } = await this.source.gradients({
      ...batchOf(rows),
      negatives: this.sampler.draw(this.options.negatives, random),
      learnsText: rates.adaptor > 0,
      dropout: units
        ? { starts: drawStarts(placesOfDropout(blocks), units.length / width, tokens, random), from: 0 }
        : null,
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
    const { loss } = await this.source.gradients({
      ...batchOf(rows),
      negatives: this.sampler.draw(this.options.negatives, new Random(seed)),
      learnsText: false,
      dropout: null,
    })
    return loss
  }

  dispose(): void {
    this.source.dispose()
    this.network.dispose()
  }
}

const batchOf = (rows: Row[]): Pick<Batch, 'rows' | 'targetWeight'> => ({
  rows,
  targetWeight: rows.reduce((sum, { weights }) => weights.reduce((more, weight) => more + weight, sum), 0),
})
