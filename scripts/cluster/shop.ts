import type { Cluster } from './cluster.js'

/** A tenant of the cluster with a small shop. Every id of it begins with its name: one in another's answer would show. */
export interface Shop {
  id: string
  key: string
  items: string[]
}

export interface LoadedEvent {
  eventId: string
  userId: string
  itemId: string
  type: string
}

/** The doors that events come by: those of one user come by one, so that their order means something. */
export const DOORS = ['http', 'kafka'] as const
export type Door = (typeof DOORS)[number]

const COLOURS = ['red', 'blue', 'green', 'black', 'white', 'golden']
const THINGS = ['lamp', 'chair', 'mug', 'clock', 'basket', 'mirror', 'candle', 'blanket', 'vase', 'bowl']
const PAST_USERS = 150
const PAST_VISITS = 6
const DAY_MS = 86_400_000
/** Users who are there at the same time, and what each does before he leaves. */
const VISITORS = 40
const VISITS = 8

export const itemId = (shop: string, n: number) => `${shop}/item-${n}`

/** The nth event that comes by a door: the same again whenever it is asked for. */
export function loadedEvent(shop: string, door: Door, n: number): LoadedEvent {
  const user = (n % VISITORS) + VISITORS * Math.floor(n / (VISITORS * VISITS))
  const visit = Math.floor(n / VISITORS) % VISITS
  const item = (user * 7 + visit * COLOURS.length) % (COLOURS.length * THINGS.length)
  return {
    eventId: `${door}-${n}`,
    userId: `${shop}/${door}-visitor-${user}`,
    itemId: itemId(shop, item),
    type: visit === VISITS - 1 ? 'purchase' : 'view',
  }
}

/** Makes a tenant with a catalogue and two months of history. @param without parts that its trainings leave out */
export async function openShop(cluster: Cluster, id: string, without: string[]): Promise<Shop> {
  const [api] = cluster.apis
  const post = async (path: string, key: string, body: object) => {
    const answer = await fetch(`${api.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const settings = {
    quotas: { eventsPerSecond: 1_000_000, requestsPerSecond: 100_000 },
    training: { schedule: null, without },
  }
  const { apiKey } = (await post('/v1/tenants', cluster.operatorKey, { id, settings })) as { apiKey: string }
  const items = COLOURS.flatMap((colour, i) =>
    THINGS.map((thing, j) => ({ itemId: itemId(id, i + COLOURS.length * j), title: `${colour} ${thing}` })),
  )
  await post(`/v1/tenants/${id}/items`, apiKey, { items })
  const past = pastEvents(id)
  for (let from = 0; from < past.length; from += 500)
    await post(`/v1/tenants/${id}/events`, apiKey, { events: past.slice(from, from + 500) })
  return { id, key: apiKey, items: items.map((item) => item.itemId) }
}

/** Users who go on to the next thing of their colour, one after the other over two months. */
function pastEvents(shop: string) {
  const end = Date.now() - DAY_MS
  const count = PAST_USERS * PAST_VISITS
  return Array.from({ length: count }, (_, n) => {
    const user = n % PAST_USERS
    const visit = Math.floor(n / PAST_USERS)
    const thing = (user + visit) % THINGS.length
    return {
      eventId: `past-${n}`,
      userId: `${shop}/user-${user}`,
      itemId: itemId(shop, (user % COLOURS.length) + COLOURS.length * thing),
      type: 'view',
      occurredAt: new Date(end - (60 * DAY_MS * (count - n)) / count).toISOString(),
    }
  })
}

export const PAST_EVENTS = PAST_USERS * PAST_VISITS
