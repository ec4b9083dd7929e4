/** The last line that a bench prints. */
export type Bench = { bench: string } & Record<string, unknown>

/** Of an odd or even number of figures. */
export function median(figures: number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
