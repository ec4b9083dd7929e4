import { Random } from '../../src/model/random.js'
import { packagePath } from '../../src/platform/paths.js'
import { pause } from '../quickstart/service.js'
import { readShop } from '../shop-files.js'
import type { Stage } from './stage.js'

export const OUTDOOR = 'outdoor-shop'
const USERS = 700
const DAYS = 60
const DAY_MS = 86_400_000
const MAKERS = ['Alder', 'Borea', 'Cairn', 'Drift', 'Eyrie', 'Fjell', 'Grove', 'Heath']
/** In the order in which people come to need them. */
const THINGS: [thing: string, category: string, price: number][] = [
  ['day pack 22 l', 'Packs', 79],
  ['rain jacket', 'Clothing', 149],
  ['merino socks', 'Clothing', 19],
  ['water bottle 1 l', 'Kitchen', 17],
  ['trekking poles', 'On the way', 89],
  ['trekking pack 55 l', 'Packs', 189],
  ['tent for two', 'Tents', 329],
  ['down bag', 'Sleeping', 259],
  ['sleeping mat', 'Sleeping', 95],
  ['pillow', 'Sleeping', 29],
  ['gas stove', 'Kitchen', 49],
  ['pot set', 'Kitchen', 59],
  ['enamel mug', 'Kitchen', 12],
  ['head torch', 'Light', 45],
  ['lantern', 'Light', 35],
  ['first-aid kit', 'On the way', 27],
  ['map case', 'On the way', 15],
  ['tarp', 'Tents', 79],
  ['hammock', 'Sleeping', 65],
  ['folding knife', 'Kitchen', 39],
  ['gaiters', 'Clothing', 42],
  ['fleece', 'Clothing', 85],
  ['winter tent', 'Tents', 649],
  ['snow shoes', 'On the way', 175],
]
const itemOf = (maker: number, thing: number) => `${MAKERS[maker].slice(0, 2).toUpperCase()}-${100 + thing}`

/**
 * Tenants in as many states as there are: one that was learned from, others that wait for it, for a person or for events.
 * @returns what lets visits come until it is told to stop
 */
export async function makeShops(stage: Stage, pictures: string): Promise<(stop: AbortSignal) => Promise<void>> {
  await make(stage, OUTDOOR, 'Outdoor shop', { autoPromote: false, minIntervalMinutes: 0 })
  await make(stage, 'bookshop', 'Bookshop', { schedule: null, historyDays: 3650 })
  await make(stage, 'city-news', 'City news')
  await make(stage, 'corner-bakery', 'Corner bakery')
  await make(stage, 'records', 'Records and tapes')
  const random = new Random(20)
  await sendItems(stage, OUTDOOR, items(random, pictures))
  const { past, next } = people(random)
  await sendEvents(stage, OUTDOOR, past)
  await sendBooks(stage)
  const bread = ['Rye bread', 'Spelt rolls', 'Walnut loaf', 'Poppy plait', 'Carrot cake', 'Cheese straws']
  await sendItems(
    stage,
    'corner-bakery',
    bread.map((title, place) => ({ itemId: `b${place}`, title })),
  )
  const reads = Array.from({ length: 60 }, (_, reader) => ({
    userId: `r${reader % 9}`,
    itemId: `n${reader % 14}`,
    type: 'read',
  }))
  // Some as a client sends them that was not tried before.
  await sendEvents(stage, 'city-news', [
    ...reads,
    ...reads.slice(0, 25).map(({ userId }) => ({ userId, type: 'read' })),
  ])
  return (stop) => keepComing(stage, next, stop)
}

const make = (stage: Stage, id: string, name: string, training: object = {}) =>
  stage.call('POST', '/v1/tenants', { body: { id, name, settings: { training } } })

const items = (random: Random, pictures: string) =>
  MAKERS.flatMap((maker, m) =>
    THINGS.map(([thing, category, price], t) => ({
      itemId: itemOf(m, t),
      title: `${maker} ${thing}`,
      categories: [category],
      attributes: { maker },
      price: Math.round(price * (0.8 + 0.5 * random.next())),
      imageUrl: `${pictures}/${encodeURIComponent(`${maker} ${thing}`)}`,
    })),
  )

type Visit = (at: number) => Event[]

/** People who like one maker each, and need one thing after the other: what each did, and will do at his next visit. */
function people(random: Random): { past: Event[]; next: Visit[] } {
  const end = Date.now() - 5 * 60_000
  const next: Visit[] = []
  const past = Array.from({ length: USERS }, (_, user) => {
    const maker = Math.floor(MAKERS.length * random.next() ** 1.5)
    let at = end - DAYS * DAY_MS * random.next()
    let thing = Math.floor(THINGS.length * random.next() ** 2)
    const found: Event[] = []
    const visit = (when: number) => {
      const own = random.next() < 0.75 ? maker : random.below(MAKERS.length)
      const events = visitOf(`u-${1000 + user}`, own, thing, when, random)
      thing = random.next() < 0.8 ? (thing + 1 + random.below(2)) % THINGS.length : random.below(THINGS.length)
      return events
    }
    for (let visits = 3 + random.below(9); visits > 0 && at < end; visits--) {
      found.push(...visit(at))
      at += DAY_MS * 5 * random.next()
    }
    next.push(visit)
    return found
  }).flat()
  return { past: past.sort((a, b) => (a.occurredAt < b.occurredAt ? -1 : 1)), next }
}

interface Event {
  userId: string
  itemId: string
  type: string
  occurredAt: string
}

/** Looks at a few makers' things of one kind, and may buy one. */
function visitOf(userId: string, maker: number, thing: number, at: number, random: Random): Event[] {
  const event = (type: string, which: number, minutes: number) => ({
    userId,
    itemId: itemOf(which % MAKERS.length, thing),
    type,
    occurredAt: new Date(at + minutes * 60_000).toISOString(),
  })
  const views = Array.from({ length: 1 + random.below(2) }, (_, other) => event('view', maker + other, other))
  const taken = random.next()
  return [
    ...views,
    ...(taken < 0.6 ? [event('cart', maker, 3)] : []),
    ...(taken < 0.4 ? [event('purchase', maker, 4)] : []),
  ]
}

/** Visits as they come while somebody looks, until told to stop. */
async function keepComing(stage: Stage, next: Visit[], stop: AbortSignal): Promise<void> {
  const random = new Random(21)
  while (!stop.aborted) {
    const visits = Array.from({ length: 1 + random.below(7) }, () => next[random.below(next.length)])
    const at = Date.now() - 300_000
    await sendEvents(
      stage,
      OUTDOOR,
      visits.flatMap((visit) => visit(at)),
    )
    await pause(3000)
  }
}

/** The sample, moved in time so that the newest events are of today. */
async function sendBooks(stage: Stage) {
  const { items: books, interactions } = readShop(packagePath('samples', 'bookshop'))
  await sendItems(
    stage,
    'bookshop',
    books.map(({ id, title }) => ({ itemId: id, title, categories: ['Books'] })),
  )
  const shift = Math.floor(Date.now() / 1000) - 3600 - (interactions.at(-1)?.at ?? 0)
  await sendEvents(
    stage,
    'bookshop',
    interactions.map(({ userId, itemId, at, type }) => ({
      userId,
      itemId,
      type,
      occurredAt: new Date((at + shift) * 1000).toISOString(),
    })),
  )
}

const sendItems = (stage: Stage, tenant: string, all: object[]) => inBatches(stage, tenant, 'items', all)
const sendEvents = (stage: Stage, tenant: string, all: object[]) => inBatches(stage, tenant, 'events', all)

async function inBatches(stage: Stage, tenant: string, kind: 'items' | 'events', all: object[]) {
  for (let at = 0; at < all.length; at += 1000)
    await stage.call('POST', `/v1/tenants/${tenant}/${kind}`, { body: { [kind]: all.slice(at, at + 1000) } })
}

const runsOf = (tenant: string) => `/v1/tenants/${tenant}/training-runs`

export async function startRun(stage: Stage, tenant: string, reason: string): Promise<string> {
  const body = { from: 'base', reason, force: true }
  return (await stage.call<{ id: string }>('POST', runsOf(tenant), { body })).id
}

/** @returns the version that the run made, once it has ended */
export async function versionOf(stage: Stage, tenant: string, run: string): Promise<string> {
  for (;;) {
    const { state, modelVersion } = await stage.call<{ state: string; modelVersion: string | null }>(
      'GET',
      `${runsOf(tenant)}/${run}`,
    )
    if (modelVersion && ['promoted', 'rejected', 'skipped'].includes(state)) return modelVersion
    if (['skipped', 'failed', 'cancelled'].includes(state)) throw new Error(`the run ended as ${state}`)
    await pause(500)
  }
}
