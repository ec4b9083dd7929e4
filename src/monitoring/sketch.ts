/** What can be measured, and what is kept of it: how many values fell into each bin. */
export interface SketchKind {
  name: string
  /** How long one row collects, and how many days it is kept. */
  grain: 'hour' | 'day'
  keptDays: number
  bins: number
  /** The bin of a value. */
  binOf(value: number): number
}

/** Counts of both, of the same bins. */
export function addCounts(to: number[], counts: ArrayLike<number>): number[] {
  for (let bin = 0; bin < counts.length; bin++) to[bin] = (to[bin] ?? 0) + counts[bin]
  return to
}

export const total = (counts: ArrayLike<number>): number => Array.from(counts).reduce((sum, count) => sum + count, 0)

/** Bins between growing bounds: up to and with the first, ..., above the last. */
export const binAmong =
  (bounds: readonly number[]) =>
  (value: number): number => {
    const bin = bounds.findIndex((bound) => value <= bound)
    return bin < 0 ? bounds.length : bin
  }

/**
 * The value below which a share of all lies, by linear interpolation within its bin, as Prometheus does it; the last bound
 * stands for all that is above it. Null where nothing was measured.
 * @param counts of the bins between the bounds, one more than those
 */
export function quantile(bounds: readonly number[], counts: ArrayLike<number>, share: number): number | null {
  const all = total(counts)
  if (all === 0) return null
  let below = 0
  for (const [bin, bound] of bounds.entries()) {
    const count = counts[bin]
    if (count > 0 && below + count >= share * all) {
      const lower = bin === 0 ? 0 : bounds[bin - 1]
      return lower + ((bound - lower) * (share * all - below)) / count
    }
    below += count
  }
  return bounds[bounds.length - 1]
}

/** The share of values up to a bound; null where nothing was measured. */
export function shareWithin(bounds: readonly number[], counts: ArrayLike<number>, bound: number): number | null {
  const all = total(counts)
  return all === 0 ? null : total(Array.from(counts).slice(0, bounds.indexOf(bound) + 1)) / all
}
