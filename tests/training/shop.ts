import { Random } from '../../src/model/random.js'
import type { TestService } from '../support/service.js'

/**
 * A made-up shop whose users mostly go on to the next kind of thing in the same colour. Each colour and kind has several
 * items, so that counting which item follows which sees little of what a network can learn from the titles.
 */
export interface MadeUpShop {
  items: { itemId: string; title: string }[]
  events: { userId: string; itemId: string; type: string; occurredAt: string; eventId: string }[]
}

const COLOURS = ['red', 'blue', 'green', 'black', 'white', 'golden', 'silver', 'purple', 'orange', 'pink']
const THINGS = [
  'lamp',
  'chair',
  'mug',
  'clock',
  'basket',
  'mirror',
  'candle',
  'blanket',
  'vase',
  'bowl',
  'tray',
  'frame',
]
const DAY_MS = 86_400_000

export function madeUpShop(items: number, users: number, seed = 1, days = 60): MadeUpShop {
  const random = new Random(seed)
  const title = (i: number) =>
    `${COLOURS[i % COLOURS.length]} ${THINGS[Math.floor(i / COLOURS.length) % THINGS.length]} number ${i}`
  const end = Date.now() - DAY_MS
  const events: MadeUpShop['events'] = []
  for (let user = 0; user < users; user++) {
    let item = Math.floor(items * random.next() ** 2)
    const visits = 3 + random.below(10)
    let at = end - days * DAY_MS * random.next()
    for (let visit = 0; visit < visits && at < end; visit++) {
      events.push({
        eventId: `e${user}-${visit}`,
        userId: `user ${user}`,
        itemId: `item/${item}`,
        type: 'view',
        occurredAt: new Date(at).toISOString(),
      })
      const sorts = COLOURS.length * THINGS.length
      const next = (item % sorts) + COLOURS.length
      const variants = Math.max(1, Math.floor(items / sorts))
      const follows = random.next() < 0.85
      item = follows ? ((next % sorts) + sorts * random.below(variants)) % items : random.below(items)
      at += DAY_MS * 4 * random.next()
    }
  }
  events.sort((a, b) => (a.occurredAt < b.occurredAt ? -1 : 1))
  return { items: Array.from({ length: items }, (_, i) => ({ itemId: `item/${i}`, title: title(i) })), events }
}

/** Sends a shop through the service's doors. */
export async function send(service: TestService, tenant: { id: string; key: string }, shop: Partial<MadeUpShop>) {
  for (const kind of ['items', 'events'] as const) {
    const all = shop[kind] ?? []
    for (let from = 0; from < all.length; from += 1000) {
      const body = { [kind]: all.slice(from, from + 1000) }
      const answer = await service.call('POST', `/v1/tenants/${tenant.id}/${kind}`, { key: tenant.key, body })
      const { rejected } = answer.body as { rejected?: unknown[] }
      if (answer.status >= 300 || rejected?.length !== 0) throw new Error(`not taken: ${JSON.stringify(answer.body)}`)
    }
  }
}
