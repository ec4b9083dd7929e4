/** The parts of a score: each gives every item a number of its own scale. */
export const COMPONENTS = [
  'network',
  'text',
  'lexical',
  'wide',
  'narrow',
  'popular',
  'recent',
  'fresh',
  'again',
] as const
export type ComponentName = (typeof COMPONENTS)[number]
export type Weights = Record<ComponentName, number>

/** Components as standard scores, [items] each; absent where they say nothing. */
export type StandardScores = Partial<Record<ComponentName, Float32Array>>

export const noWeights = (): Weights => ({
  network: 0,
  text: 0,
  lexical: 0,
  wide: 0,
  narrow: 0,
  popular: 0,
  recent: 0,
  fresh: 0,
  again: 0,
})

/** Whether the item may be recommended; null: all may. */
export type Eligible = Uint8Array | null

// A spread smaller than this part of the values is rounding, not opinion.
const NO_SPREAD = 1e-6

/**
 * Standard scores over the eligible items, the far tail drawn in: z for z <= 1, above it 2 sqrt(z) - 1, which goes on
 * with the same slope. Co-occurrence is nearly all zeros, so that a single meeting would stand 50 deviations out and
 * decide every blend alone. The order within a component stays as it is.
 * @returns null where all eligible items have the same value
 */
export function standardise(raw: Float32Array, eligible: Eligible): Float32Array | null {
  let count = 0
  let sum = 0
  for (let item = 0; item < raw.length; item++) {
    if (eligible && !eligible[item]) continue
    count++
    sum += raw[item]
  }
  if (count === 0) return null
  const mean = sum / count
  // In a second pass: the difference of two large sums would lose what little spread there may be.
  let squares = 0
  for (let item = 0; item < raw.length; item++) {
    if (eligible && !eligible[item]) continue
    const off = raw[item] - mean
    squares += off * off
  }
  const deviation = Math.sqrt(squares / count)
  if (!(deviation > NO_SPREAD * Math.abs(mean)) || deviation === 0) return null
  const scores = new Float32Array(raw.length)
  const scale = 1 / deviation
  for (let item = 0; item < raw.length; item++) {
    const z = (raw[item] - mean) * scale
    scores[item] = z > 1 ? 2 * Math.sqrt(z) - 1 : z
  }
  return scores
}

// Far below what a fitted weight can be: orders only items that all weighted components take for equal, as every item
// is for a user without history or under co-occurrence alone.
const TIE_BREAK = 1e-3

/** The weighted sum of standard scores, [items]; popularity breaks ties. Ineligible items get -Infinity. */
export function combine(scores: StandardScores, weights: Weights, itemCount: number, eligible: Eligible): Float32Array {
  const out = new Float32Array(itemCount)
  for (const name of COMPONENTS) {
    const part = scores[name]
    const weight = weights[name] + (name === 'popular' || name === 'recent' ? TIE_BREAK : 0)
    if (!part || weight === 0) continue
    for (let item = 0; item < itemCount; item++) out[item] += weight * part[item]
  }
  if (eligible) for (let item = 0; item < itemCount; item++) if (!eligible[item]) out[item] = -Infinity
  return out
}

/** The eligible items of the k highest scores, best first; of equal scores the lower index. */
export function topK(scores: Float32Array, k: number, eligible: Eligible = null): number[] {
  const best: number[] = []
  if (k < 1) return best
  let edge = -Infinity
  for (let item = 0; item < scores.length; item++) {
    const score = scores[item]
    if (best.length === k && !(score > edge)) continue
    if ((eligible && !eligible[item]) || !(score > -Infinity)) continue
    let at = best.length === k ? k - 1 : best.length
    while (at > 0 && scores[best[at - 1]] < score) {
      best[at] = best[at - 1]
      at--
    }
    best[at] = item
    edge = scores[best[best.length - 1]]
  }
  return best
}

/** Discounted cumulative gain of hits at these ranks (0 is the first place), each of gain 1 (Järvelin and Kekäläinen 2002). */
export const dcgOf = (ranks: number[]): number => ranks.reduce((sum, rank) => sum + 1 / Math.log2(rank + 2), 0)
