import { Random } from '../model/random.js'

/** How one list did against what its user took, each from 0 to 1. */
export interface Judgement {
  ndcg: number
  /** 1 where at least one target is in the list. */
  hitRate: number
  precision: number
  recall: number
  f1: number
  /** 1 / rank of the first target. */
  mrr: number
}
export const METRICS = ['ndcg', 'hitRate', 'precision', 'recall', 'f1', 'mrr'] as const

/** One value per case for each metric, so that two methods can be compared user by user. */
export type Judged = Record<keyof Judgement, Float32Array>

/** The mean of something over users, with the interval in which it lies with 95 % certainty. */
export interface Interval {
  mean: number
  low: number
  high: number
}

export interface Difference extends Interval {
  /** With 90 % certainty the difference is not below this. */
  lowOneSided90: number
  /** Share of the resamples in which it is not above zero: how likely so much is by chance, one-sided. */
  p: number
}

const RESAMPLES = 1000

/** Lengths of list that methods are judged at. */
export const CUTOFFS = [5, 10, 20] as const
export const LONGEST = Math.max(...CUTOFFS)
/** The length that everything is decided by. */
export const CUTOFF = 10

/** Judges the first `k` of a list, best first. A case without targets is a mistake of the caller. */
export function judgeList(list: ArrayLike<number>, targets: ReadonlySet<number>, k = 10): Judgement {
  let dcg = 0
  let hits = 0
  let first = 0
  for (let rank = 0; rank < Math.min(k, list.length); rank++) {
    if (!targets.has(list[rank])) continue
    dcg += 1 / Math.log2(rank + 2)
    hits++
    first ||= rank + 1
  }
  let best = 0
  for (let rank = 0; rank < Math.min(k, targets.size); rank++) best += 1 / Math.log2(rank + 2)
  const precision = hits / k
  const recall = hits / targets.size
  return {
    ndcg: dcg / best,
    hitRate: hits > 0 ? 1 : 0,
    precision,
    recall,
    f1: hits > 0 ? (2 * precision * recall) / (precision + recall) : 0,
    mrr: first > 0 ? 1 / first : 0,
  }
}

/** Judges every list of a method. */
export function judge(lists: ArrayLike<number>[], targets: ReadonlySet<number>[], k = 10): Judged {
  const judged = Object.fromEntries(METRICS.map((metric) => [metric, new Float32Array(lists.length)])) as Judged
  lists.forEach((list, index) => {
    const one = judgeList(list, targets[index], k)
    for (const metric of METRICS) judged[metric][index] = one[metric]
  })
  return judged
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]
  return values.length > 0 ? sum / values.length : 0
}

/** Percentile bootstrap over users (Efron 1979), 95 %. The same seed gives the same interval. */
export const bootstrapInterval = (values: ArrayLike<number>, seed = 1): Interval =>
  bootstrapIntervals([values], seed)[0]

/** The same for many figures of the same users at once: each resample is drawn once for all of them. */
export function bootstrapIntervals(columns: ArrayLike<number>[], seed = 1): Interval[] {
  return resample(columns, seed).map((means, column) => ({
    mean: mean(columns[column]),
    low: quantile(means, 0.025),
    high: quantile(means, 0.975),
  }))
}

/** The mean of a - b over the same users, by a paired bootstrap. */
export function pairedDifference(a: ArrayLike<number>, b: ArrayLike<number>, seed = 1): Difference {
  if (a.length !== b.length) throw new Error(`a pair needs two values: ${a.length} and ${b.length}`)
  const differences = Float64Array.from(a, (value, i) => value - b[i])
  const [means] = resample([differences], seed)
  return {
    mean: mean(differences),
    low: quantile(means, 0.025),
    high: quantile(means, 0.975),
    lowOneSided90: quantile(means, 0.1),
    p: means.filter((value) => value <= 0).length / means.length,
  }
}

/** For each column the sorted means of its resamples. */
function resample(columns: ArrayLike<number>[], seed: number): Float64Array[] {
  const users = columns[0]?.length ?? 0
  if (users === 0) return columns.map(() => new Float64Array(1))
  const width = columns.length
  // By user, so that whoever is drawn lies in one piece.
  const rows = new Float64Array(users * width)
  columns.forEach((values, column) => {
    for (let user = 0; user < users; user++) rows[user * width + column] = values[user]
  })
  const random = new Random(seed)
  const means = columns.map(() => new Float64Array(RESAMPLES))
  const drawn = new Uint32Array(users)
  const sums = new Float64Array(width)
  for (let round = 0; round < RESAMPLES; round++) {
    drawn.fill(0)
    sums.fill(0)
    for (let i = 0; i < users; i++) drawn[Math.floor(random.next() * users)]++
    for (let user = 0, at = 0; user < users; user++, at += width) {
      const times = drawn[user]
      if (times === 0) continue
      for (let column = 0; column < width; column++) sums[column] += times * rows[at + column]
    }
    for (let column = 0; column < width; column++) means[column][round] = sums[column] / users
  }
  return means.map((values) => values.sort())
}

const quantile = (sorted: Float64Array, share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]

/** What a method's lists look like as a whole. */
export interface ListQuality {
  /** Share of the catalogue that is in any list. */
  coverage: number
  /** Mean self-information of the recommended items in bits, -log2 of their share of events (Vargas and Castells 2011). */
  novelty: number
  /** 0: every item is recommended equally often; 1: always the same. */
  gini: number
  /** Share of the recommendations that the most popular tenth of the items gets: popularity bias. */
  headShare: number
  /** Share of the recommendations that items without an event get. */
  coldShare: number
}

/** @param popularity [items], events of each item before the window */
export function listQuality(lists: ArrayLike<number>[], popularity: ArrayLike<number>): ListQuality {
  const items = popularity.length
  let events = 0
  for (let item = 0; item < items; item++) events += popularity[item]
  const shown = new Float64Array(items)
  const head = headItems(popularity)
  let novelty = 0
  let total = 0
  let inHead = 0
  let cold = 0
  for (const list of lists)
    for (let rank = 0; rank < list.length; rank++) {
      const item = list[rank]
      shown[item]++
      total++
      inHead += head[item]
      if (popularity[item] === 0) cold++
      // As if every item had one event more: one that nobody had is very new, not infinitely.
      novelty -= Math.log2((popularity[item] + 1) / (events + items))
    }
  const covered = shown.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0)
  return {
    coverage: items > 0 ? covered / items : 0,
    novelty: total > 0 ? novelty / total : 0,
    gini: gini(shown),
    headShare: total > 0 ? inHead / total : 0,
    coldShare: total > 0 ? cold / total : 0,
  }
}

/** 1 for each item of the most popular tenth. */
export function headItems(popularity: ArrayLike<number>): Uint8Array {
  const order = Uint32Array.from(popularity, (_, item) => item).sort((a, b) => popularity[b] - popularity[a] || a - b)
  const head = new Uint8Array(popularity.length)
  for (const item of order.subarray(0, Math.ceil(order.length / 10))) head[item] = 1
  return head
}

function gini(values: Float64Array): number {
  const sorted = Float64Array.from(values).sort()
  const total = sorted.reduce((sum, value) => sum + value, 0)
  if (total === 0) return 0
  let weighted = 0
  sorted.forEach((value, index) => (weighted += (2 * (index + 1) - sorted.length - 1) * value))
  return weighted / (sorted.length * total)
}

/** What items are filed under: item i has the values in [offsets[i], offsets[i + 1]), each below `count`. */
export interface Categories {
  offsets: Uint32Array
  values: Uint32Array
  count: number
}

// What the list lacks altogether would make the divergence infinite.
const SMOOTHING = 0.01

/** How much of the items is filed under each category, an item of several in equal parts; null where none has any. */
export function categoryShares(items: ArrayLike<number>, { offsets, values }: Categories): Map<number, number> | null {
  const shares = new Map<number, number>()
  let filed = 0
  for (let i = 0; i < items.length; i++) {
    const [from, to] = [offsets[items[i]], offsets[items[i] + 1]]
    if (!(to > from)) continue
    filed++
    for (let at = from; at < to; at++) shares.set(values[at], (shares.get(values[at]) ?? 0) + 1 / (to - from))
  }
  if (filed === 0) return null
  for (const [category, share] of shares) shares.set(category, share / filed)
  return shares
}

/**
 * How far a list is from its user's mix of categories: the KL divergence of the list's shares from the history's, smoothed
 * (Steck 2018, "Calibrated recommendations"). 0: the same mix; about 4.6: nothing in common.
 */
export function miscalibration(history: Map<number, number>, list: Map<number, number> | null): number {
  let divergence = 0
  for (const [category, share] of history) {
    const shown = (1 - SMOOTHING) * (list?.get(category) ?? 0) + SMOOTHING * share
    divergence += share * Math.log(share / shown)
  }
  return divergence
}

/** Kinds of case that are looked at by themselves, so that a gain for many cannot hide a loss for some. */
export const SLICES = ['oneEvent', 'newUsers', 'lightUsers', 'returning', 'coldItems', 'head', 'tail'] as const
export type Slice = (typeof SLICES)[number]
/** Who is in each, as people are told. */
export const SLICE_WORDS: Record<Slice, string> = {
  oneEvent: 'users with one event',
  newUsers: 'new users',
  lightUsers: 'light users',
  returning: 'returning users',
  coldItems: 'users who took a new item',
  head: 'users who took popular items only',
  tail: 'users who took less popular items',
}

/** Events of a user before the moment judged: fewer than this is new, fewer than the other is light. */
const NEW_BELOW = 3
const LIGHT_BELOW = 10

/** Of the time before the window, the last part: who did nothing in it has been away. */
const AWAY_SHARE = 0.25

/** The moment since when a user has to have done nothing to count as returning, in milliseconds since 1970. */
export const awaySince = ({ from, testFrom }: { from: number; testFrom: number }): number =>
  testFrom - AWAY_SHARE * (testFrom - from)

/**
 * The slices that a case belongs to. One event (as of most anonymous visitors) is new as well.
 * @param seen [items], events of each item before the window
 * @param head as `headItems` gives it
 * @param away as `awaySince` gives it; without it nobody is returning
 */
export function slicesOf(
  { history, targets }: { history: { at: number }[]; targets: number[] },
  seen: ArrayLike<number>,
  head: Uint8Array,
  away = -Infinity,
): Slice[] {
  const slices: Slice[] = []
  if (history.length === 1) slices.push('oneEvent')
  if (history.length < NEW_BELOW) slices.push('newUsers')
  else if (history.length < LIGHT_BELOW) slices.push('lightUsers')
  if (history.length > 0 && history[history.length - 1].at < away) slices.push('returning')
  if (targets.some((item) => seen[item] === 0)) slices.push('coldItems')
  slices.push(targets.every((item) => head[item] === 1) ? 'head' : 'tail')
  return slices
}
