/** How Adam steps. */
export interface AdamOptions {
  beta1: number
  beta2: number
  epsilon: number
}

export const ADAM: AdamOptions = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8 }

/**
 * Adam (Kingma and Ba 2015) over one array of weights, with a decoupled pull towards where it started (L2-SP, Li et al.
 * 2018, applied as AdamW applies its decay). In plain JavaScript: the weights are few, and on every backend one pass here
 * costs less than the dozens of small tensor operations that it replaces.
 */
export class Adam {
  private readonly mean: Float32Array
  private readonly square: Float32Array
  private readonly start: Float32Array | undefined
  /** Steps taken by each row: a row that a batch did not use does not move (lazy Adam). */
  private readonly steps: Uint32Array

  /** @param width weights of a row; an array that is always updated whole is one row. */
  constructor(
    private readonly weights: Float32Array,
    private readonly width: number,
    private readonly pull: number,
    private readonly options: AdamOptions = ADAM,
  ) {
    this.mean = new Float32Array(weights.length)
    this.square = new Float32Array(weights.length)
    this.start = pull > 0 ? weights.slice() : undefined
    this.steps = new Uint32Array(weights.length / width)
  }

  /**
   * @param gradient [rows, width] of the named rows, or of all the weights as one row
   * @param scale multiplies the gradient, for clipping
   */
  step(gradient: Float32Array, rate: number, scale: number, rows?: Uint32Array): void {
    const { beta1, beta2, epsilon } = this.options
    const { weights, mean, square, start, width } = this
    const count = rows ? rows.length : 1
    for (let r = 0; r < count; r++) {
      const row = rows ? rows[r] : 0
      const step = ++this.steps[row]
      const size = (rate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step)
      const keep = rate * this.pull
      for (let i = row * width, j = r * width, end = i + width; i < end; i++, j++) {
        const slope = gradient[j] * scale
        mean[i] = beta1 * mean[i] + (1 - beta1) * slope
        square[i] = beta2 * square[i] + (1 - beta2) * slope * slope
        const moved = weights[i] - (size * mean[i]) / (Math.sqrt(square[i]) + epsilon)
        weights[i] = start ? moved - keep * (moved - start[i]) : moved
      }
    }
  }
}

export function squaredNorm(values: Float32Array): number {
  let sum = 0
  for (const value of values) sum += value * value
  return sum
}
