import { MASKED, type Row } from './packing.js'
import type { Random } from './random.js'

/** Negatives that all positions of a step share. */
export interface Negatives {
  /** [N] distinct items */
  items: Uint32Array
  /** [N] what is added to their scores so that the sample stands for the whole catalogue */
  corrections: Float32Array
}

/**
 * Draws items by the square root of their number of events: between uniform, which is too easy, and popularity, which
 * punishes what is popular.
 */
export class NegativeSampler {
  private readonly cumulated: Float64Array

  /** @param counts [n] events of each item */
  constructor(counts: ArrayLike<number>) {
    this.cumulated = new Float64Array(counts.length)
    let sum = 0
    // An item without events gets a small chance: otherwise nothing would ever push it down.
    for (let item = 0; item < counts.length; item++) this.cumulated[item] = sum += Math.sqrt(counts[item] + 0.1)
  }

  /** `size` draws with replacement, those of one item put together; the whole catalogue when it is no larger. */
  draw(size: number, random: Random): Negatives {
    const { cumulated } = this
    const n = cumulated.length
    if (n <= size) return { items: Uint32Array.from({ length: n }, (_, i) => i), corrections: new Float32Array(n) }
    const total = cumulated[n - 1]
    const drawn = new Map<number, number>()
    for (let i = 0; i < size; i++) {
      const item = this.find(random.next() * total)
      drawn.set(item, (drawn.get(item) ?? 0) + 1)
    }
    const items = Uint32Array.from(drawn.keys())
    const corrections = Float32Array.from(items, (item) => {
      const expected = (size * (cumulated[item] - (item > 0 ? cumulated[item - 1] : 0))) / total
      return Math.log((drawn.get(item) ?? 0) / expected)
    })
    return { items, corrections }
  }

  private find(point: number): number {
    let low = 0
    let high = this.cumulated.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.cumulated[middle] > point) high = middle
      else low = middle + 1
    }
    return low
  }
}

/**
 * What is added to the scores of the negatives: their correction, and MASKED for the items of the position's own sequence,
 * which are no negatives but what the user looks for. One row for each sequence, since all its positions share it.
 * @param N columns: past the last negative they are MASKED
 * @returns biases [sequences, N] row-major, and for each of the T tokens which of these rows is its sequence's
 */
export function negativeBiases(
  row: Row,
  negatives: Negatives,
  N = negatives.items.length,
): { biases: Float32Array; sequences: Int32Array } {
  const columns = new Map<number, number>()
  negatives.items.forEach((item, column) => columns.set(item, column))
  const sequences = sequencesOf(row)
  const biases = new Float32Array((sequences[sequences.length - 1] + 1) * N).fill(MASKED)
  for (let to = 0; to < biases.length; to += N) biases.set(negatives.corrections, to)
  const mask = (sequence: number, item: number) => {
    const column = columns.get(item)
    if (column !== undefined) biases[sequence * N + column] = MASKED
  }
  sequences.forEach((sequence, token) => {
    mask(sequence, row.items[token])
    if (row.targets[token] >= 0) mask(sequence, row.targets[token])
  })
  return { biases, sequences }
}

/** Numbers the sequences from 0. */
function sequencesOf({ starts, length }: Row): Int32Array {
  const sequences = new Int32Array(starts.length)
  for (let token = 1; token < starts.length; token++) {
    const begins = token % length === starts[token]
    sequences[token] = sequences[token - 1] + Number(begins)
  }
  return sequences
}
