import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EventColumns, EventType } from '../model/history.js'
import { type ItemFacts, itemTokens } from '../model/item-facts.js'
import { ItemTokens } from '../model/item-tokens.js'
import type { VectorRows } from '../model/text-matrix.js'
import { plainType, typeReader } from '../tenants/settings.js'
import type { Categories } from './metrics.js'
import { TypeMix } from './type-mix.js'

/** What a run trains on, in index space. */
export interface Dataset {
  itemIds: string[]
  /** Raw, a row an item; zeros where an item has none. */
  vectors: VectorRows
  /** What each item is filed under. */
  categories?: Categories
  /** What is said of it: words, categories, attributes, price. */
  tokens?: ItemTokens
  /** Milliseconds since 1970, NaN where nobody told; [items]. */
  published?: Float64Array
  userCount: number
  /** Events of known items by time, ties by arrival. */
  events: EventColumns
  eventTypes: EventType[]
  /** Types after which an item is not recommended to that user again. */
  hiddenAfter: string[]
  /** Events read, also those left out. */
  read: number
  /** Events of items that are not in the catalogue (any more). */
  unknownItem: number
  /** Events that were not read because so many newer ones were. */
  tooOld: number
  /** Events that were not read because they are older than `days` before the newest; absent: none is. */
  outsideHistory?: { events: number; days: number }
}

/** Of a tenant with more events the newest so many are read. */
export const MOST_EVENTS = 20_000_000

type Facts = Omit<Dataset, 'itemIds' | 'vectors' | 'events' | 'categories' | 'tokens' | 'published'> & {
  vectorLength: number
  categoryCount: number
}

/** Item and event rows as their rooms give them. */
interface ItemRow extends ItemFacts {
  itemId: string
  vector: Float32Array | null
  publishedAt?: Date | null
}
interface EventRow {
  userId: string
  itemId: string
  type: string
  value?: number | null
  occurredAt: Date
}

/** A file a column, each number as it lies in memory, so that they are written and read without a copy of the whole. */
const COLUMNS = [
  'ids',
  'vectors',
  'categories',
  'categoryEnds',
  'tokens',
  'tokenEnds',
  'published',
  'users',
  'items',
  'types',
  'times',
] as const
const FACTS = 'facts.json'
type Column = (typeof COLUMNS)[number]

/**
 * Writes a dataset into a folder page by page, from which the child reads it: ids are met once and then are numbers, and
 * nothing but ids is kept here, whatever the number of events.
 */
export class DatasetWriter {
  /** Of all events that were read. */
  readonly mix = new TypeMix()
  private readonly itemIndices = new Map<string, number>()
  private readonly userIndices = new Map<string, number>()
  private readonly placeOf: ReturnType<typeof typeReader>
  private readonly hiddenAfter: string[]
  private readonly categoryIndices = new Map<string, number>()
  private filings = 0
  private tokens = 0
  private idBytes = 0
  private read = 0
  private unknownItem = 0

  private constructor(
    private readonly folder: string,
    private readonly files: Record<Column, FileHandle>,
    private readonly vectorLength: number,
    private readonly eventTypes: EventType[],
    hiddenAfter: string[],
  ) {
    this.placeOf = typeReader(eventTypes)
    const names = eventTypes.map(({ name }) => name)
    this.hiddenAfter = names.filter((name) => hiddenAfter.includes(plainType(name)))
  }

  /**
   * @param folder made where it is not there
   * @param eventTypes place 0 is every type that no other place names
   * @param hiddenAfter types as the tenant names them: their low and high events hide as well
   */
  static async open(
    folder: string,
    vectorLength: number,
    eventTypes: EventType[],
    hiddenAfter: string[],
  ): Promise<DatasetWriter> {
    await mkdir(folder, { recursive: true })
    const opened = await Promise.all(COLUMNS.map(async (name) => [name, await open(join(folder, name), 'w')] as const))
    const files = Object.fromEntries(opened) as Record<Column, FileHandle>
    return new DatasetWriter(folder, files, vectorLength, eventTypes, hiddenAfter)
  }

  get itemCount(): number {
    return this.itemIndices.size
  }

  async addItems(rows: ItemRow[]): Promise<void> {
    const fresh = new Map(rows.filter(({ itemId }) => !this.itemIndices.has(itemId)).map((row) => [row.itemId, row]))
    const vectors = new Float32Array(fresh.size * this.vectorLength)
    const categories: number[] = []
    const categoryEnds = new Uint32Array(fresh.size)
    const tokens: number[] = []
    const tokenEnds = new Uint32Array(fresh.size)
    const published = new Float64Array(fresh.size)
    let ids = ''
    let at = 0
    for (const row of fresh.values()) {
      const { itemId, vector, publishedAt } = row
      this.itemIndices.set(itemId, this.itemIndices.size)
      ids += `${JSON.stringify(itemId)}\n`
      // A vector of another length is from before the tenant brought its own: it is no vector of this space.
      if (vector?.length === this.vectorLength) vectors.set(vector, at * this.vectorLength)
      for (const category of new Set(row.categories)) {
        const known = this.categoryIndices.get(category) ?? this.categoryIndices.size
        this.categoryIndices.set(category, known)
        categories.push(known)
      }
      categoryEnds[at] = this.filings + categories.length
      for (const token of itemTokens(row)) tokens.push(token)
      tokenEnds[at] = this.tokens + tokens.length
      published[at++] = publishedAt?.getTime() ?? NaN
    }
    const bytes = Buffer.from(ids)
    this.idBytes += bytes.length
    this.filings += categories.length
    this.tokens += tokens.length
    await this.append({
      ids: bytes,
      vectors,
      categories: Uint32Array.from(categories),
      categoryEnds,
      tokens: Uint32Array.from(tokens),
      tokenEnds,
      published,
    })
  }

  /** Call after all items, with events by time, ties by arrival. */
  async addEvents(rows: EventRow[]): Promise<void> {
    const users = new Uint32Array(rows.length)
    const items = new Uint32Array(rows.length)
    const types = new Uint8Array(rows.length)
    const times = new Float64Array(rows.length)
    let count = 0
    for (const { userId, itemId, type, value = null, occurredAt } of rows) {
      this.mix.add(type, occurredAt.getTime())
      const item = this.itemIndices.get(itemId)
      if (item === undefined) continue
      let user = this.userIndices.get(userId)
      if (user === undefined) this.userIndices.set(userId, (user = this.userIndices.size))
      users[count] = user
      items[count] = item
      types[count] = this.placeOf(type, value)
      times[count] = occurredAt.getTime()
      count++
    }
    this.read += rows.length
    this.unknownItem += rows.length - count
    await this.append({
      users: users.subarray(0, count),
      items: items.subarray(0, count),
      types: types.subarray(0, count),
      times: times.subarray(0, count),
    })
  }

  /**
   * @param tooOld events that were not read because so many newer ones were
   * @param outsideHistory those that were not read because of the tenant's `historyDays`
   * @returns bytes of the ids, which is what the child makes objects of
   */
  async finish(tooOld = 0, outsideHistory?: Dataset['outsideHistory']): Promise<number> {
    const { eventTypes, hiddenAfter, read, unknownItem, vectorLength } = this
    const userCount = this.userIndices.size
    const categoryCount = this.categoryIndices.size
    const left = { unknownItem, tooOld, ...(outsideHistory && { outsideHistory }) }
    const facts: Facts = { vectorLength, categoryCount, userCount, eventTypes, hiddenAfter, read, ...left }
    await writeFile(join(this.folder, FACTS), JSON.stringify(facts))
    await this.close()
    return this.idBytes
  }

  /** Whether it was finished or not. */
  async close(): Promise<void> {
    await Promise.all(Object.values(this.files).map((file) => file.close()))
  }

  private async append(columns: Partial<Record<Column, NodeJS.TypedArray>>): Promise<void> {
    for (const [name, { buffer, byteOffset, byteLength }] of Object.entries(columns))
      await this.files[name as Column].appendFile(new Uint8Array(buffer, byteOffset, byteLength))
  }
}

/** What `DatasetWriter` wrote. The vectors stay in their file, and are read by the block. */
export function readDataset(folder: string): Dataset {
  const { vectorLength, categoryCount, ...facts } = JSON.parse(readFileSync(join(folder, FACTS), 'utf8')) as Facts
  const ids = readFileSync(join(folder, 'ids'), 'utf8').split('\n').slice(0, -1)
  const itemIds = ids.map((id) => JSON.parse(id) as string)
  const column = <T extends NodeJS.TypedArray>(name: Column, make: (bytes: number) => T): T => {
    const file = openSync(join(folder, name), 'r')
    const values = make(fstatSync(file).size)
    readInto(file, values, 0)
    closeSync(file)
    return values
  }
  const numbers = (name: Column) => column(name, (bytes) => new Uint32Array(bytes / 4))
  const offsets = (name: Column) => {
    const from = new Uint32Array(itemIds.length + 1)
    from.set(numbers(name), 1)
    return from
  }
  return {
    ...facts,
    itemIds,
    categories: { offsets: offsets('categoryEnds'), values: numbers('categories'), count: categoryCount },
    tokens: ItemTokens.from(offsets('tokenEnds'), numbers('tokens')),
    published: column('published', (bytes) => new Float64Array(bytes / 8)),
    vectors: new FileRows(openSync(join(folder, 'vectors'), 'r'), itemIds.length, vectorLength),
    events: {
      users: numbers('users'),
      items: numbers('items'),
      types: column('types', (bytes) => new Uint8Array(bytes)),
      times: column('times', (bytes) => new Float64Array(bytes / 8)),
    },
  }
}

/** Rows of float32 in a file, which stays open as long as the process. */
class FileRows implements VectorRows {
  constructor(
    private readonly file: number,
    readonly items: number,
    readonly length: number,
  ) {}

  block(from: number, to: number): Float32Array {
    const rows = new Float32Array((to - from) * this.length)
    readInto(this.file, rows, 4 * from * this.length)
    return rows
  }
}

/** Fills `values` from the place on. One call reads at most 2 GiB. */
function readInto(file: number, values: NodeJS.TypedArray, position: number): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  for (let at = 0; at < bytes.length;) {
    const part = bytes.subarray(at, at + 2 ** 30)
    const read = readSync(file, part, 0, part.length, position + at)
    if (read === 0) throw new Error('The dataset is cut short')
    at += read
  }
}
