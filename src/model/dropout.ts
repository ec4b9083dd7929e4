import * as tf from '@tensorflow/tfjs-core'
import type { Random } from './random.js'

/** Rows of masks drawn at the least; more where a step has many tokens. */
const LEAST_ROWS = 1 << 14
/** So many times the tokens of a step are drawn, or its places would all be given the same few masks. */
const SPARE = 4

/**
 * Masks of kept units (Srivastava et al. 2014), scaled so that the expectation stays. They are cut from one pool: drawing
 * them anew for each step would take as long as its matrix products.
 */
export class DropoutPool {
  private units = new Float32Array(0)
  /** The units, kept by the engine. */
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
    const { width } = this
    if (this.units.length < 2 * total * width) this.draw(Math.max(LEAST_ROWS, SPARE * total))
    const rows = this.units.length / width
    const starts: number[] = []
    return (place, from, tokens) => {
      const start = from + (starts[place] ??= this.random.below(rows - total + 1))
      // The WebAssembly backend copies the whole pool to slice it.
      if (tf.getBackend() === 'wasm')
        return tf.tensor2d(this.units.subarray(start * width, (start + tokens) * width), [tokens, width])
      this.pool ??= tf.keep(tf.tensor2d(this.units, [rows, width]))
      return tf.slice(this.pool, [start, 0], [tokens, width])
    }
  }

  private draw(rows: number): void {
    const kept = 1 / (1 - this.share)
    this.dispose()
    this.units = Float32Array.from({ length: rows * this.width }, () => (this.random.next() < this.share ? 0 : kept))
  }

  dispose(): void {
    this.pool?.dispose()
    this.pool = undefined
  }
}
