import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FreshnessService } from '../../src/monitoring/freshness.service.js'
import { SketchesService } from '../../src/monitoring/sketches.service.js'
import { ModelBuilder } from '../../src/serving/model-builder.service.js'
import { testService, type TestService } from '../support/service.js'

interface Figures {
  measured: number
  promisedSeconds: number
  withinPromise: number | null
  p50: number | null
  p99: number | null
}
interface Body {
  hours: number
  events: Figures
  items: Figures
  byHour: { at: string; events: Figures; items: Figures }[]
}

describe('freshness', () => {
  let service: TestService
  let tenants = 0
  beforeAll(async () => {
    service = await testService()
  })
  afterAll(() => service.stop())

  async function shop() {
    const { id, key } = await service.makeTenant(`shop-${tenants++}`)
    const path = `/v1/tenants/${id}`
    const post = (to: string, body: object) => service.call('POST', path + to, { key, body })
    const sendItems = (from: number, count: number) =>
      post('/items', {
        items: Array.from({ length: count }, (_, i) => ({ itemId: `i${from + i}`, title: `thing ${from + i}` })),
      })
    const sendEvents = (from: number, count: number) =>
      post('/events', {
        events: Array.from({ length: count }, (_, i) => ({
          eventId: `e${from + i}`,
          userId: 'u',
          itemId: 'i0',
          type: 'view',
        })),
      })
    const ask = () => post('/recommendations', { userId: 'u' })
    const freshness = async (query = '') =>
      (await service.call('GET', `${path}/freshness${query}`, { key })).body as Body
    return { id, key, path, sendItems, sendEvents, ask, freshness }
  }

  it('is measured of each event and item once, as long as its tenant is asked for', async () => {
    const { sendItems, sendEvents, ask, freshness } = await shop()
    await sendItems(0, 5)
    await sendEvents(0, 5)
    expect((await freshness()).events).toEqual({
      measured: 0,
      promisedSeconds: 1,
      withinPromise: null,
      p50: null,
      p95: null,
      p99: null,
    })
    // What was there before anybody asked says nothing.
    await ask()
    await sendItems(10, 7)
    await sendEvents(10, 9)
    await sendEvents(10, 9)
    await expect.poll(async () => (await freshness()).events.measured, { timeout: 20_000 }).toBe(9)
    await expect.poll(async () => (await freshness()).items.measured, { timeout: 20_000 }).toBe(7)
    await sleep(1500)
    const { hours, events, items, byHour } = await freshness('?hours=72')
    expect(hours).toBe(72)
    expect(events).toMatchObject({ measured: 9, promisedSeconds: 1 })
    expect(items).toMatchObject({ measured: 7, promisedSeconds: 5 })
    expect(events.p50).toBeGreaterThan(0)
    expect(events.p99).toBeGreaterThanOrEqual(events.p50 ?? Infinity)
    expect(events.withinPromise).toBeLessThanOrEqual(1)
    expect(byHour.reduce((sum, hour) => sum + hour.events.measured, 0)).toBe(9)
    const metrics = String((await service.call('GET', '/metrics')).body)
    expect(metrics).toMatch(/^attune_freshness_seconds_count\{kind="event"\} 9$/m)
    expect(metrics).toMatch(/^attune_freshness_seconds_count\{kind="item"\} 7$/m)
  })

  it('is measured once of what is read again and again while a transaction is open', async () => {
    const { sendItems, sendEvents, ask, freshness } = await shop()
    await sendItems(0, 1)
    await ask()
    const client = new pg.Client({ connectionString: service.databaseUrl })
    await client.connect()
    await client.query('BEGIN; SELECT pg_current_xact_id()')
    await sendItems(1, 3)
    await sendEvents(0, 3)
    await expect.poll(async () => (await freshness()).items.measured, { timeout: 20_000 }).toBe(3)
    await sleep(2500)
    // The same again changes nothing; another title is another acceptance.
    await sendItems(1, 3)
    await sleep(1500)
    const { events, items } = await freshness()
    await client.query('COMMIT')
    await client.end()
    expect([events.measured, items.measured]).toEqual([3, 3])
  })

  it('is not that of rows which came while nobody asked', async () => {
    const { id, sendItems, sendEvents } = await shop()
    const builder = service.app.get(ModelBuilder)
    await sendItems(0, 2)
    const model = await builder.build(id, null)
    const measured = async () => (await service.app.get(FreshnessService).lately(id, 1)).events.measured
    await sendEvents(0, 2)
    await builder.catchUp(model, Infinity)
    expect(await measured()).toBe(0)
    const before = Date.now()
    await sendEvents(2, 2)
    const between = Date.now()
    await sleep(1200)
    await sendEvents(4, 3)
    await builder.catchUp(model, between + 600)
    expect(await measured()).toBe(3)
    await sendEvents(7, 1)
    await builder.catchUp(model, before)
    expect(await measured()).toBe(4)
    model.retire()
  })

  it('says how much was late, by the promise', async () => {
    const { id, freshness } = await shop()
    const measured = service.app.get(FreshnessService)
    for (const seconds of [0.2, 0.9, 1, 1.1]) measured.taken('event', id, seconds)
    for (const seconds of [4.9, 5, 5.1, 4000]) measured.taken('item', id, seconds)
    const { events, items } = await freshness()
    expect(events).toMatchObject({ measured: 4, withinPromise: 0.75 })
    expect(items).toMatchObject({ measured: 4, withinPromise: 0.5, p99: 300 })
    const metrics = String((await service.call('GET', '/metrics')).body)
    expect(metrics).toContain(`attune_freshness_late_total{kind="event",tenant="${id}"} 1`)
    expect(metrics).toContain(`attune_freshness_late_total{kind="item",tenant="${id}"} 2`)
  })

  it('is that of all instances together, and survives a database that is away and a restart', async () => {
    const { id, path, key } = await shop()
    const one = await testService({ DATABASE_URL: service.databaseUrl, ROLES: 'api' })
    const sketches = one.app.get(SketchesService)
    const client = new pg.Client({ connectionString: service.databaseUrl })
    await client.connect()
    // Away before there is something to write: both instances write every few seconds by themselves.
    await client.query('ALTER TABLE sketches RENAME TO sketches_elsewhere')
    one.app.get(FreshnessService).taken('event', id, 0.3)
    service.app.get(FreshnessService).taken('event', id, 0.3)
    await expect(sketches.flush()).rejects.toThrow()
    await expect(sketches.flush()).rejects.toThrow()
    one.app.get(FreshnessService).taken('event', id, 0.3)
    await client.query('ALTER TABLE sketches_elsewhere RENAME TO sketches')
    await client.end()
    await one.stop()
    const { body } = await service.call('GET', `${path}/freshness?hours=1`, { key })
    expect((body as Body).events.measured).toBe(3)
  })

  it('is nobody else’s business, and asks for hours that there are', async () => {
    const mine = await shop()
    const theirs = await shop()
    for (const query of ['?hours=0', '?hours=73', '?hours=x', '?hours=-1', '?hours=1e9', '?hours=1.5'])
      expect((await service.call('GET', `${mine.path}/freshness${query}`, { key: mine.key })).status, query).toBe(400)
    expect((await service.call('GET', `${theirs.path}/freshness`, { key: mine.key })).status).toBe(403)
    expect((await service.call('GET', '/v1/tenants/nobody/freshness')).status).toBe(404)
  })
})
