import { evidenceOf, type EventType, type Histories, historyOf, rowAt, userCount } from '../model/history.js'
import type { Network } from '../model/network.js'
import { topK } from '../model/ranking.js'
import type { TextMatrix } from '../model/text-matrix.js'
import { atOnce } from '../platform/tensorflow.js'
import { CUTOFF, judgeList, mean } from './metrics.js'
import { type Case, HISTORY_LENGTH } from './split.js'

// Judging an epoch must not cost as much as training it: about a second of products on one core.
const JUDGED_PRODUCTS = 600_000_000
const LEAST_JUDGED = 50

/** How many cases a network may be asked about beside its training. @param productsPerCase items times width */
export const affordableCases = (productsPerCase: number): number =>
  Math.max(LEAST_JUDGED, Math.floor(JUDGED_PRODUCTS / productsPerCase))

/** Mean NDCG@10 of a network by itself over some users, the whole catalogue ranked: what early stopping goes by. */
export const networkNdcg = (network: Network, text: TextMatrix, cases: Case[]): number =>
  mean(networkNdcgs(network, text, cases))

/** The same for each user by himself, so that two networks can be compared user by user. */
export function networkNdcgs(network: Network, text: TextMatrix, cases: Case[]): Float32Array {
  if (cases.length === 0) return new Float32Array(0)
  const { width } = network.config
  const histories = cases.map((one) => one.history)
  const asked = cases.map((one) => one.at)
  const { vectors, users } = atOnce(() => {
    const vectors = network.itemVectors(text)
    return { vectors, users: network.encode(histories, vectors, asked) }
  })
  const items = vectors.length / width
  const scores = new Float32Array(items)
  return Float32Array.from(cases, ({ hidden, targets }, index) => {
    dotProducts(vectors, users.subarray(index * width, (index + 1) * width), scores)
    for (const item of hidden) scores[item] = -Infinity
    return judgeList(topK(scores, CUTOFF), new Set(targets), CUTOFF).ndcg
  })
}

/**
 * What a network has learned from, as cases: the last moment of users spread over the training data. How much better it
 * does on them than on later ones is what it knows by heart.
 * @param hides by event type: 1 where an item is hidden from the user after such an event
 * @param most cases
 */
export const trainingCases = (histories: Histories, types: EventType[], hides: Uint8Array, most: number): Case[] =>
  lastMoments(histories, evidenceOf(types), hides, most)

/** The same. @param evidence by event type: above 0 where it says what a user wants */
export function lastMoments(
  histories: Histories,
  evidence: ArrayLike<number>,
  hides: Uint8Array,
  most: number,
): Case[] {
  const users = userCount(histories)
  const cases: Case[] = []
  const step = Math.max(1, Math.floor(users / Math.max(1, most)))
  for (let first = 0; first < step; first++)
    for (let user = first; user < users; user += step) {
      if (cases.length >= most) return cases
      const found = lastMoment(histories, user, evidence, hides)
      if (found) cases.push(found)
    }
  return cases
}

/**
 * A user's last moment in a window of time, with everything before it; null where there is none, nothing came before it, or
 * it has nothing that the user wanted and can still be shown.
 */
export function lastMoment(
  histories: Histories,
  user: number,
  evidence: ArrayLike<number>,
  hides: Uint8Array,
  { from, to } = { from: -Infinity, to: Infinity },
): Case | null {
  const { offsets, items, types, times } = histories
  const start = offsets[user]
  const end = rowAt(histories, user, to)
  const at = times[end - 1]
  if (end === start || at < from) return null
  const hidden = new Set<number>()
  const targets = new Set<number>()
  for (let row = start; row < end; row++) {
    if (times[row] < at && hides[types[row]]) hidden.add(items[row])
    if (times[row] === at && evidence[types[row]] > 0 && !hidden.has(items[row])) targets.add(items[row])
  }
  const history = historyOf(histories, user, at, HISTORY_LENGTH)
  if (history.length === 0 || targets.size === 0) return null
  return { user, history, hidden: Uint32Array.from(hidden), targets: [...targets], at }
}

/** Writes the product of `vector` with each row of `rows` into `out`. */
export function dotProducts(rows: Float32Array, vector: Float32Array, out: Float32Array): void {
  const width = vector.length
  for (let row = 0, at = 0; row < out.length; row++) {
    // Two sums at a time: one would wait for the addition before it.
    let even = 0
    let odd = 0
    let k = 0
    for (; k + 1 < width; k += 2, at += 2) {
      even += rows[at] * vector[k]
      odd += rows[at + 1] * vector[k + 1]
    }
    if (k < width) even += rows[at++] * vector[k]
    out[row] = even + odd
  }
}
