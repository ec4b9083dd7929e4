import { join } from 'node:path'
import { readShop } from '../../scripts/shop-files.js'
import { textEncoder } from '../../src/catalog/item-vectors.js'
import type { EventColumns, EventType } from '../../src/model/history.js'
import { itemTokens } from '../../src/model/item-facts.js'
import { itemText } from '../../src/model/item-text.js'
import { ItemTokens } from '../../src/model/item-tokens.js'
import { TEXT_LENGTH } from '../../src/model/text-encoder.js'
import { rowsOf } from '../../src/model/text-matrix.js'
import type { Dataset } from '../../src/training/dataset.js'

/** A tenant's whole log, of which a run sees what lies before its moment. */
export interface Log {
  itemIds: string[]
  /** [items, TEXT_LENGTH] */
  vectors: Float32Array
  /** By item. */
  tokens: Uint32Array[]
  userCount: number
  /** By time. */
  events: EventColumns
  eventTypes: EventType[]
}

/**
 * Reads a data set with real times.
 * @param share of the users, an evenly spread part of them
 */
export function readLog(data: string, set: string, share: number): Log {
  const shop = readShop(join(data, set))
  const places = new Map(shop.items.map(({ id }, place) => [id, place]))
  const users = new Map<string, number>()
  const met = new Set<string>()
  const rows = shop.interactions.filter(({ userId, itemId }) => {
    if (!met.has(userId)) {
      met.add(userId)
      // Every time that the share adds up to one more user, this is that user.
      if (Math.floor(met.size * share) > Math.floor((met.size - 1) * share)) users.set(userId, users.size)
    }
    return users.has(userId) && places.has(itemId)
  })
  const types = [...new Set(rows.map(({ type }) => type))].sort()
  const texts = shop.items.map(itemText)
  return {
    itemIds: shop.items.map(({ id }) => id),
    vectors: textEncoder().encodeAll(texts),
    tokens: shop.items.map(itemTokens),
    userCount: users.size,
    events: {
      users: Uint32Array.from(rows, ({ userId }) => users.get(userId)!),
      items: Uint32Array.from(rows, ({ itemId }) => places.get(itemId)!),
      types: Uint8Array.from(rows, ({ type }) => types.indexOf(type)),
      times: Float64Array.from(rows, ({ at }) => at * 1000),
    },
    eventTypes: types.map((name) => ({ name, weight: 1, meaning: 'positive' })),
  }
}

/**
 * What a run reads when this share of the events has happened: those events, and the items that had one by then. What came
 * into the catalogue later is in no vocabulary, as with a tenant who adds items.
 */
export function datasetUpTo(log: Log, share: number): Dataset {
  const { times } = log.events
  let end = Math.floor(share * times.length)
  // A moment is not cut.
  while (end < times.length && times[end] === times[end - 1]) end++
  return firstEvents(log, end)
}

/** The same at a moment, milliseconds since 1970. */
export function datasetBefore(log: Log, moment: number): Dataset {
  const end = log.events.times.findIndex((at) => at >= moment)
  return firstEvents(log, end < 0 ? log.events.times.length : end)
}

function firstEvents(log: Log, end: number): Dataset {
  const { events } = log
  const items = events.items.subarray(0, end)
  const present = [...new Set(items)].sort((a, b) => a - b)
  const place = new Map(present.map((item, index) => [item, index]))
  const vectors = new Float32Array(present.length * TEXT_LENGTH)
  present.forEach((item, index) =>
    vectors.set(log.vectors.subarray(item * TEXT_LENGTH, (item + 1) * TEXT_LENGTH), index * TEXT_LENGTH),
  )
  return {
    itemIds: present.map((item) => log.itemIds[item]),
    vectors: rowsOf(vectors, TEXT_LENGTH),
    tokens: ItemTokens.of(present.map((item) => log.tokens[item])),
    published: new Float64Array(present.length).fill(NaN),
    userCount: log.userCount,
    events: {
      users: events.users.slice(0, end),
      items: Uint32Array.from(items, (item) => place.get(item)!),
      types: events.types.slice(0, end),
      times: events.times.slice(0, end),
    },
    eventTypes: log.eventTypes,
    hiddenAfter: log.eventTypes.map(({ name }) => name),
    read: end,
    unknownItem: 0,
    tooOld: 0,
  }
}
