import { type EventColumns, type EventType, longer } from '../model/history.js'
import { decodeTensors, encodeTensors } from '../model/tensor-file.js'

/** What a run trains on, in index space, as it travels to the child process. */
export interface Dataset {
  itemIds: string[]
  vectorLength: number
  /** [items, vectorLength] raw vectors; a row of zeros where an item has none */
  vectors: Float32Array
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
}

/** Item and event rows as their rooms give them. */
interface ItemRow {
  itemId: string
  vector: Float32Array | null
}
interface EventRow {
  userId: string
  itemId: string
  type: string
  occurredAt: Date
}

/** Gathers a dataset page by page into typed arrays: ids are met once and then are numbers. */
export class DatasetBuilder {
  private readonly itemIndices = new Map<string, number>()
  private readonly userIndices = new Map<string, number>()
  private readonly typeIndices: Map<string, number>
  private vectors = new Float32Array(0)
  private users = new Uint32Array(1024)
  private items = new Uint32Array(1024)
  private types = new Uint8Array(1024)
  private times = new Float64Array(1024)
  private count = 0
  private read = 0
  private unknownItem = 0

  /** @param eventTypes place 0 is every type that no other place names */
  constructor(
    private readonly vectorLength: number,
    private readonly eventTypes: EventType[],
    private readonly hiddenAfter: string[],
  ) {
    // A type's place is kept in one byte.
    this.typeIndices = new Map(eventTypes.slice(0, 256).map((type, index) => [type.name, index]))
  }

  addItems(rows: ItemRow[]): void {
    for (const { itemId, vector } of rows) {
      if (this.itemIndices.has(itemId)) continue
      const index = this.itemIndices.size
      this.itemIndices.set(itemId, index)
      const end = (index + 1) * this.vectorLength
      if (end > this.vectors.length)
        this.vectors = longer(this.vectors, new Float32Array(Math.max(2 * this.vectors.length, end)))
      // A vector of another length is from before the tenant brought its own: it is no vector of this space.
      if (vector?.length === this.vectorLength) this.vectors.set(vector, index * this.vectorLength)
    }
  }

  /** Call after all items, with events by time, ties by arrival. */
  addEvents(rows: EventRow[]): void {
    for (const { userId, itemId, type, occurredAt } of rows) {
      this.read++
      const item = this.itemIndices.get(itemId)
      if (item === undefined) {
        this.unknownItem++
        continue
      }
      let user = this.userIndices.get(userId)
      if (user === undefined) this.userIndices.set(userId, (user = this.userIndices.size))
      const at = this.count++
      if (at === this.items.length) this.grow()
      this.users[at] = user
      this.items[at] = item
      this.types[at] = this.typeIndices.get(type) ?? 0
      this.times[at] = occurredAt.getTime()
    }
  }

  finish(): Dataset {
    const { count } = this
    return {
      itemIds: [...this.itemIndices.keys()],
      vectorLength: this.vectorLength,
      vectors: this.vectors.subarray(0, this.itemIndices.size * this.vectorLength),
      userCount: this.userIndices.size,
      events: {
        users: this.users.subarray(0, count),
        items: this.items.subarray(0, count),
        types: this.types.subarray(0, count),
        times: this.times.subarray(0, count),
      },
      eventTypes: this.eventTypes,
      hiddenAfter: this.hiddenAfter,
      read: this.read,
      unknownItem: this.unknownItem,
    }
  }

  private grow() {
    const capacity = 2 * this.items.length
    this.users = longer(this.users, new Uint32Array(capacity))
    this.items = longer(this.items, new Uint32Array(capacity))
    this.types = longer(this.types, new Uint8Array(capacity))
    this.times = longer(this.times, new Float64Array(capacity))
  }
}

/** A dataset as a tensor file. */
export function encodeDataset(dataset: Dataset): Uint8Array {
  const { itemIds, vectors, vectorLength, events, userCount, eventTypes, hiddenAfter, read, unknownItem } = dataset
  // Not in the header: that is meant for a few names, and a large catalogue's ids are megabytes.
  const ids = new TextEncoder().encode(JSON.stringify(itemIds))
  const count = events.items.length
  return encodeTensors(
    {
      itemIds: { shape: [ids.length], data: ids },
      vectors: { shape: [itemIds.length, vectorLength], data: vectors },
      users: { shape: [count], data: events.users },
      items: { shape: [count], data: events.items },
      types: { shape: [count], data: events.types },
      times: { shape: [count], data: events.times },
    },
    { facts: JSON.stringify({ vectorLength, userCount, eventTypes, hiddenAfter, read, unknownItem }) },
  )
}

export function decodeDataset(bytes: Uint8Array): Dataset {
  const { arrays, metadata } = decodeTensors(bytes)
  const facts = JSON.parse(metadata.facts) as Omit<Dataset, 'itemIds' | 'vectors' | 'events'>
  return {
    ...facts,
    itemIds: JSON.parse(new TextDecoder().decode(arrays.itemIds.data)) as string[],
    vectors: arrays.vectors.data as Float32Array,
    events: {
      users: arrays.users.data as Uint32Array,
      items: arrays.items.data as Uint32Array,
      types: arrays.types.data as Uint8Array,
      times: arrays.times.data as Float64Array,
    },
  }
}
