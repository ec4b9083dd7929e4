import { packagePath } from '../../src/platform/paths.js'
import { readShop, type Shop, type ShopInteraction } from '../shop-files.js'

/** A sample as the quickstart uses it: what is known on the day it starts, and what its customers did afterwards. */
export interface SampleShop {
  id: string
  name: string
  items: Shop['items']
  titles: Map<string, string>
  past: ShopInteraction[]
  /** Each returning customer's next basket: items that were not in the customer's past. */
  next: { userId: string; items: Set<string> }[]
}

/** Share of the events, in order of time, that the service is given. The rest is what it has to foresee. */
const PAST_SHARE = 0.9
/** Customers whose next basket the lists are compared with. */
const JUDGED_CUSTOMERS = 300

/** Reads a sample and cuts it at one moment: never inside a basket. */
export function readSample(id: string, name: string): SampleShop {
  const { items, interactions } = readShop(packagePath('samples', id))
  const moment = interactions[Math.floor(interactions.length * PAST_SHARE)].at
  const cut = interactions.findIndex((event) => event.at === moment)
  const past = interactions.slice(0, cut)
  return {
    id,
    name,
    items,
    titles: new Map(items.map((item) => [item.id, item.title])),
    past,
    next: nextBaskets(past, interactions.slice(cut)),
  }
}

function nextBaskets(past: ShopInteraction[], future: ShopInteraction[]) {
  const bought = new Map<string, Set<string>>()
  for (const { userId, itemId } of past) bought.set(userId, (bought.get(userId) ?? new Set()).add(itemId))
  const baskets = new Map<string, { at: number; items: Set<string> }>()
  for (const { userId, itemId, at } of future) {
    const before = bought.get(userId)
    if (!before) continue
    const basket = baskets.get(userId) ?? { at, items: new Set<string>() }
    if (basket.at === at && !before.has(itemId)) basket.items.add(itemId)
    baskets.set(userId, basket)
  }
  return [...baskets]
    .filter(([, { items }]) => items.size > 0)
    .slice(0, JUDGED_CUSTOMERS)
    .map(([userId, { items }]) => ({ userId, items }))
}

/** NDCG@10 and the share of customers with at least one hit, of lists against next baskets. */
export function judge(lists: Map<string, string[]>, next: SampleShop['next']): { ndcg: number; hitRate: number } {
  let ndcg = 0
  let hits = 0
  for (const { userId, items } of next) {
    const gains: number[] = (lists.get(userId) ?? []).slice(0, 10).map((item) => (items.has(item) ? 1 : 0))
    const found = gains.reduce((sum, gain, rank) => sum + gain / Math.log2(rank + 2), 0)
    const best = Array.from({ length: Math.min(10, items.size) }).reduce(
      (sum: number, _, rank) => sum + 1 / Math.log2(rank + 2),
      0,
    )
    ndcg += found / best
    hits += gains.includes(1) ? 1 : 0
  }
  return { ndcg: ndcg / next.length, hitRate: hits / next.length }
}
