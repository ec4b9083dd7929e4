import type { Histories, Interaction } from './history.js'
import type { Random } from './random.js'

/**
 * Sequences laid one after another without padding. A sequence longer than what is left of the row goes on in the next
 * row, where it starts anew: it loses context there, never a target. Several rows of one length lie one after another.
 */
export interface Row {
  /** Tokens of a row. */
  length: number
  /** Rows, one unless stacked; every array is [count * length]. */
  count: number
  /** item of each token */
  items: Uint32Array
  /** event type of each token */
  types: Uint8Array
  /** bucket of the time since the token before, of GAP_BUCKETS */
  gaps: Uint8Array
  /** bucket of the time until what is predicted: whoever is asked at a moment knows it as well */
  waits: Uint8Array
  /** bucket of the moment of what is predicted, of HOUR_BUCKETS; NO_HOUR where it is not known */
  hours: Uint8Array
  /** where in its row the token's sequence begins */
  starts: Uint32Array
  /** the item to predict at each token, or -1 */
  targets: Int32Array
  /** how much each prediction counts; 0 where there is none */
  weights: Float32Array
}

/** Added to a score, it leaves nothing of it after the softmax; finite, so that no backend makes NaN of it. */
export const MASKED = -1e9

export const GAP_BUCKETS = 16

/**
 * Which of GAP_BUCKETS the time between two events falls into: 0 for a first event, 1 for the same moment, then powers of
 * four seconds, so that minutes, hours, days and months stay apart while one bucket still gets enough events to be learned.
 */
export function gapBucket(before: number | undefined, at: number): number {
  if (before === undefined) return 0
  const seconds = (at - before) / 1000
  if (!(seconds > 0)) return 1
  return 2 + Math.min(GAP_BUCKETS - 3, Math.floor(Math.log(1 + seconds) / Math.log(4)))
}

export const HOUR_BUCKETS = 48
/** Adds nothing to a token: what is asked about at no moment has no hour. */
export const NO_HOUR = 255
const HOUR = 3_600_000

/** Which of HOUR_BUCKETS a moment falls into: 0 to 23 by the hour (UTC) on a weekday, 24 to 47 at the weekend. */
export function hourBucket(at: number): number {
  // 1970 began on a Thursday.
  const hours = Math.floor(at / HOUR)
  const day = (((Math.floor(hours / 24) + 3) % 7) + 7) % 7
  return (((hours % 24) + 24) % 24) + (day >= 5 ? 24 : 0)
}

export function emptyRow(length: number): Row {
  return {
    length,
    count: 1,
    items: new Uint32Array(length),
    types: new Uint8Array(length),
    gaps: new Uint8Array(length),
    waits: new Uint8Array(length),
    hours: new Uint8Array(length).fill(NO_HOUR),
    starts: new Uint32Array(length),
    targets: new Int32Array(length).fill(-1),
    weights: new Float32Array(length),
  }
}

/** Rows of one length as one, so that an engine can work on all of them at once. @throws Error where lengths differ */
export function stackRows(rows: Row[]): Row {
  const [{ length }] = rows
  if (rows.some((row) => row.length !== length)) throw new Error('Only rows of one length can be stacked.')
  const stack = { ...emptyRow(rows.length * length), length, count: rows.length }
  rows.forEach((row, index) => {
    const at = index * length
    for (const name of ['items', 'types', 'gaps', 'waits', 'hours', 'starts', 'targets', 'weights'] as const)
      stack[name].set(row[name], at)
  })
  return stack
}

/**
 * How much each event counts as something to predict: the weight of its type, and 0 where its item was hidden from its user
 * before, since what is hidden is neither recommended nor judged. [events]
 * @param typeWeights by event type, 0 for one that is no sign of interest
 * @param hides by event type, whether such an event hides its item from then on; all do when absent
 */
export function targetWeights(
  histories: Histories,
  typeWeights: ArrayLike<number>,
  hides?: ArrayLike<boolean>,
): Float32Array {
  const weights = new Float32Array(histories.items.length)
  for (let user = 0; user + 1 < histories.offsets.length; user++) {
    const hidden = new Set<number>()
    for (let event = histories.offsets[user]; event < histories.offsets[user + 1]; event++) {
      const item = histories.items[event]
      const type = histories.types[event]
      if (!hidden.has(item)) weights[event] = typeWeights[type] ?? 0
      if (!hides || hides[type]) hidden.add(item)
    }
  }
  return weights
}

/**
 * All users' sequences, shuffled, as rows of `length` tokens. A token's target is its user's next event. What is left of
 * the last row is filled with lone tokens that predict nothing, so that every row has the same shape.
 * @param weights [events], from `targetWeights`
 */
export const packHistories = (histories: Histories, weights: Float32Array, length: number, random: Random): Row[] => [
  ...packedRows(histories, weights, length, random),
]

/** The same one after another, so that nobody has to hold the rows of millions of events. */
export function* packedRows(
  histories: Histories,
  weights: Float32Array,
  length: number,
  random: Random,
): Generator<Row, void> {
  const { offsets, items, types, times } = histories
  let row = emptyRow(length)
  let filled = 0
  for (const user of random.permutation(offsets.length - 1)) {
    const end = offsets[user + 1]
    // A history of one event has nothing to predict.
    if (end - offsets[user] < 2) continue
    let start = filled
    for (let event = offsets[user]; event < end; event++) {
      if (filled === length) {
        yield row
        row = emptyRow(length)
        filled = 0
        start = 0
      }
      row.items[filled] = items[event]
      row.types[filled] = types[event]
      row.gaps[filled] = gapBucket(event > offsets[user] ? times[event - 1] : undefined, times[event])
      if (event + 1 < end) {
        row.waits[filled] = gapBucket(times[event], times[event + 1])
        row.hours[filled] = hourBucket(times[event + 1])
      }
      row.starts[filled] = start
      if (event + 1 < end && weights[event + 1] > 0) {
        row.targets[filled] = items[event + 1]
        row.weights[filled] = weights[event + 1]
      }
      filled++
    }
  }
  if (filled === 0) return
  for (; filled < length; filled++) row.starts[filled] = filled
  yield row
}

/** How many rows they are. */
export function countRows({ offsets }: Histories, length: number): number {
  let tokens = 0
  for (let user = 0; user + 1 < offsets.length; user++) {
    const events = offsets[user + 1] - offsets[user]
    if (events >= 2) tokens += events
  }
  return Math.ceil(tokens / length)
}

/**
 * Several histories in one row, and the position of each one's last token. None may be empty.
 * @param keep only that many of the newest events of each
 * @param asked moment at which each is asked about, in milliseconds since 1970; unknown when absent
 */
export function packRow(
  histories: Interaction[][],
  keep: number,
  asked?: ArrayLike<number>,
): { row: Row; last: number[] } {
  const lengths = histories.map((history) => Math.min(history.length, keep))
  const row = emptyRow(lengths.reduce((sum, length) => sum + length, 0))
  const last: number[] = []
  let filled = 0
  histories.forEach((history, index) => {
    const start = filled
    const first = history.length - lengths[index]
    for (let i = first; i < history.length; i++, filled++) {
      row.items[filled] = history[i].item
      row.types[filled] = history[i].type
      // What was cut off must not show, or a caller who passes more than is kept would get another vector.
      row.gaps[filled] = gapBucket(i > first ? history[i - 1].at : undefined, history[i].at)
      const next = i + 1 < history.length ? history[i + 1].at : asked?.[index]
      if (next !== undefined) {
        row.waits[filled] = gapBucket(history[i].at, next)
        row.hours[filled] = hourBucket(next)
      }
      row.starts[filled] = start
    }
    last.push(filled - 1)
  })
  return { row, last }
}

/**
 * Weights of the recency-weighted mean at each of the positions `at` (all of them when absent): event k back counts
 * typeWeight / (k + 1), over at most `window` events of the same sequence, summing to 1. [at or T, length], row-major.
 */
export function meanWeights(row: Row, window: number, typeWeights: ArrayLike<number>, at?: number[]): Float32Array {
  const { length, types } = row
  return fillBack(row, window, 0, at, (weights, to, token, first) => {
    const start = token - (token % length)
    let sum = 0
    for (let j = first; j <= token; j++) {
      const weight = (typeWeights[types[j]] ?? 1) / (token - j + 1)
      weights[to + j - start] = weight
      sum += weight
    }
    if (sum > 0) for (let j = first; j <= token; j++) weights[to + j - start] /= sum
  })
}

/**
 * What keeps attention from looking at other sequences, ahead, and further back than `window` events: MASKED there, 0
 * elsewhere. [at or T, length], row-major.
 */
export function attentionMask(row: Row, window: number, at?: number[]): Float32Array {
  return fillBack(row, window, MASKED, at, (mask, to, token, first) => {
    const start = token - (token % row.length)
    mask.fill(0, to + first - start, to + token - start + 1)
  })
}

/**
 * What is added to the attention scores for the distance between two positions of a row. [at or length, length], row-major;
 * where the mask stands anyway it is 0.
 * @param bias [window] by distance
 */
export function distanceBias(length: number, bias: Float32Array, at?: number[]): Float32Array {
  const positions = at ?? Array.from({ length }, (_, i) => i)
  const scores = new Float32Array(positions.length * length)
  positions.forEach((position, i) => {
    for (let j = Math.max(0, position - bias.length + 1); j <= position; j++)
      scores[i * length + j] = bias[position - j]
  })
  return scores
}

/** A matrix [at or T, length] of `rest`, with what `fill` writes for each token and the first one it may look back on. */
function fillBack(
  row: Row,
  window: number,
  rest: number,
  at: number[] | undefined,
  fill: (matrix: Float32Array, to: number, token: number, first: number) => void,
): Float32Array {
  const { length, count, starts } = row
  const size = at?.length ?? count * length
  const matrix = new Float32Array(size * length).fill(rest)
  for (let i = 0; i < size; i++) {
    const token = at ? at[i] : i
    const start = token - (token % length)
    fill(matrix, i * length, token, start + Math.max(starts[token], token - start - window + 1))
  }
  return matrix
}
