import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AnswersService } from '../../src/online/answers.service.js'
import { AttributionService } from '../../src/online/attribution.service.js'
import { OnlineRetentionService } from '../../src/online/online-retention.service.js'
import { TenantsService } from '../../src/tenants/tenants.service.js'
import { kafkaShop } from '../events/kafka-shop.js'
import { kafkaForTests } from '../support/kafka.js'
import { testService, type TestService } from '../support/service.js'

interface Figures {
  impressions: number
  clicks: number
  conversions: number
  clickRate: { value: number | null; low: number | null; high: number | null }
}
interface Online {
  total: Figures
  versions: (Figures & { modelVersion: string })[]
  scenarios: (Figures & { scenario: string | null })[]
  data: (Figures & {
    modelVersion: string
    scenario: string | null
    kind: string
    positions: (Figures & { from: number; to: number })[]
  })[]
  series?: { at: string; modelVersion: string; impressions: number }[]
}
type Tenant = { id: string; key: string }
type Answer = { recommendationId: string; modelVersion: string; items: { itemId: string }[] }

const PATIENCE = { timeout: 20_000, interval: 200 }
const brokers = await kafkaForTests()

describe('measured online', () => {
  let service: TestService
  let owner: pg.Pool
  const shop = brokers === null ? null : kafkaShop(brokers)
  beforeAll(async () => {
    service = await testService(shop?.env)
    owner = new pg.Pool({ connectionString: service.databaseUrl, max: 4 })
  })
  afterAll(async () => {
    await owner.end()
    await service.stop()
  })

  const call = async (tenant: Tenant, method: string, path: string, body?: unknown) => {
    const answer = await service.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    return answer.body
  }
  async function makeShop(settings: object = {}): Promise<Tenant> {
    const tenant = await service.makeTenant(undefined, settings)
    const items = Array.from({ length: 12 }, (_, i) => ({ itemId: `i${i}`, title: `thing number ${i}` }))
    await call(tenant, 'POST', '/items', { items })
    return tenant
  }
  const ask = (tenant: Tenant, userId: string, fields: object = {}) =>
    call(tenant, 'POST', '/recommendations', { userId, count: 5, excludeSeen: false, ...fields }) as Promise<Answer>
  const tell = (tenant: Tenant, ...events: object[]) => call(tenant, 'POST', '/events', { events })
  const online = (tenant: Tenant, query = '') => call(tenant, 'GET', `/metrics/online${query}`) as Promise<Online>
  /** Without waiting for the rounds of the service itself. */
  const attributeNow = async () => {
    await service.app.get(AnswersService).flush()
    await service.app.get(AttributionService).round(() => false, 0)
  }
  const counts = async (tenant: Tenant) => {
    await attributeNow()
    const { impressions, clicks, conversions } = (await online(tenant)).total
    return [impressions, clicks, conversions]
  }
  /** So that what should not be counted would have been. */
  const attributed = async (tenant: Tenant) => {
    const marker = await ask(tenant, 'marker', { count: 1 })
    const before = (await counts(tenant))[1]
    await tell(tenant, {
      userId: 'marker',
      itemId: marker.items[0].itemId,
      type: 'view',
      recommendationId: marker.recommendationId,
    })
    await expect.poll(async () => (await counts(tenant))[1], PATIENCE).toBeGreaterThan(before)
  }

  it('counts an answer as an impression of its items, and what came of it once, at its place', async () => {
    const tenant = await makeShop()
    await call(tenant, 'PUT', '/scenarios/home', { count: 3 })
    const one = await ask(tenant, 'ann')
    const two = await ask(tenant, 'ben', { scenario: 'home', count: undefined })
    await call(tenant, 'GET', '/trending?count=2')
    const of = (answer: Answer, place: number, type: string, fields: object = {}) => ({
      userId: 'ann',
      itemId: answer.items[place - 1].itemId,
      type,
      recommendationId: answer.recommendationId,
      ...fields,
    })
    await tell(
      tenant,
      of(one, 4, 'view', { eventId: 'e1' }),
      of(one, 4, 'view', { eventId: 'e2' }),
      of(one, 4, 'purchase'),
      of(one, 2, 'dislike'),
      of(two, 1, 'cart', { userId: 'ben' }),
      of(two, 1, 'view', { recommendationId: randomUUID() }),
      of(two, 1, 'view', { recommendationId: 'an id of their own' }),
      { ...of(two, 1, 'view'), itemId: 'not in the list' },
    )
    await expect.poll(() => counts(tenant), PATIENCE).toEqual([10, 2, 1])
    // The same once more, and later.
    await tell(tenant, of(one, 4, 'view', { eventId: 'e1' }), of(one, 4, 'like', { eventId: 'e3' }))
    await attributed(tenant)
    expect(await counts(tenant)).toEqual([11, 3, 1])

    const { data, versions, scenarios, series } = await online(tenant, '?by=hour')
    expect(
      data.map(({ scenario, kind, impressions, clicks, conversions }) => [
        scenario,
        kind,
        impressions,
        clicks,
        conversions,
      ]),
    ).toEqual([
      [null, 'recommendations', 6, 2, 1],
      [null, 'trending', 2, 0, 0],
      ['home', 'recommendations', 3, 1, 0],
    ])
    expect(data[0].positions.map(({ from, impressions, clicks }) => [from, impressions, clicks])).toEqual([
      [1, 2, 1],
      [2, 1, 0],
      [3, 1, 0],
      [4, 1, 1],
      [5, 1, 0],
    ])
    expect(versions).toMatchObject([{ modelVersion: 'base', impressions: 11, clicks: 3 }])
    expect(scenarios.map(({ scenario, impressions }) => [scenario, impressions])).toEqual([
      [null, 8],
      ['home', 3],
    ])
    expect(series?.reduce((sum, { impressions }) => sum + impressions, 0)).toBe(11)
    // Of three users nothing can be said.
    expect(data[0].clickRate).toEqual({ value: 2 / 6, low: null, high: null })
  })

  it('gives rates of many users with an interval', async () => {
    const tenant = await makeShop()
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(tenant, `user ${i}`)))
    await tell(
      tenant,
      ...answers.slice(0, 15).map(({ recommendationId, items }, i) => ({
        userId: `user ${i}`,
        itemId: items[0].itemId,
        type: 'view',
        recommendationId,
      })),
    )
    // By the service's own rounds.
    await expect
      .poll(async () => (await online(tenant)).total, PATIENCE)
      .toMatchObject({ impressions: 300, clicks: 15 })
    const { clickRate } = (await online(tenant)).total
    expect(clickRate.value).toBe(0.05)
    expect(clickRate.low).toBeGreaterThan(0.01)
    expect(clickRate.low).toBeLessThan(0.04)
    expect(clickRate.high).toBeGreaterThan(0.06)
    expect(clickRate.high).toBeLessThan(0.12)
  })

  it('counts impressions by events where the tenant wants that, for answers made from then on', async () => {
    const tenant = await makeShop({ impressions: 'explicit' })
    const answer = await ask(tenant, 'ann')
    const seen = (place: number) => ({
      userId: 'ann',
      itemId: answer.items[place].itemId,
      type: 'impression',
      recommendationId: answer.recommendationId,
    })
    await tell(tenant, seen(0), seen(0), seen(1), { ...seen(1), type: 'view' })
    await expect.poll(() => counts(tenant), PATIENCE).toEqual([2, 1, 0])
    await call(tenant, 'PATCH', '', { settings: { impressions: 'served' } })
    await tell(tenant, seen(2))
    await expect.poll(() => counts(tenant), PATIENCE).toEqual([3, 1, 0])
  })

  it('leaves out what comes after the window, which is a setting', async () => {
    const tenant = await makeShop({ attribution: { windowHours: 1, conversions: ['view'] } })
    const answer = await ask(tenant, 'ann')
    await service.app.get(AnswersService).flush()
    await owner.query(
      `UPDATE recommendations SET created_at = created_at - interval '90 min' WHERE recommendation_id = $1`,
      [answer.recommendationId],
    )
    const event = { userId: 'ann', type: 'view', recommendationId: answer.recommendationId }
    const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
    await tell(
      tenant,
      { ...event, itemId: answer.items[0].itemId, occurredAt: at(60) },
      { ...event, itemId: answer.items[1].itemId, occurredAt: at(20) },
    )
    await expect.poll(async () => (await counts(tenant))[2], PATIENCE).toBe(1)
  })

  it('attributes events that come before the row of their answer is there', async () => {
    const tenant = await makeShop()
    const late = { recommendationId: randomUUID(), items: ['i1', 'i2'] }
    await tell(tenant, { userId: 'ann', itemId: 'i2', type: 'view', recommendationId: late.recommendationId })
    await attributed(tenant)
    const before = await counts(tenant)
    expect((await owner.query('SELECT 1 FROM attribution_waiting WHERE tenant_id = $1', [tenant.id])).rowCount).toBe(1)
    service.app.get(AnswersService).record(tenant.id, {
      ...late,
      userId: 'ann',
      sessionId: null,
      modelVersion: 'base',
      source: 'base',
      kind: 'recommendations',
      scenario: null,
      experiment: null,
    })
    await expect.poll(() => counts(tenant), PATIENCE).toEqual([before[0] + 2, before[1] + 1, 0])
    await expect
      .poll(
        async () => (await owner.query('SELECT 1 FROM attribution_waiting WHERE tenant_id = $1', [tenant.id])).rowCount,
        PATIENCE,
      )
      .toBe(0)
  })

  it('does not count an answer whose row is there already', async () => {
    const tenant = await makeShop()
    const answers = service.app.get(AnswersService)
    const answered = {
      recommendationId: randomUUID(),
      items: ['i1', 'i2', 'i3'],
      userId: 'ann',
      sessionId: null,
      modelVersion: 'base',
      source: 'base',
      kind: 'recommendations' as const,
      scenario: null,
      experiment: null,
    }
    for (let time = 0; time < 3; time++) {
      answers.record(tenant.id, answered)
      await answers.flush()
    }
    expect(await counts(tenant)).toEqual([3, 0, 0])
  })

  it('reads events of transactions that end late, and none twice', async () => {
    const tenant = await makeShop()
    const answer = await ask(tenant, 'ann')
    const slow = new pg.Client({ connectionString: service.databaseUrl })
    await slow.connect()
    await slow.query('BEGIN')
    // An older transaction, whose row is seen only after the others were read.
    await slow.query(
      `INSERT INTO events (tenant_id, event_id, user_id, item_id, type, occurred_at, recommendation_id)
       VALUES ($1, 'slow', 'ann', $2, 'view', now(), $3)`,
      [tenant.id, answer.items[0].itemId, answer.recommendationId],
    )
    await attributed(tenant)
    const [, before] = await counts(tenant)
    await attributed(tenant)
    expect((await counts(tenant))[1]).toBe(before + 1)
    await slow.query('COMMIT')
    await slow.end()
    await expect.poll(async () => (await counts(tenant))[1], PATIENCE).toBe(before + 2)
  })

  it.skipIf(shop === null)(
    'takes events from Kafka the same way, an event that came by HTTP already once',
    async () => {
      const tenant = await makeShop()
      const answer = await ask(tenant, 'ann')
      const event = (place: number, type: string) => ({
        eventId: `${place} ${type}`,
        userId: 'ann',
        itemId: answer.items[place].itemId,
        type,
        recommendationId: answer.recommendationId,
      })
      await tell(tenant, event(0, 'view'))
      const producer = new Kafka({ brokers: shop!.config.brokers, logLevel: logLevel.NOTHING }).producer()
      await producer.connect()
      const messages = [event(0, 'view'), event(1, 'view'), event(1, 'purchase'), event(0, 'like')].map((told) => ({
        key: `${tenant.id}:ann`,
        value: JSON.stringify({ tenantId: tenant.id, ...told }),
      }))
      await producer.send({ topic: shop!.config.eventsTopic, acks: -1, messages })
      await producer.disconnect()
      await expect.poll(() => counts(tenant), { timeout: 60_000, interval: 250 }).toEqual([5, 2, 1])
    },
  )

  it('keeps counts when a user is erased, and nothing else of him', async () => {
    const tenant = await makeShop()
    const answer = await ask(tenant, 'ann')
    await service.app.get(AnswersService).flush()
    expect(await counts(tenant)).toEqual([5, 0, 0])
    await call(tenant, 'DELETE', '/users/ann')
    await tell(tenant, {
      userId: 'ann',
      itemId: answer.items[0].itemId,
      type: 'view',
      recommendationId: answer.recommendationId,
    })
    await attributed(tenant)
    expect(await counts(tenant)).toEqual([6, 1, 0])
  })

  it('leaves nothing of an answer that was being written when its user was erased', async () => {
    const tenant = await makeShop()
    const rowsOf = async (user: string) =>
      (await owner.query('SELECT 1 FROM recommendations WHERE tenant_id = $1 AND user_id = $2', [tenant.id, user]))
        .rowCount
    const blocker = new pg.Client({ connectionString: service.databaseUrl })
    await blocker.connect()
    await blocker.query('BEGIN')
    await blocker.query('LOCK TABLE recommendations IN EXCLUSIVE MODE')
    const answers = service.app.get(AnswersService)
    await ask(tenant, 'ann')
    const flushed = answers.flush()
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO recommendations%'`
    await expect.poll(async () => (await owner.query(waiting)).rowCount, PATIENCE).toBeGreaterThan(0)
    await ask(tenant, 'ann')
    const forgotten = answers.forget(tenant.id, 'ann')
    await blocker.query('COMMIT')
    await blocker.end()
    await Promise.all([flushed, forgotten])
    await answers.flush()
    expect(await rowsOf('ann')).toBe(0)
  })

  it('refuses a range that is none', async () => {
    const tenant = await makeShop()
    for (const query of [
      '?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z',
      '?from=2020-01-01T00:00:00Z',
      '?from=yesterday',
      '?by=week',
      '?to=2026-01-01',
    ]) {
      const path = `/v1/tenants/${tenant.id}/metrics/online${query}`
      expect(await service.call('GET', path, { key: tenant.key }), query).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION_FAILED' },
      })
    }
    const empty = await online(tenant, '?from=2026-01-01T00:00:00Z&to=2026-01-02T00:30:00Z')
    expect(empty).toMatchObject({
      from: '2026-01-01T00:00:00.000Z',
      to: '2026-01-02T01:00:00.000Z',
      total: { impressions: 0, clickRate: { value: null } },
      data: [],
    })
  })

  it('forgets what it needs no longer, and everything of a tenant that is removed', async () => {
    const tenant = await makeShop()
    await attributed(tenant)
    const rows = async () => {
      const tables = ['attributions', 'online_positions', 'online_groups', 'attribution_progress']
      const found = await Promise.all(
        tables.map((table) => owner.query(`SELECT 1 FROM ${table} WHERE tenant_id = $1`, [tenant.id])),
      )
      return found.map(({ rowCount }) => Math.min(1, rowCount ?? 0))
    }
    const retention = service.app.get(OnlineRetentionService)
    const sweep = (days: number) => retention.sweep(Date.now() + days * 86_400_000, () => false)
    await sweep(36)
    expect(await rows()).toEqual([1, 1, 1, 1])
    await sweep(38)
    expect(await rows()).toEqual([0, 1, 1, 1])
    await sweep(402)
    expect(await rows()).toEqual([0, 0, 0, 1])
    await call(tenant, 'DELETE', '')
    await service.app.get(TenantsService).purge()
    expect(await rows()).toEqual([0, 0, 0, 0])
  })
})
