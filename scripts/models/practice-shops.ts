// Shops as the blend's scripts need them: histories, whitened texts, and cases with everything the parts say.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Counts } from '../../src/model/counts.js'
import type { EnsembleParts } from '../../src/model/ensemble.js'
import { fitHalfLife } from '../../src/model/half-life.js'
import { groupByUser, keepRows, userCount, type EventType, type Histories } from '../../src/model/history.js'
import { itemTokens } from '../../src/model/item-facts.js'
import { itemText } from '../../src/model/item-text.js'
import { ItemTokens, tokensOf } from '../../src/model/item-tokens.js'
import { LexicalIndex } from '../../src/model/lexical-index.js'
import { Random } from '../../src/model/random.js'
import { TEXT_LENGTH, TextEncoder } from '../../src/model/text-encoder.js'
import { rowsOf, type TextMatrix } from '../../src/model/text-matrix.js'
import { fitTextSpace, whitenAll } from '../../src/model/text-space.js'
import { packagePath } from '../../src/platform/paths.js'
import { leaveOneOut, splitByTime, type Case } from '../../src/training/split.js'
import { readShop, type Shop } from '../shop-files.js'

/** All types alike: the public data has one each, or kinds of attention. */
const TYPES: EventType[] = [{ name: 'event', weight: 1, meaning: 'positive' }]
// As in leave-one-out: what a user had is not asked for again.
const HIDES = Uint8Array.of(1)

export interface PracticeShop {
  name: string
  itemCount: number
  /** Whitened. */
  text: TextMatrix
  lexical: LexicalIndex
  histories: Histories
}

/** A shop after some of its events, and users who are asked about their next. */
export interface Situation {
  name: string
  /** The events that the counts hold. */
  known: Histories
  parts: Omit<EnsembleParts, 'network' | 'blend'>
  cases: Case[]
}

const encoder = () => {
  const shipped = (name: string) => readFileSync(packagePath('models', 'text-encoder', name))
  return new TextEncoder(shipped('table.safetensors'), shipped('vocab.txt'))
}

/** @param group items that share its key are one item, whose text the key is; absent: every item by itself */
function toPracticeShop(name: string, shop: Shop, group?: (item: Shop['items'][number]) => string, least = 0): PracticeShop {
  const keys = new Map(shop.items.map((item) => [item.id, group?.(item) ?? item.id]))
  const events = new Map<string, number>()
  for (const { itemId } of shop.interactions) {
    const key = keys.get(itemId)
    if (key !== undefined) events.set(key, (events.get(key) ?? 0) + 1)
  }
  const places = new Map<string, number>()
  const texts: string[] = []
  const tokens: Uint32Array[] = []
  for (const item of shop.items) {
    const key = keys.get(item.id)!
    if (places.has(key) || (events.get(key) ?? 0) < least) continue
    places.set(key, texts.length)
    texts.push(group ? key : itemText(item))
    tokens.push(group ? tokensOf(key) : itemTokens(item))
  }
  const rows = shop.interactions.flatMap(({ userId, itemId, at }) => {
    const place = places.get(keys.get(itemId) ?? '')
    return place === undefined ? [] : [{ userId, place, at }]
  })
  const users = new Map<string, number>()
  for (const { userId } of rows) if (!users.has(userId)) users.set(userId, users.size)
  const raw = encoder().encodeAll(texts)
  return {
    name,
    itemCount: texts.length,
    text: whitenAll(fitTextSpace(raw, TEXT_LENGTH), rowsOf(raw, TEXT_LENGTH)),
    lexical: LexicalIndex.from(ItemTokens.of(tokens)),
    histories: groupByUser(
      {
        users: Uint32Array.from(rows, ({ userId }) => users.get(userId)!),
        items: Uint32Array.from(rows, ({ place }) => place),
        types: new Uint8Array(rows.length),
        times: Float64Array.from(rows, ({ at }) => at * 1000),
      },
      users.size,
    ),
  }
}

export const readPracticeShop = (data: string, folder: string): PracticeShop =>
  toPracticeShop(folder, readShop(join(data, folder)))

/**
 * Three shops of one source, from one where nearly every item has few buyers to one where all have many: its items as they
 * are; its items by first word of the title and category ("acme pet food"); its categories. Without books, so that a
 * bookshop stays a shop that the base has never seen.
 */
export function openEcommerceShops(data: string): PracticeShop[] {
  const withoutBooks = ({ items, interactions }: Shop): Shop => ({
    items: items.filter(({ categories }) => !categories.some((category) => category.includes('Book'))),
    interactions,
  })
  const whole = withoutBooks(readShop(join(data, 'open-ecommerce')))
  const words = (text: string) => text.replaceAll('_', ' ').toLowerCase()
  const category = ({ categories }: Shop['items'][number]) => words(categories.join(' ') || 'other')
  const brand = (item: Shop['items'][number]) => `${words(item.title.split(/\s+/)[0] ?? '')} ${category(item)}`
  return [
    toPracticeShop('items', withoutBooks(readShop(join(data, 'open-ecommerce-core')))),
    // Below five events a kind is what an item is in the first shop.
    toPracticeShop('kinds', whole, brand, 5),
    toPracticeShop('categories', whole, category),
  ]
}

/**
 * How users are asked. `time`: the first basket after a moment that is the same for all, as the gate asks; recent popularity
 * is worth here what it is worth in service. `last`: each user's last event, the rest of its basket known; most requests
 * come from the middle of a visit, and published figures are of this kind.
 */
export type Protocol = 'time' | 'last'

function ask(histories: Histories, protocol: Protocol, most: number): { known: Histories; cases: Case[] } {
  if (protocol === 'last') {
    const { beforeTest, test } = leaveOneOut(histories, { users: most })
    return { known: beforeTest, cases: test }
  }
  const { beforeTest, test } = splitByTime(histories, { types: TYPES, hides: HIDES, maxTest: most })
  return { known: beforeTest, cases: test }
}

/** The shop with a share of its users. */
export function shareOfUsers(
  shop: PracticeShop,
  protocol: Protocol,
  { share = 1, most = 1000, seed = 1 } = {},
): Situation {
  const random = new Random(seed)
  const kept = Array.from({ length: userCount(shop.histories) }, () => random.next() < share)
  const histories = keepRows(shop.histories, (_, user) => kept[user])
  const { known, cases } = ask(histories, protocol, most)
  return situation(`${shop.name}, ${100 * share} % of the users, ${protocol}`, shop, known, cases)
}

/** The first days of a shop: only so many users have been there, and others come. */
export function firstUsers(shop: PracticeShop, protocol: Protocol, users: number, most = 1000): Situation {
  const { known, cases } = ask(shop.histories, protocol, most)
  const asked = new Set(cases.map(({ user }) => user))
  const order = [...new Random(users).permutation(userCount(known))].filter((user) => !asked.has(user))
  const first = new Set(order.slice(0, users))
  const early = keepRows(known, (_, user) => first.has(user))
  return situation(`${shop.name}, the first ${users} users, ${protocol}`, shop, early, cases)
}

function situation(name: string, shop: PracticeShop, known: Histories, cases: Case[]): Situation {
  const { itemCount, text, lexical } = shop
  const halfLife = fitHalfLife(known, itemCount, TYPES)
  const counts = Counts.from(known, itemCount, { types: TYPES, halfLife })
  return { name, known, parts: { itemCount, text, lexical, counts }, cases }
}
