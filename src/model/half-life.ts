import { evidenceOf, type EventType, type Histories } from './history.js'

const DAY_MS = 86_400_000
/** Where the data can't say: a week carries the weekly rhythm most shops have. */
export const DEFAULT_HALF_LIFE = 7 * DAY_MS

// Fewer events than this inside the decaying window and a handful of users would decide what is trending.
const LEAST_EVENTS = 200
// The newest events say what the tempo is now, and bound the work.
const MOST_EVENTS = 200_000
const HALVINGS = 11
// Pseudo-events spread over the catalogue, so that an item never seen has a probability.
const SMOOTHING = 50
const REBASE_HALF_LIVES = 300

/**
 * Chooses the half-life of recent popularity, in milliseconds: of the data's time span halved 0 to 11 times, the one
 * under which decayed popularity best foretells each next event of the newer half (prequential log-likelihood, Dawid
 * 1984). A path through an encyclopedia comes out nearly timeless, a gift shop at days, news at hours.
 */
export function fitHalfLife(histories: Histories, itemCount: number, types: EventType[]): number {
  const { items, times, weights } = newestEvents(histories, types)
  const total = items.length
  if (total < LEAST_EVENTS) return DEFAULT_HALF_LIFE
  const span = times[total - 1] - times[0]
  if (span <= 0) return DEFAULT_HALF_LIFE
  let best = DEFAULT_HALF_LIFE
  let bestLikelihood = -Infinity
  for (let halving = 0; halving <= HALVINGS; halving++) {
    const halfLife = span / 2 ** halving
    // An exponential window of half-life h holds as many events as a plain one of h / ln 2.
    if (((halfLife / Math.LN2) * total) / span < LEAST_EVENTS) break
    const likelihood = foretelling(items, times, weights, itemCount, halfLife)
    if (likelihood > bestLikelihood) {
      best = halfLife
      bestLikelihood = likelihood
    }
  }
  return best
}

/** Sum of log-probabilities of the newer half's events, each under what came before it. */
function foretelling(
  items: Uint32Array,
  times: Float64Array,
  weights: Float64Array,
  itemCount: number,
  halfLife: number,
): number {
  const sums = new Float64Array(itemCount)
  let all = 0
  let reference = times[0]
  let likelihood = 0
  for (let i = 0; i < items.length; i++) {
    if (times[i] - reference > REBASE_HALF_LIVES * halfLife) {
      const scale = 2 ** ((reference - times[i]) / halfLife)
      for (let item = 0; item < itemCount; item++) sums[item] *= scale
      all *= scale
      reference = times[i]
    }
    const growth = 2 ** ((times[i] - reference) / halfLife)
    if (2 * i >= items.length) {
      likelihood += Math.log((sums[items[i]] / growth + SMOOTHING / itemCount) / (all / growth + SMOOTHING))
    }
    sums[items[i]] += weights[i] * growth
    all += weights[i] * growth
  }
  return likelihood
}

function newestEvents(histories: Histories, types: EventType[]) {
  const newest = newestRows(histories, types)
  return {
    items: Uint32Array.from(newest, (row) => histories.items[row]),
    times: Float64Array.from(newest, (row) => histories.times[row]),
    weights: Float64Array.from(newest, (row) => types[histories.types[row]].weight),
  }
}

/** Rows of the newest events that are evidence, at most 200,000, of all users in order of time. */
export function newestRows({ times, types: typeOf }: Histories, types: EventType[]): Uint32Array {
  const evidence = evidenceOf(types)
  // One user's events lie together; the tempo is that of all users, so the newest are put in order of time. Which are the
  // newest is seen by their times alone: those are sorted without comparing row by row.
  const sorted = times.slice().sort()
  const since = sorted[Math.max(0, sorted.length - MOST_EVENTS)] ?? 0
  const rows: number[] = []
  for (let row = 0; row < times.length; row++) if (times[row] >= since && evidence[typeOf[row]]) rows.push(row)
  return Uint32Array.from(rows)
    .sort((a, b) => times[a] - times[b] || a - b)
    .subarray(-MOST_EVENTS)
}
