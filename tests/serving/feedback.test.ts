import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventsService } from '../../src/events/events.service.js'
import { Counts } from '../../src/model/counts.js'
import { DEFAULT_HALF_LIFE } from '../../src/model/half-life.js'
import { evidenceOf } from '../../src/model/history.js'
import { targetWeights } from '../../src/model/packing.js'
import { eventTypeTable, Settings } from '../../src/tenants/settings.js'
import { DatasetWriter, readDataset } from '../../src/training/dataset.js'
import { cleanEvents } from '../../src/training/quality.js'
import { splitByTime } from '../../src/training/split.js'
import { testService, type TestService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'
import { catalogOf } from './made-version.js'

// What a user says against an item, by a type that means it or by a low value, is no wish for it anywhere.

const defaults = Settings.parse({})
const settings = Settings.parse({
  eventTypes: {
    ...defaults.eventTypes,
    rating: { weight: 1, meaning: 'positive', value: { lowBelow: 3, highFrom: 5 } },
  },
  training: { schedule: null },
})
const ITEMS = 120
const shop = madeUpShop(ITEMS, 150)
/** Ways to say that an item is not wanted. */
const AGAINST = [
  { type: 'dislike' },
  { type: 'remove' },
  { type: 'rating', value: 1 },
  { type: 'read', value: 0.02 },
] as const
type Said = { type: string; value?: number }

let service: TestService
beforeAll(async () => {
  service = await testService()
})
afterAll(() => service.stop())

type Tenant = { id: string; key: string }
const call = async (tenant: Tenant, method: string, path: string, body?: object) => {
  const answer = await service.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer.body as { source: string; items: { itemId: string; source: string }[] }
}
const say = (tenant: Tenant, events: object[]) => call(tenant, 'POST', '/events', { events })
const listFor = async (tenant: Tenant, body: object) => {
  const { items, source } = await call(tenant, 'POST', '/recommendations', { count: ITEMS, ...body })
  return { source, ids: items.map(({ itemId }) => itemId) }
}
const trending = async (tenant: Tenant, count = ITEMS) => {
  const { items } = await call(tenant, 'GET', `/trending?hours=1&count=${count}`)
  return items.filter(({ source }) => source === 'trending').map(({ itemId }) => itemId)
}

async function shopTenant(own: object = settings): Promise<Tenant> {
  const tenant = await service.makeTenant(undefined, own)
  await send(service, tenant, shop)
  // From here on the model is alive: what is said next reaches it event by event.
  await call(tenant, 'POST', '/recommendations', {})
  return tenant
}

// The shop's items of one title's words: ten colours, twelve things, so an item has eleven others of its colour.
const alike = (item: number) =>
  Array.from({ length: ITEMS }, (_, i) => i).filter((i) => i !== item && i % 10 === item % 10)
const meanPlace = (ids: string[], items: number[]) =>
  items.reduce((sum, item) => sum + ids.indexOf(`item/${item}`), 0) / items.length

test('what a user says against an item raises nothing like it, and hides it where its type does', async () => {
  const tenant = await shopTenant()
  const liked = { itemId: 'item/5', type: 'view' }
  const like = alike(42)
  await say(tenant, [{ userId: 'before', ...liked }])
  const before = await listFor(tenant, { userId: 'before' })
  expect(before).toMatchObject({ source: 'base' })
  const without = (ids: string[]) =>
    meanPlace(
      ids.filter((id) => id !== 'item/42'),
      like,
    )
  for (const [n, said] of AGAINST.entries()) {
    const about = { itemId: 'item/42', ...said }
    await say(tenant, [
      { userId: `user against ${n}`, ...liked },
      { userId: `user against ${n}`, ...about },
    ])
    const stored = await listFor(tenant, { userId: `user against ${n}` })
    const told = await listFor(tenant, { history: [liked, about] })
    for (const { ids, source } of [stored, told]) {
      expect(source, said.type).toBe('base')
      expect(without(ids), said.type).toBeGreaterThanOrEqual(without(before.ids) - 0.5)
      expect(ids.includes('item/42'), said.type).toBe(!settings.hideAfter.includes(said.type))
    }
  }
  // The same with a wish: so it is seen that the list would show it.
  for (const said of [{ type: 'view' }, { type: 'rating', value: 4 }, { type: 'read', value: 0.6 }]) {
    const { ids } = await listFor(tenant, { history: [liked, { itemId: 'item/42', ...said }] })
    expect(without(ids), said.type).toBeLessThan(without(before.ids) - 10)
  }
})

test('who only said what he does not want gets what is trending', async () => {
  const tenant = await shopTenant()
  for (const [n, said] of AGAINST.entries()) {
    const about = { itemId: 'item/42', ...said }
    await say(tenant, [{ userId: `only ${n}`, ...about }])
    expect((await listFor(tenant, { userId: `only ${n}` })).source).not.toBe('base')
    expect((await listFor(tenant, { history: [about] })).source).not.toBe('base')
  }
})

test(
  'it counts for nothing, and a high value twice: event by event, and in a model built anew',
  { timeout: 120_000 },
  async () => {
    const from = (users: number, itemId: string, said: Said, name: string) =>
      Array.from({ length: users }, (_, n) => ({ userId: `${name} ${n}`, itemId, ...said }))
    const events = [
      ...AGAINST.flatMap((said, n) => from(9, 'item/1', said, `against ${n}`)),
      ...from(5, 'item/2', { type: 'rating', value: 5 }, 'five stars'),
      ...from(8, 'item/3', { type: 'rating', value: 3 }, 'three stars'),
      ...from(7, 'item/4', { type: 'rating' }, 'no stars'),
    ]
    const wanted = ['item/2', 'item/3', 'item/4']
    const tenant = await shopTenant()
    await say(tenant, events)
    await expect.poll(() => trending(tenant), { timeout: 5000 }).toEqual(wanted)

    // Where values are not read, everything that was said with a rating counts once.
    const { rating, read } = settings.eventTypes
    const unread = { rating: { ...rating, value: undefined }, read: { ...read, value: undefined } }
    const other = await shopTenant({ ...settings, eventTypes: { ...settings.eventTypes, ...unread } })
    await say(other, events)
    await expect.poll(() => trending(other), { timeout: 5000 }).toEqual(['item/1', 'item/3', 'item/4', 'item/2'])
    const { body } = await service.call('PATCH', `/v1/tenants/${other.id}`, {
      key: other.key,
      body: { settings: { eventTypes: { rating: { value: rating.value }, read: { value: read.value } } } },
    })
    expect(body).toMatchObject({ settings: { eventTypes: settings.eventTypes } })
    // A model rests a while before it is built anew.
    await expect.poll(() => trending(other), { timeout: 90_000, interval: 500 }).toEqual(wanted)
  },
)

test('it is never a target in training or evaluation, whose report says how much there was of it', async () => {
  // Every third event of the shop is against its item, in turn by each way.
  const said = shop.events.map((event, n) =>
    n % 3 === 0 ? { ...event, eventId: `again ${n}`, ...AGAINST[(n / 3) % AGAINST.length] } : event,
  )
  const tenant = await service.makeTenant(undefined, settings)
  await send(service, tenant, { items: shop.items, events: said })

  const folder = mkdtempSync(join(tmpdir(), 'attune-test-'))
  const types = eventTypeTable(settings)
  const writer = await DatasetWriter.open(folder, 384, types, settings.hideAfter)
  await writer.addItems(await catalogOf(service, tenant.id))
  await service.app.get(EventsService).streamForTraining(tenant.id, new Date(0), (rows) => writer.addEvents(rows))
  await writer.finish()
  const dataset = readDataset(folder)
  rmSync(folder, { recursive: true })

  const { histories, report } = cleanEvents(dataset.events, dataset.userCount, types, dataset)
  const each = Math.floor(said.length / 3 / AGAINST.length)
  const found = Object.fromEntries(report.findings.map(({ reason, events }) => [reason, events]))
  expect(found.low).toBeGreaterThanOrEqual(2 * each - (found.superseded ?? 0))
  expect(found.negative).toBeGreaterThanOrEqual(2 * each)

  const evidence = evidenceOf(types)
  const isAgainst = Array.from(histories.types, (type) => types[type].meaning === 'negative')
  expect(isAgainst.filter(Boolean).length).toBeGreaterThan(said.length / 4)
  const typeWeights = types.map(({ weight }, type) => (evidence[type] ? weight : 0))
  expect(targetWeights(histories, typeWeights).filter((weight, row) => isAgainst[row] && weight > 0)).toHaveLength(0)

  const hides = Uint8Array.from(types, ({ name }) => (dataset.hiddenAfter.includes(name) ? 1 : 0))
  const split = splitByTime(histories, { types, hides })
  const cases = [...split.test, ...split.validation.blending, ...split.validation.stopping]
  expect(cases.length).toBeGreaterThan(20)
  for (const { user, at, targets } of cases)
    for (let row = histories.offsets[user]; row < histories.offsets[user + 1]; row++)
      if (histories.times[row] === at && isAgainst[row]) expect(targets).not.toContain(histories.items[row])

  const counts = Counts.from(histories, ITEMS, { types, halfLife: DEFAULT_HALF_LIFE })
  const wished = new Float32Array(ITEMS)
  histories.items.forEach((item, row) => (wished[item] += isAgainst[row] ? 0 : types[histories.types[row]].weight))
  const popular = counts.popular(new Float32Array(ITEMS))
  popular.forEach((count, item) => expect(count).toBeCloseTo(wished[item], 4))
})
