import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EventCount, EventCountsService } from '../../src/events/event-counts.service.js'
import { RetentionService } from '../../src/events/retention.service.js'
import { Database } from '../../src/platform/database.js'
import { createLogger } from '../../src/platform/logger.js'
import { Metrics } from '../../src/platform/metrics.js'
import { testService, type TestService } from '../support/service.js'

const HOUR_MS = 3_600_000

describe('counts of events', () => {
  let service: TestService
  let counts: EventCountsService
  let database: Database
  beforeAll(async () => {
    service = await testService()
    counts = service.app.get(EventCountsService)
    database = service.app.get(Database)
  })
  afterAll(() => service.stop())

  const send = (tenant: { id: string; key: string }, events: unknown[]) =>
    service.call('POST', `/v1/tenants/${tenant.id}/events`, { key: tenant.key, body: { events } })
  const event = (eventId: string, type = 'view') => ({ eventId, userId: 'u', itemId: 'i', type })
  const sums = (rows: EventCount[]) => {
    const byType: Record<string, number[]> = {}
    for (const { type, accepted, duplicates, rejected } of rows) {
      const before = byType[type] ?? [0, 0, 0]
      byType[type] = [before[0] + accepted, before[1] + duplicates, before[2] + rejected]
    }
    return byType
  }
  const dayOf = (tenantId: string) =>
    counts.list(tenantId, 'day', new Date(Date.now() - 24 * HOUR_MS), new Date(Date.now() + HOUR_MS))
  /** As if it had come so long ago. */
  const came = (tenantId: string, grain: string, at: Date, accepted: number) =>
    database.inTenant(tenantId, (sql) =>
      sql.execute('INSERT INTO event_counts VALUES ($1, $2, $3, $4, $5, 0, 0)', [
        tenantId,
        grain,
        at,
        'view',
        accepted,
      ]),
    )

  it('tell by type what was accepted, what was known, and what was refused', async () => {
    const tenant = await service.makeTenant()
    await send(tenant, [event('1'), event('2'), event('3', 'cart')])
    await send(tenant, [
      event('2'),
      event('3', 'cart'),
      event('4', 'cart'),
      { type: 'cart' },
      { type: 'NO WORD', userId: 'u' },
      null,
      7,
    ])
    await counts.flush()
    const expected = { view: [2, 1, 0], cart: [2, 1, 1], '*': [0, 0, 3] }
    expect(sums(await dayOf(tenant.id))).toEqual(expected)
    const last = new Date(Date.now() - 2 * HOUR_MS)
    for (const grain of ['minute', 'hour'] as const)
      expect(sums(await counts.list(tenant.id, grain, last, new Date(Date.now() + 1)))).toEqual(expected)
    const other = await service.makeTenant()
    expect(await dayOf(other.id)).toEqual([])
  })

  it('are told through REST, by minute, hour or day', async () => {
    const tenant = await service.makeTenant()
    const other = await service.makeTenant()
    const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS
    const at = (hours: number) => new Date(hour - hours * HOUR_MS)
    for (const [hours, accepted] of [
      [0, 5],
      [1, 7],
      [47, 9],
      [80, 11],
    ])
      await came(tenant.id, 'hour', at(hours), accepted)
    const path = `/v1/tenants/${tenant.id}/events/counts`
    const ask = async (query: string, key = tenant.key) => {
      const { status, body } = await service.call('GET', `${path}?${query}`, { key })
      return { status, body: body as { by: string; from: string; to: string; data: EventCount[]; code?: string } }
    }
    const told = async (query: string) => (await ask(query)).body.data.map(({ accepted }) => accepted)
    expect(await told('')).toEqual([9, 7, 5])
    expect((await ask('')).body).toMatchObject({
      by: 'hour',
      delaySeconds: 2,
      data: [{ at: at(47).toISOString() }, {}, {}],
    })
    const halfPast = new Date(at(80).getTime() + HOUR_MS / 2).toISOString()
    expect(await told(`from=${halfPast}`)).toEqual([11, 9, 7, 5])
    expect(await told(`from=${halfPast}&to=${at(1).toISOString()}`)).toEqual([11, 9])
    expect(await told('by=minute')).toEqual([])
    expect(await ask('by=minute&from=2020-01-01T00:00:00Z')).toMatchObject({
      status: 422,
      body: { code: 'RANGE_TOO_LONG' },
    })
    for (const wrong of ['by=week', 'from=yesterday', `from=${at(0).toISOString()}&to=${at(1).toISOString()}`])
      expect((await ask(wrong)).status, wrong).toBe(400)
    expect((await ask('', other.key)).status).toBe(403)
  })

  it('are written by themselves within seconds', async () => {
    const tenant = await service.makeTenant()
    await send(tenant, [event('1')])
    await expect.poll(() => dayOf(tenant.id), { timeout: 10_000 }).toMatchObject([{ type: 'view', accepted: 1 }])
  })

  it('add up where several processes write the same rows at once', async () => {
    const tenants = await Promise.all([1, 2, 3].map(() => service.makeTenant()))
    const another = new EventCountsService(database, createLogger('silent'), new Metrics({ metricsTenants: 1 }))
    for (let round = 0; round < 10; round++) {
      for (const { id } of tenants) for (const one of [counts, another]) one.add(id, 'view', { accepted: 1 })
      for (const { id } of tenants.toReversed()) another.add(id, 'cart', { duplicates: 2 })
      await Promise.all([counts.flush(), another.flush()])
    }
    await another.beforeApplicationShutdown()
    for (const { id } of tenants) expect(sums(await dayOf(id))).toEqual({ view: [20, 0, 0], cart: [0, 20, 0] })
  })

  it('lose nothing of the others where a tenant is gone before they are written', async () => {
    const [gone, stays] = [await service.makeTenant(), await service.makeTenant()]
    counts.add(gone.id, 'view', { accepted: 1 })
    counts.add('never-was', 'view', { accepted: 1 })
    counts.add(stays.id, 'view', { accepted: 1 })
    await service.call('DELETE', `/v1/tenants/${gone.id}`)
    await counts.flush()
    expect(sums(await dayOf(stays.id))).toEqual({ view: [1, 0, 0] })
    expect(await dayOf(gone.id)).toEqual([])
  })

  it('say of many tenants at once how much comes, and how much came before', async () => {
    const [busy, silent] = [await service.makeTenant(), await service.makeTenant()]
    const now = Date.UTC(2026, 2, 10, 12, 30)
    const ago = (ms: number) => new Date(now - ms)
    for (const minutes of [1, 3]) await came(busy.id, 'minute', ago(minutes * 60_000), 10)
    await came(busy.id, 'minute', ago(6 * 60_000), 1000)
    for (const hours of [0.5, 4.5, 23.5, 25.5, 29.5, 30.5]) await came(busy.id, 'hour', ago(hours * HOUR_MS), 100)
    for (const days of [0.52, 1.52, 7.52]) await came(busy.id, 'day', ago(days * 24 * HOUR_MS), 700)
    const recent = await counts.recent([busy.id, silent.id, 'nobody'], now)
    expect(recent.get(busy.id)).toMatchObject({
      eventsPerMinute: 4,
      lastHour: 100,
      lastHours: 200,
      lastDay: 300,
      sameHoursBefore: 200,
      usualDay: 200,
    })
    const newest = recent.get(busy.id)?.lastEventAt?.getTime() ?? 0
    expect(Math.abs(newest - (now - 60_000))).toBeLessThan(10_000)
    expect(recent.get(silent.id)).toMatchObject({ eventsPerMinute: 0, lastDay: 0, usualDay: 0, lastEventAt: null })
  })

  it('are kept for a day by minute, a quarter by hour, and three years by day', async () => {
    const tenant = await service.makeTenant()
    const days = { minute: [0.9, 1.1], hour: [90, 93], day: [1000, 1097] }
    for (const [grain, kept] of Object.entries(days))
      for (const age of kept) await came(tenant.id, grain, new Date(Date.now() - age * 24 * HOUR_MS), 1)
    await service.app.get(RetentionService).sweep(Date.now())
    const left = await database.query<{ grain: string }>(
      tenant.id,
      'SELECT grain FROM event_counts WHERE tenant_id = $1 ORDER BY grain',
      [tenant.id],
    )
    expect(left.map(({ grain }) => grain)).toEqual(['day', 'hour', 'minute'])
  })
})
