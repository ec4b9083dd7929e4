import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { groupByUser, type Histories, userCount } from '../../src/model/history.js'
import { itemText } from '../../src/model/item-text.js'
import { Random } from '../../src/model/random.js'
import { decodeTensors, encodeTensors } from '../../src/model/tensor-file.js'
import { TEXT_LENGTH, TextEncoder } from '../../src/model/text-encoder.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { fitTextSpace, principalAxes, whiten } from '../../src/model/text-space.js'
import { DEFAULT_CONFIG } from '../../src/model/weights.js'
import { packagePath } from '../../src/platform/paths.js'
import { readShop } from '../../scripts/shop-files.js'

/** What a process trains on. */
export interface BenchShop {
  items: number
  text: TextMatrix
  /** [textLength, width] principal axes of the texts: the start of a tenant's network */
  axes: Float32Array
  histories: Histories
}

/** The files that the contenders read. */
export interface ShopFiles {
  items: number
  users: number
  events: number
  /** For Attune: texts, axes and histories. */
  shop: string
  /** For the reference: 32-bit numbers of users and events, offsets, items. */
  histories: string
}

/** Encodes a shop's texts as the catalogue does and writes what each contender reads into `folder`. */
export function prepareShop(source: string, name: string, folder: string): ShopFiles {
  const { items, interactions } = readShop(join(source, name))
  const shipped = (file: string) => readFileSync(packagePath('models', 'text-encoder', file))
  const raw = new TextEncoder(shipped('table.safetensors'), shipped('vocab.txt')).encodeAll(items.map(itemText))
  const whitened = whiten(fitTextSpace(raw, TEXT_LENGTH), raw)
  const places = new Map(items.map(({ id }, place) => [id, place]))
  const users = new Map<string, number>()
  const rows = interactions.filter(({ itemId }) => places.has(itemId))
  for (const { userId } of rows) if (!users.has(userId)) users.set(userId, users.size)
  const histories = groupByUser(
    {
      users: Uint32Array.from(rows, ({ userId }) => users.get(userId)!),
      items: Uint32Array.from(rows, ({ itemId }) => places.get(itemId)!),
      types: new Uint8Array(rows.length),
      times: Float64Array.from(rows, ({ at }) => at * 1000),
    },
    users.size,
  )
  const axes = principalAxes(whitened, TEXT_LENGTH, DEFAULT_CONFIG.width)
  const { codes, scales } = TextMatrix.from(whitened, TEXT_LENGTH).toArrays()
  const files = { shop: join(folder, `${name}.safetensors`), histories: join(folder, `${name}.histories`) }
  const columns = Object.entries({ axes, codes, scales, ...histories })
  writeFileSync(
    files.shop,
    encodeTensors(Object.fromEntries(columns.map(([key, data]) => [key, { shape: [data.length], data }]))),
  )
  const numbers = [userCount(histories), rows.length, ...histories.offsets]
  const packed = new Int32Array(numbers.length + rows.length)
  packed.set(numbers)
  packed.set(histories.items, numbers.length)
  writeFileSync(files.histories, packed)
  return { items: items.length, users: users.size, events: rows.length, ...files }
}

export function readBenchShop(file: string): BenchShop {
  const { arrays } = decodeTensors(readFileSync(file))
  const floats = (name: string) => arrays[name].data as Float32Array
  const codes = Int8Array.from(arrays.codes.data)
  const scales = Float32Array.from(floats('scales'))
  return {
    items: scales.length,
    text: TextMatrix.fromArrays({ length: TEXT_LENGTH, codes, scales }),
    axes: floats('axes'),
    histories: {
      offsets: arrays.offsets.data as Uint32Array,
      items: arrays.items.data as Uint32Array,
      types: arrays.types.data as Uint8Array,
      times: arrays.times.data as Float64Array,
    },
  }
}

// Sales by rank fall about like this in the shops at hand: the first ten share the lead, then nearly one over the rank.
const HEAD = 10
const FALL = 0.9
const TEXT_BLOCK = 10_000

/**
 * A made-up tenant: items with random texts, whose popularity falls by rank as in a shop.
 * @param eventsPerUser of every user
 */
export function makeShop(items: number, events: number, eventsPerUser: number, seed = 1): BenchShop {
  const random = new Random(seed)
  const text = TextMatrix.empty(TEXT_LENGTH, items)
  const block = new Float32Array(TEXT_BLOCK * TEXT_LENGTH)
  for (let from = 0; from < items; from += TEXT_BLOCK) {
    for (let i = 0; i < block.length; i++) block[i] = (random.next() - 0.5) * Math.sqrt(12 / TEXT_LENGTH)
    text.setRows(from, block.subarray(0, Math.min(TEXT_BLOCK, items - from) * TEXT_LENGTH))
  }
  const cumulated = new Float64Array(items)
  for (let rank = 0, sum = 0; rank < items; rank++) cumulated[rank] = sum += (rank + HEAD) ** -FALL
  const draw = () => {
    const point = random.next() * cumulated[items - 1]
    let low = 0
    let high = items - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (cumulated[middle] > point) high = middle
      else low = middle + 1
    }
    return low
  }
  const users = Math.floor(events / eventsPerUser)
  const count = users * eventsPerUser
  return {
    items,
    text,
    axes: random.normals(TEXT_LENGTH * DEFAULT_CONFIG.width, 1 / Math.sqrt(TEXT_LENGTH)),
    histories: {
      offsets: Uint32Array.from({ length: users + 1 }, (_, user) => user * eventsPerUser),
      items: Uint32Array.from({ length: count }, draw),
      types: new Uint8Array(count),
      times: Float64Array.from({ length: count }, (_, event) => (event % eventsPerUser) * 3_600_000),
    },
  }
}
