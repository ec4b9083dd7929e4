import * as tf from '@tensorflow/tfjs-core'
import type { Random } from './random.js'

/** Rows of masks drawn at the least; more where a step has many tokens. */
const LEAST_ROWS = 1 << 14
/** So many times the tokens of a step are drawn, or its places would all be given the same few masks. */
const SPARE = 4

/**
 * Masks of kept units (Srivastava et al. 2014), scaled so that the expectation stays. They are cut from one pool, kept by
 * the engine: drawing them anew for each step would take as long as its matrix products.
 */
export class DropoutPool {
  private pool: tf.Tensor2D | undefined

  /** @param share of the units that is dropped, above 0 and below 1 @param width units of a token */
  constructor(
    private readonly share: number,
    private readonly width: number,
    private readonly random: Random,
  ) {}

  /**
   * Masks for one step. The same ones, whether its tokens are asked for all at once or part by part.
   * @param total tokens of the step
   * @returns the mask [tokens, width] for one place of the network and the tokens from `from` on
   */
  step(total: number): (place: number, from: number, tokens: number) => tf.Tensor2D {
    if (!this.pool || this.pool.shape[0] < 2 * total) this.draw(Math.max(LEAST_ROWS, SPARE * total))
    const pool = this.pool!
    const starts: number[] = []
    return (place, from, tokens) => {
      const start = (starts[place] ??= this.random.below(pool.shape[0] - total + 1))
      return tf.slice(pool, [start + from, 0], [tokens, this.width])
    }
  }

  private draw(rows: number): void {
    const kept = 1 / (1 - this.share)
    const units = Float32Array.from({ length: rows * this.width }, () => (this.random.next() < this.share ? 0 : kept))
    this.dispose()
    this.pool = tf.tensor2d(units, [rows, this.width])
  }

  dispose(): void {
    this.pool?.dispose()
    this.pool = undefined
  }
}
