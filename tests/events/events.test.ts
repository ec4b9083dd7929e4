import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EventsService } from '../../src/events/events.service.js'
import type { WrittenEvent } from '../../src/events/event.js'
import { testService, type TestService } from '../support/service.js'

interface Sent {
  accepted: number
  duplicates: number
  rejected: { index: number; code: string; reason: string }[]
}

describe('events', () => {
  let service: TestService
  let events: EventsService
  beforeAll(async () => {
    service = await testService()
    events = service.app.get(EventsService)
  })
  afterAll(() => service.stop())

  const send = async (tenant: { id: string; key: string }, entries: unknown[]) => {
    const path = `/v1/tenants/${tenant.id}/events`
    const answer = await service.call('POST', path, { key: tenant.key, body: { events: entries } })
    return { status: answer.status, body: answer.body as Sent, headers: answer.headers }
  }
  const asOwner = async <T>(work: (owner: pg.Client) => Promise<T>) => {
    const owner = new pg.Client({ connectionString: service.databaseUrl })
    await owner.connect()
    return work(owner).finally(() => owner.end())
  }
  const written = async (tenant: string, horizon: string | null, options = {}) => {
    const seen: WrittenEvent[] = []
    const next = await events.writtenSince(tenant, horizon, (page) => void seen.push(...page), options)
    return { next, seen }
  }
  /** Asks again until nothing comes twice: a transaction of any test on this server holds the horizon back. @returns it */
  const nothingNewSince = async (tenant: string, horizon: string) => {
    let at = horizon
    const again = async () => {
      const { next, seen } = await written(tenant, at)
      at = next
      return seen
    }
    await expect.poll(again, { timeout: 10_000 }).toEqual([])
    return at
  }
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      userId: `user ${i % 50}`,
      itemId: `item ${i % 333}`,
      type: 'view',
      occurredAt: new Date(Date.UTC(2024, 0, 1) + i * 1000).toISOString(),
    }))

  it('counts the same thousand events once, however they are named', async () => {
    const tenant = await service.makeTenant()
    const named = many(1000).map((event, i) => ({ ...event, eventId: `e${i}` }))
    const [first, again] = [await send(tenant, named), await send(tenant, named)]
    expect(first).toMatchObject({ status: 202, body: { accepted: 1000, duplicates: 0, rejected: [] } })
    expect(again).toMatchObject({ status: 202, body: { accepted: 0, duplicates: 1000, rejected: [] } })
    expect((await send(tenant, many(1000))).body).toEqual({ accepted: 1000, duplicates: 0, rejected: [] })
    expect((await send(tenant, many(1000))).body).toEqual({ accepted: 0, duplicates: 1000, rejected: [] })
    expect(await events.summary(tenant.id)).toEqual({
      events: 2000,
      users: 50,
      newest: new Date(many(1000)[999].occurredAt),
    })
  })

  it('counts a batch once that is sent by several at once, in whatever order', async () => {
    const tenant = await service.makeTenant()
    const batch = many(1000)
    const answers = await Promise.all(
      [batch, batch.toReversed(), batch, batch.toReversed()].map((b) => send(tenant, b)),
    )
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202])
    expect(answers.reduce((sum, { body }) => sum + body.accepted, 0)).toBe(1000)
    expect(answers.reduce((sum, { body }) => sum + body.duplicates, 0)).toBe(3000)
  })

  it('takes the same events from a crowd of clients, each in an order of its own, again and again', async () => {
    const tenant = await service.makeTenant()
    for (let round = 0; round < 5; round++) {
      const batch = many(600).map((event) => ({ ...event, value: round }))
      const orders = Array.from({ length: 12 }, (_, n) => {
        const start = 50 * n
        const turned = [...batch.slice(start), ...batch.slice(0, start)]
        return n % 2 === 0 ? turned : turned.reverse()
      })
      const answers = await Promise.all(orders.map((order) => send(tenant, order)))
      expect(answers.filter(({ status }) => status !== 202)).toEqual([])
      expect(answers.reduce((sum, { body }) => sum + body.accepted, 0)).toBe(batch.length)
    }
  })

  it('takes what differs in anything for another event, and an event without a time for a new one', async () => {
    const tenant = await service.makeTenant()
    const event = { ...many(1)[0], value: 1, sessionId: 's', recommendationId: 'r', properties: { a: 1 } }
    const others = [
      { ...event, userId: 'other' },
      { ...event, itemId: 'other' },
      { ...event, type: 'other' },
      { ...event, value: 2 },
      { ...event, sessionId: 'other' },
      { ...event, recommendationId: 'other' },
      { ...event, properties: { a: 2 } },
      { ...event, occurredAt: '2024-01-01T00:00:00.001Z' },
    ]
    const sameMoment = { ...event, occurredAt: '2024-01-01T01:00:00+01:00' }
    const { body } = await send(tenant, [event, ...others, event, sameMoment])
    expect(body).toEqual({ accepted: 9, duplicates: 2, rejected: [] })
    const { occurredAt, ...timeless } = event
    expect(occurredAt).toBeDefined()
    expect((await send(tenant, [timeless, timeless])).body).toMatchObject({ accepted: 2, duplicates: 0 })
  })

  it('shows an event in the history at once, ties in the order of the batch', async () => {
    const tenant = await service.makeTenant()
    const at = '2024-05-01T10:00:00Z'
    const basket = Array.from({ length: 1000 }, (_, i) => ({
      userId: 'buyer',
      itemId: `basket ${(i * 7919) % 1000}`,
      type: 'purchase',
      occurredAt: at,
    }))
    await send(tenant, [{ userId: 'buyer', itemId: 'later', type: 'view', occurredAt: '2024-05-02T10:00:00Z' }])
    await send(tenant, basket)
    await send(tenant, [{ userId: 'buyer', itemId: 'earlier', type: 'view', occurredAt: '2024-04-30T10:00:00Z' }])
    const history = await events.historyOf(tenant.id, 'buyer', 2000)
    expect(history.map(({ itemId }) => itemId)).toEqual(['earlier', ...basket.map(({ itemId }) => itemId), 'later'])
    expect(history[1]).toEqual({ itemId: basket[0].itemId, type: 'purchase', value: null, occurredAt: new Date(at) })
    const newest = await events.historyOf(tenant.id, 'buyer', 3)
    expect(newest.map(({ itemId }) => itemId)).toEqual([basket[998].itemId, basket[999].itemId, 'later'])
  })

  it('names each bad entry and keeps the good ones', async () => {
    const tenant = await service.makeTenant()
    const good = { userId: 'u', itemId: 'no such item', type: 'view' }
    const ahead = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
    const bad: [unknown, string][] = [
      [null, 'expected object'],
      [7, 'expected object'],
      [{}, 'userId'],
      [{ ...good, userId: '' }, 'userId'],
      [{ ...good, userId: 12 }, 'userId'],
      [{ ...good, itemId: 'x'.repeat(257) }, 'itemId'],
      [{ ...good, itemId: 'nul \u0000' }, 'NUL'],
      [{ ...good, type: 'View' }, 'type'],
      [{ ...good, type: 'two words' }, 'type'],
      [{ ...good, type: 'x'.repeat(65) }, 'type'],
      [{ ...good, value: '5' }, 'value'],
      [{ ...good, occurredAt: '2024-13-01T00:00:00Z' }, 'occurredAt'],
      [{ ...good, occurredAt: 1_700_000_000 }, 'occurredAt'],
      [{ ...good, occurredAt: ahead(1.1) }, 'more than a day ahead'],
      [{ ...good, occurredAt: '0000-12-31T00:00:00Z' }, 'occurredAt'],
      [{ ...good, properties: [1] }, 'properties'],
      [{ ...good, properties: { long: 'x'.repeat(16 * 1024) } }, 'properties'],
      [{ ...good, properties: { nul: '\u0000' } }, 'properties'],
      [{ ...good, properties: { broken: '\ud800' } }, 'properties'],
      [{ ...good, occuredAt: ahead(0) }, 'occuredAt'],
      [{ ...good, eventId: '' }, 'eventId'],
    ]
    const soon = { ...good, occurredAt: ahead(0.9) }
    const { status, body } = await send(tenant, [good, ...bad.map(([entry]) => entry), soon])
    expect(status).toBe(202)
    expect(body.accepted).toBe(2)
    expect(body.rejected.map(({ index, code }) => [index, code])).toEqual(bad.map((_, i) => [i + 1, 'INVALID_EVENT']))
    bad.forEach(([, reason], i) => expect(body.rejected[i].reason).toContain(reason))
    expect(await events.historyOf(tenant.id, 'u', 10)).toHaveLength(2)
    // Deeper than any stack; by hand, since it would exhaust the test's own.
    const deep = `{"a":`.repeat(50_000) + '1' + '}'.repeat(50_000)
    const raw = `{"events":[{"userId":"u","itemId":"i","type":"view","properties":${deep}}]}`
    const answer = await service.call('POST', `/v1/tenants/${tenant.id}/events`, { key: tenant.key, raw })
    expect(answer).toMatchObject({ status: 202, body: { accepted: 0, rejected: [{ code: 'INVALID_EVENT' }] } })
  })

  it('refuses a batch that is too large, and one over the quota, saying when to come back', async () => {
    const tenant = await service.makeTenant(undefined, { quotas: { eventsPerSecond: 10 } })
    expect(await send(tenant, many(1001))).toMatchObject({ status: 413 })
    // What was refused for its size has used nothing of the quota.
    expect(await send(tenant, many(300))).toMatchObject({ status: 202 })
    const over = await send(tenant, many(100))
    expect(over).toMatchObject({ status: 429, body: { code: 'QUOTA_EXCEEDED' } })
    expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(10)
    const other = await service.makeTenant()
    expect(await send(other, many(1000))).toMatchObject({ status: 202 })
  })

  it('stores the good rows, in their order, where the database refuses some', async () => {
    const tenant = await service.makeTenant()
    await asOwner((owner) => owner.query(`ALTER TABLE events ADD CONSTRAINT unlucky CHECK (type <> 'unlucky')`))
    const batch = Array.from({ length: 300 }, (_, i) => ({
      userId: 'u',
      itemId: `${i}`,
      type: i % 100 === 13 ? 'unlucky' : 'view',
      occurredAt: '2024-01-01T00:00:00Z',
    }))
    const { body } = await send(tenant, batch)
    await asOwner((owner) => owner.query('ALTER TABLE events DROP CONSTRAINT unlucky'))
    expect(body).toMatchObject({ accepted: 297, duplicates: 0 })
    expect(body.rejected.map(({ index, code }) => [index, code])).toEqual([13, 113, 213].map((i) => [i, 'REFUSED']))
    const kept = batch.filter(({ type }) => type === 'view').map(({ itemId }) => itemId)
    expect((await events.historyOf(tenant.id, 'u', 1000)).map(({ itemId }) => itemId)).toEqual(kept)
  })

  it('streams in the order of time and arrival, newest or since, and what was written since a horizon', async () => {
    const tenant = await service.makeTenant()
    const all = Array.from({ length: 12_000 }, (_, i) => ({
      eventId: `${i}`,
      userId: `user ${i % 50}`,
      itemId: `item ${i % 333}`,
      type: 'view',
      value: i,
      occurredAt: `2024-01-01T${i < 9000 ? '12' : '06'}:00:00Z`,
    }))
    for (let from = 0; from < all.length; from += 1000) await send(tenant, all.slice(from, from + 1000))
    const inOrder = [...all.slice(9000), ...all.slice(0, 9000)].map(({ value }) => value)

    const streamed: WrittenEvent[] = []
    const pages: number[] = []
    await events.streamForTraining(tenant.id, new Date(0), (page) => {
      pages.push(page.length)
      streamed.push(...page)
    })
    expect(streamed.map(({ value }) => value)).toEqual(inOrder)
    expect(Math.max(...pages)).toBeLessThanOrEqual(5000)

    // Of more events the newest, the moment of the first of them whole.
    const newestOnly = async (most: number) => {
      const seen: WrittenEvent[] = []
      const onPage = (page: WrittenEvent[]) => void seen.push(...page)
      return { leftOut: await events.streamForTraining(tenant.id, new Date(0), onPage, most), seen: seen.length }
    }
    const older = all.length - 9000
    expect(await newestOnly(8000)).toEqual({ leftOut: older, seen: 9000 })
    expect(await newestOnly(9001)).toEqual({ leftOut: 0, seen: all.length })
    expect(await newestOnly(all.length + 1)).toEqual({ leftOut: 0, seen: all.length })

    const first = await written(tenant.id, null)
    expect(first.seen).toEqual(streamed)
    const newest = await written(tenant.id, null, { newest: 9001 })
    expect(newest.seen.map(({ value }) => value)).toEqual(inOrder.slice(-9001))
    const since = await written(tenant.id, null, { since: new Date('2024-01-01T07:00:00Z') })
    expect(since.seen).toHaveLength(9000)

    const settled = await nothingNewSince(tenant.id, first.next)
    await send(tenant, [{ ...all[0], eventId: 'new', value: -1 }])
    const second = await written(tenant.id, settled)
    expect(second.seen.map(({ value }) => value)).toEqual([-1])
    await nothingNewSince(tenant.id, second.next)
  })

  it('keeps tenants apart, and takes nothing for one that is gone', async () => {
    const [one, two] = [await service.makeTenant(), await service.makeTenant()]
    await send(one, [{ userId: 'u', itemId: 'of one', type: 'view' }])
    await send(two, [{ userId: 'u', itemId: 'of two', type: 'view' }])
    expect(await events.historyOf(one.id, 'u', 10)).toMatchObject([{ itemId: 'of one' }])
    expect(
      await service.call('POST', `/v1/tenants/${one.id}/events`, { key: two.key, body: { events: [] } }),
    ).toMatchObject({ status: 403 })
    await expect(events.ingest('no such tenant', many(10))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
