// Where a tenant's network may start: another shop's transformer over turned axes, or items moved towards their partners.
import { Matrix, SingularValueDecomposition } from 'ml-matrix'
import type { Counts } from '../../src/model/counts.js'
import { type Histories, keepRows } from '../../src/model/history.js'
import { Network } from '../../src/model/network.js'
import { Random } from '../../src/model/random.js'
import { topK } from '../../src/model/ranking.js'
import type { NamedArrays } from '../../src/model/tensor-file.js'
import { TEXT_LENGTH } from '../../src/model/text-encoder.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { principalAxes } from '../../src/model/text-space.js'
import { DEFAULT_CONFIG, type NetworkConfig, startFromText } from '../../src/model/weights.js'
import { DEFAULT_FIT, fit } from '../../src/training/fit.js'
import type { PracticeShop } from './practice-shops.js'

const DEPARTMENTS = 8
const LEAST_EVENTS = 3000
const ROUNDS = 1
const VISIT_STEPS = 50
const PARTNERS = 50
export const WIDTH = DEFAULT_CONFIG.width
export const CONFIG: NetworkConfig = { ...DEFAULT_CONFIG, textLength: TEXT_LENGTH, typeWeights: [1] }

export type Shop = Pick<PracticeShop, 'name' | 'itemCount' | 'text' | 'histories'>

/** Transformer, side table, alpha and scale, shop after shop; adaptor and residuals stay the shop's own. */
export async function pretrain(
  name: string,
  shops: Shop[],
  axesOf: (axes: Float32Array) => Float32Array,
  { stride, residualShare, seed }: { stride: number; residualShare: number; seed: number },
): Promise<NamedArrays> {
  const started = performance.now()
  let at: NamedArrays | null = null
  const own = shops.map(({ text }) => principalAxes(text, TEXT_LENGTH, WIDTH))
  const losses: number[] = []
  for (let round = 0; round < ROUNDS; round++)
    for (const place of new Random(seed + round).permutation(shops.length)) {
      const { text, histories, itemCount } = shops[place]
      const start = startFromText(CONFIG, axesOf(own[place]), itemCount, seed)
      const from: NamedArrays = at ? withSequence(start, at) : start
      const { arrays, curve } = await fit({
        config: CONFIG,
        start: from,
        text,
        histories,
        typeWeights: [1],
        options: {
          ...DEFAULT_FIT,
          epochs: 100,
          maxSteps: VISIT_STEPS,
          seed: seed + round,
          warmUpSteps: 5,
          frozenEpochs: 0,
          adaptorShare: 0,
          residualShare,
          negatives: Math.min(DEFAULT_FIT.negatives, itemCount),
        },
      })
      losses.push(curve.at(-1)?.trainLoss ?? 0)
      for (const [key, { data: values }] of Object.entries(from))
        if (isSequence(key)) values.forEach((value, i) => (values[i] = value + stride * (arrays[key].data[i] - value)))
      at = Object.fromEntries(Object.entries(from).filter(([key]) => isSequence(key)))
    }
  const alpha = at!.alpha.data as Float32Array
  const size = alpha.reduce((sum, value) => sum + Math.abs(value), 0) / alpha.length
  console.log(
    `${name}: ${losses.length} visits in ${((performance.now() - started) / 1000).toFixed(0)} s, mean |alpha| ${size.toFixed(4)}`,
  )
  return at!
}

function isSequence(name: string): boolean {
  return /^(block|types$|gaps$|waits$|hours$|alpha$|logScale$)/.test(name)
}

/** A start with another's transformer. */
export function withSequence(start: NamedArrays, learned: NamedArrays): NamedArrays {
  const parts = Object.entries(learned).filter(([name]) => isSequence(name))
  return { ...start, ...Object.fromEntries(parts.map(([name, one]) => [name, { ...one, data: one.data.slice() }])) }
}

/** Each item moved towards the mean of its partners' texts, as far as it was seen often enough. */
export function withResiduals(
  start: NamedArrays,
  text: TextMatrix,
  counts: Counts,
  reach: number,
  halfway: number,
): NamedArrays {
  const items = text.items
  const vectors = Network.fromArrays(CONFIG, start).textVectors(text)
  const residual = start.residual.data as Float32Array
  const row = new Float32Array(counts.itemCount)
  for (let item = 0; item < items; item++) {
    const seen = counts.seen(item)
    if (seen === 0) continue
    counts.following([{ item, type: 0, at: 0 }], 'wide', row)
    const partners = topK(row, PARTNERS).filter((other) => row[other] > 0 && other !== item)
    const total = partners.reduce((sum, other) => sum + row[other], 0)
    const share = (reach * seen) / (seen + halfway)
    for (const other of partners)
      for (let j = 0; j < WIDTH; j++)
        residual[item * WIDTH + j] += ((share * row[other]) / total) * vectors[other * WIDTH + j]
  }
  return start
}

/** The items nearest to each of some items drawn by chance, as shops of their own. */
export function departmentsOf({ name, text, histories }: Shop): Shop[] {
  const random = new Random(5)
  const centres = random.permutation(text.items).slice(0, DEPARTMENTS)
  const likeness = [...centres].map((centre) => text.products(text.block(centre, centre + 1)))
  const of = Uint8Array.from({ length: text.items }, (_, item) =>
    likeness.reduce((best, one, d) => (one[item] > likeness[best][item] ? d : best), 0),
  )
  return [...centres].flatMap((_, d) => {
    const items = Uint32Array.from(of.keys()).filter((item) => of[item] === d)
    const places = new Map([...items].map((item, place) => [item, place]))
    const kept: Histories = keepRows(histories, (row) => places.has(histories.items[row]))
    if (kept.items.length < LEAST_EVENTS) return []
    return [
      {
        name: `${name} ${d}`,
        itemCount: items.length,
        text: TextMatrix.from(text.gather(items), TEXT_LENGTH),
        histories: { ...kept, items: kept.items.map((item) => places.get(item)!) },
      },
    ]
  })
}

/** As data that tells the order only: a second from event to event. */
export function withoutTime(shop: Shop): Shop {
  const { offsets, times } = shop.histories
  const ordered = new Float64Array(times.length)
  for (let user = 0; user + 1 < offsets.length; user++)
    for (let row = offsets[user]; row < offsets[user + 1]; row++) ordered[row] = (row - offsets[user] + 1) * 1000
  return { ...shop, name: `${shop.name}, order only`, histories: { ...shop.histories, times: ordered } }
}

/** Axes turned by the rotation that brings them nearest to the reference (orthogonal Procrustes, Schönemann 1966). */
export function nearest(axes: Float32Array, reference: Float32Array): Float32Array {
  const product = matrix(axes).transpose().mmul(matrix(reference))
  const { leftSingularVectors, rightSingularVectors } = new SingularValueDecomposition(product)
  return turned(axes, leftSingularVectors.mmul(rightSingularVectors.transpose()))
}

/** A rotation drawn by chance: the orthogonal factor of normal numbers. */
export function rotation(random: Random): Matrix {
  const numbers = new Matrix([...Array(WIDTH).keys()].map(() => [...random.normals(WIDTH, 1)]))
  const { leftSingularVectors, rightSingularVectors } = new SingularValueDecomposition(numbers)
  return leftSingularVectors.mmul(rightSingularVectors.transpose())
}

export function turned(axes: Float32Array, by: Matrix): Float32Array {
  return Float32Array.from(matrix(axes).mmul(by).to1DArray())
}

function matrix(axes: Float32Array): Matrix {
  return Matrix.from1DArray(TEXT_LENGTH, axes.length / TEXT_LENGTH, [...axes])
}
