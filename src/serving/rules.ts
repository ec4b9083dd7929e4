/** Decisions between the model's scores and the list that is answered. Everything here is in index space and pure. */

const DAY_MS = 86_400_000
/** An item of this age is half as fresh as a new one. */
const FRESH_FOR_MS = 30 * DAY_MS
// Where nobody knows how old an item is, it is no news.
const UNKNOWN_AGE_MS = 3650 * DAY_MS

/** Freshness of an item in (0, 1]: falls with age, ever more slowly, so that old items keep an order too. */
export function recencyOf(since: number | null, now: number): number {
  const age = since === null ? UNKNOWN_AGE_MS : Math.max(0, now - since)
  return 1 / (1 + age / FRESH_FOR_MS)
}

/**
 * Scores of items for a user who is not known, by item: ln of the share of the most wanted, plus a thousandth of the
 * share of the most popular, plus a millionth of the recency. So what is wanted now comes first, then what ever was, then
 * what is new, and no item is without a score.
 * @param wanted by item; absent where only popularity counts
 */
export function demandScores(
  among: Uint32Array,
  wanted: Float64Array | undefined,
  popularity: Float32Array,
  recency: (item: number) => number,
): Float64Array {
  const most = wanted ? largestOf(wanted, among) : 0
  const mostPopular = largestOf(popularity, among)
  const scores = new Float64Array(popularity.length)
  for (const item of among) {
    const trend = wanted && most > 0 ? wanted[item] / most : 0
    const popular = mostPopular > 0 ? popularity[item] / mostPopular : 0
    scores[item] = Math.log(trend + 1e-3 * popular + 1e-6 * recency(item))
  }
  return scores
}

/** The largest value of the items, at least 0. */
export function largestOf(values: Float32Array | Float64Array, items: Uint32Array): number {
  let largest = 0
  for (const item of items) if (values[item] > largest) largest = values[item]
  return largest
}

export interface Weighing {
  /** 0 leaves the scores alone, 1 ranks by recency alone. */
  freshness: number
  recency: (item: number) => number
  /** What the boosts multiply an item's rank score by; 0 excludes. Null: there are none. */
  boost: ((item: number) => number) | null
}

/**
 * Rank scores of the candidates, as logarithms of values that are at most 1 before boosts:
 * (1 - freshness) · (score - best score) + freshness · ln(recency) + ln(boost).
 *
 * A model's score is any real number, larger is better. exp(score - best) makes it positive without changing the order,
 * and is what the blend's conditional logit takes for the odds of a choice: to multiply it is to multiply those odds.
 * Recency comes in as a geometric mean, so neither scale drowns the other.
 * @param scores by item @returns one value for each candidate; -Infinity where a boost of 0 excludes it
 */
export function weigh(candidates: Uint32Array, scores: Float32Array | Float64Array, by: Weighing): Float64Array {
  let best = -Infinity
  for (const item of candidates) if (scores[item] > best) best = scores[item]
  const { freshness, recency, boost } = by
  const values = new Float64Array(candidates.length)
  for (let place = 0; place < candidates.length; place++) values[place] = scores[candidates[place]] - best
  if (freshness > 0)
    for (let place = 0; place < candidates.length; place++)
      values[place] = (1 - freshness) * values[place] + freshness * Math.log(recency(candidates[place]))
  if (boost) for (let place = 0; place < candidates.length; place++) values[place] += Math.log(boost(candidates[place]))
  return values
}

/** Places of the `count` largest finite values, largest first; of equal ones the first place wins. */
export function largest(values: Float64Array, count: number): Uint32Array {
  // A heap of the best so far with the worst on top: most values are turned away by one comparison.
  const heap = new Uint32Array(Math.min(count, values.length))
  let size = 0
  const worse = (a: number, b: number) => values[a] < values[b] || (values[a] === values[b] && a > b)
  const sink = (at: number, length: number) => {
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) return
      if (child + 1 < length && worse(heap[child + 1], heap[child])) child++
      if (!worse(heap[child], heap[at])) return
      ;[heap[at], heap[child]] = [heap[child], heap[at]]
      at = child
    }
  }
  for (let place = 0; place < values.length; place++) {
    if (!(values[place] > -Infinity)) continue
    if (size < heap.length) {
      let at = size++
      heap[at] = place
      while (at > 0 && worse(heap[at], heap[(at - 1) >>> 1])) {
        const parent = (at - 1) >>> 1
        ;[heap[at], heap[parent]] = [heap[parent], heap[at]]
        at = parent
      }
    } else if (size > 0 && worse(heap[0], place)) {
      heap[0] = place
      sink(0, size)
    }
  }
  for (let length = size - 1; length > 0; length--) {
    ;[heap[0], heap[length]] = [heap[length], heap[0]]
    sink(0, length)
  }
  return heap.subarray(0, size)
}

/** How alike two items are: the dot product of their unit rows. */
export interface Likeness {
  product(left: number, right: number): number
}

// Beyond this many places nobody sees whether a list is diverse, and the cost grows with places times pool.
const DIVERSE_PLACES = 100
const MAX_POOL = 500

/** How many of the best a diverse list of `count` is picked from. */
export const poolFor = (count: number): number => Math.max(count, Math.min(MAX_POOL, 4 * count + 20))

/**
 * Maximal marginal relevance (Carbonell and Goldstein 1998): each place goes to the item with the largest
 * (1 - diversity) · relevance - diversity · likeness to what was picked before. Relevance is the rank score between the
 * pool's worst (0) and best (1). Past the first 100 places the order is that of the scores.
 * @param pool items, best first @param values their rank scores @returns places in the pool, `count` at most
 */
export function diversify(
  pool: Uint32Array,
  values: Float64Array,
  count: number,
  diversity: number,
  likeness: Likeness,
): Uint32Array {
  const [best, worst] = [values[0], values[pool.length - 1]]
  const span = best - worst
  const relevance = Float64Array.from(pool, (_, place) => (span > 0 ? (values[place] - worst) / span : 1))
  const alike = new Float64Array(pool.length)
  const taken = new Uint8Array(pool.length)
  const picked: number[] = []
  const places = Math.min(count, pool.length)
  for (let next = 0; picked.length < Math.min(places, DIVERSE_PLACES);) {
    taken[next] = 1
    picked.push(next)
    const last = pool[next]
    let bestValue = -Infinity
    for (let place = 0; place < pool.length; place++) {
      if (taken[place]) continue
      alike[place] = Math.max(alike[place], likeness.product(last, pool[place]))
      const value = (1 - diversity) * relevance[place] - diversity * alike[place]
      if (value > bestValue) {
        bestValue = value
        next = place
      }
    }
  }
  for (let place = 0; picked.length < places; place++) if (!taken[place]) picked.push(place)
  return Uint32Array.from(picked)
}
