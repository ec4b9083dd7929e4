import type { Network } from '../model/network.js'
import { topK } from '../model/ranking.js'
import type { TextMatrix } from '../model/text-matrix.js'
import { atOnce } from '../platform/tensorflow.js'
import { judgeList, mean } from './metrics.js'
import type { Case } from './split.js'

const CUTOFF = 10

/** Mean NDCG@10 of a network by itself over some users, the whole catalogue ranked: what early stopping goes by. */
export const networkNdcg = (network: Network, text: TextMatrix, cases: Case[]): number =>
  mean(networkNdcgs(network, text, cases))

/** The same for each user by himself, so that two networks can be compared user by user. */
export function networkNdcgs(network: Network, text: TextMatrix, cases: Case[]): Float32Array {
  if (cases.length === 0) return new Float32Array(0)
  const { width } = network.config
  const histories = cases.map((one) => one.history)
  const { vectors, users } = atOnce(() => {
    const vectors = network.itemVectors(text)
    return { vectors, users: network.encode(histories, vectors) }
  })
  const items = vectors.length / width
  const scores = new Float32Array(items)
  return Float32Array.from(cases, ({ hidden, targets }, index) => {
    dotProducts(vectors, users.subarray(index * width, (index + 1) * width), scores)
    for (const item of hidden) scores[item] = -Infinity
    return judgeList(topK(scores, CUTOFF), new Set(targets), CUTOFF).ndcg
  })
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
