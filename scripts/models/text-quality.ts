// How well texts alone recommend, with nothing trained: the table of models/text-encoder/README.md.
//
//   npm run build && node dist/scripts/models/text-quality.js --data DIR [--sets a,b] [--weights 100,500]
//
// A user with at least 5 events gives his last one as the target, unless its item is already in his history; 1,000 such
// users by hash. He is the 1/(k + 1)-weighted mean of his last 50 items' vectors; the whole catalogue is ranked, less his
// history.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { itemText } from '../../src/model/item-text.js'
import { decodeTensors } from '../../src/model/tensor-file.js'
import { TEXT_LENGTH, TextEncoder } from '../../src/model/text-encoder.js'
import { decodePrior, fitTextSpace, type TextPrior, whiten } from '../../src/model/text-space.js'
import { packagePath } from '../../src/platform/paths.js'
import { readShop } from '../shop-files.js'

const USERS = 1_000
const HISTORY = 50
const CUT = 10

interface Case {
  history: number[]
  target: number
}

interface EncodedSet {
  cases: Case[]
  vectors: Float32Array
}

const shipped = (name: string) => readFileSync(packagePath('models', 'text-encoder', name))

function readSet(folder: string, encoder: TextEncoder): EncodedSet {
  const { items, interactions } = readShop(folder)
  const indexOf = new Map(items.map(({ id }, i) => [id, i]))
  const users = new Map<string, { at: number; item: number }[]>()
  for (const { userId, itemId, at } of interactions) {
    const item = indexOf.get(itemId)
    if (item === undefined) continue
    const events = users.get(userId)
    if (events) events.push({ at, item })
    else users.set(userId, [{ at, item }])
  }
  const cases = [...users]
    .filter(([, events]) => events.length >= 5)
    .map(([id, events]) => {
      const order = events.sort((a, b) => a.at - b.at).map(({ item }) => item)
      return { key: createHash('md5').update(id).digest('hex'), target: order.pop()!, history: order }
    })
    .filter(({ history, target }) => !history.includes(target))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, USERS)
  return { cases, vectors: encoder.encodeAll(items.map(itemText)) }
}

/** Hit rate and NDCG at 10, in %. */
function judge(cases: Case[], vectors: Float32Array): [number, number] {
  const count = vectors.length / TEXT_LENGTH
  let hits = 0
  let gain = 0
  for (const { history, target } of cases) {
    const user = new Float64Array(TEXT_LENGTH)
    history.slice(-HISTORY).forEach((item, i, recent) => {
      for (let j = 0; j < TEXT_LENGTH; j++) user[j] += vectors[item * TEXT_LENGTH + j] / (recent.length - i)
    })
    const score = (item: number) => {
      let sum = 0
      for (let j = 0; j < TEXT_LENGTH; j++) sum += user[j] * vectors[item * TEXT_LENGTH + j]
      return sum
    }
    const bar = score(target)
    const seen = new Set(history)
    let rank = 0
    // A tie counts against the target where its rival comes first, as it would in a list.
    for (let item = 0; item < count && rank < CUT; item++) {
      if (item === target || seen.has(item)) continue
      const other = score(item)
      if (other > bar || (other === bar && item < target)) rank++
    }
    if (rank >= CUT) continue
    hits++
    gain += 1 / Math.log2(rank + 2)
  }
  return [(100 * hits) / cases.length, (100 * gain) / cases.length]
}

/** n rows at even distances. */
function thin(vectors: Float32Array, n: number): Float32Array {
  const count = vectors.length / TEXT_LENGTH
  const out = new Float32Array(n * TEXT_LENGTH)
  for (let i = 0; i < n; i++) {
    const row = Math.floor((i * count) / n)
    out.set(vectors.subarray(row * TEXT_LENGTH, (row + 1) * TEXT_LENGTH), i * TEXT_LENGTH)
  }
  return out
}

function main(): void {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      sets: { type: 'string', default: 'online-retail,open-ecommerce-core,ml-1m,amazon-games' },
      weights: { type: 'string' },
    },
  })
  const data = values.data ?? process.env.ATTUNE_DATA
  if (!data) throw new Error('where is the data? --data DIR, or ATTUNE_DATA')
  const encoder = new TextEncoder(shipped('table.safetensors'), shipped('vocab.txt'))
  const prior = decodePrior(decodeTensors(shipped('prior.safetensors')).arrays)
  const weights = values.weights?.split(',').map(Number) ?? [prior.weight]
  const sets = values.sets.split(',').map((name) => readSet(join(data, name), encoder))

  const line = (name: string, map: (vectors: Float32Array) => Float32Array) => {
    const results = sets.map(({ cases, vectors }) => judge(cases, map(vectors)))
    const mean = [0, 1].map((i) => results.reduce((sum, result) => sum + result[i], 0) / results.length)
    console.log(`| ${name} | ${[...results, mean].map((pair) => pair.map((x) => x.toFixed(2)).join('/')).join(' | ')} |`)
  }
  const fitted = (n: number | 'all', withPrior?: TextPrior) => (vectors: Float32Array) => {
    const sample = n === 'all' ? vectors : thin(vectors, n)
    return whiten(fitTextSpace(sample, TEXT_LENGTH, withPrior), vectors)
  }
  console.log(`| | ${values.sets.split(',').join(' | ')} | mean |`)
  line('raw', (vectors) => vectors)
  line('prior alone', fitted(0, prior))
  for (const n of [10, 100, 1_000, 'all'] as const) {
    line(`${n} items, no prior`, fitted(n))
    for (const weight of weights) line(`${n} items, prior of ${weight}`, fitted(n, { ...prior, weight }))
  }
}

main()
