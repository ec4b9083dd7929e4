import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testService, type TestService } from '../support/service.js'

// Low enough that a machine with other work to do uses the burst up, above the five a second of the small tenant.
const RATE = 10
const BURST = 10 * RATE
const LONGER = 40_000

describe('quotas over two instances on one database', () => {
  let one: TestService
  let other: TestService
  beforeAll(async () => {
    one = await testService()
    other = await testService({ DATABASE_URL: one.databaseUrl })
  })
  afterAll(async () => {
    await other.stop()
    await one.stop()
  })
  const scrape = async (name: string) => {
    const { body } = await one.call('GET', '/metrics', { key: '' })
    return (body as string).split('\n').find((line) => line.startsWith(name))
  }

  /**
   * Asks an instance again and again, until a moment and, for so much longer at most, a refusal: a busy machine takes its
   * time to use a burst up. @returns how many calls it let in, and the refusals
   */
  async function press(service: TestService, { id, key }: { id: string; key: string }, until: number, longer = 0) {
    let passed = 0
    const refusals: Awaited<ReturnType<TestService['call']>>[] = []
    while (Date.now() < until || (refusals.length === 0 && Date.now() < until + longer)) {
      const answer = await service.call('GET', `/v1/tenants/${id}`, { key })
      if (answer.status === 200) passed++
      else refusals.push(answer)
      await sleep(4)
    }
    return { passed, refusals }
  }

  it('hold for both together, while a small tenant is refused nothing', async () => {
    const tenant = await one.makeTenant(undefined, { quotas: { requestsPerSecond: RATE } })
    const small = await one.makeTenant(undefined, { quotas: { requestsPerSecond: RATE } })
    const started = Date.now()
    const until = started + 5000
    const now = async () => {
      const statuses: number[] = []
      for (let turn = 0; Date.now() < until; turn++) {
        const { status } = await [one, other][turn % 2].call('GET', `/v1/tenants/${small.id}`, { key: small.key })
        statuses.push(status)
        await sleep(200)
      }
      return statuses
    }
    const [first, second, statuses] = await Promise.all([
      press(one, tenant, until, LONGER),
      press(other, tenant, until, LONGER),
      now(),
    ])
    const seconds = (Date.now() - started) / 1000
    const passed = first.passed + second.passed
    // Each by itself would let in RATE * seconds + BURST, twice as much together.
    expect(passed).toBeLessThan(RATE * seconds + 1.5 * BURST)
    expect(passed).toBeGreaterThan(0.8 * BURST)
    expect(new Set(statuses)).toEqual(new Set([200]))
    const refusals = [...first.refusals, ...second.refusals]
    expect(refusals.length).toBeGreaterThan(0)
    for (const { status, body, headers } of refusals) {
      expect(status).toBe(429)
      expect(headers.get('content-type')).toContain('application/problem+json')
      expect(body).toMatchObject({ code: 'QUOTA_EXCEEDED', quota: 'requests', status: 429 })
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      expect((body as { requestId: string }).requestId).toMatch(/\S/)
    }
    expect(await scrape('attune_quota_refused_total{quota="requests"}')).toMatch(/ [1-9]\d*$/)
  })

  it('that one has used up are used up at the other, for events too', async () => {
    const { id, key } = await one.makeTenant(undefined, { quotas: { eventsPerSecond: 1 } })
    const events = (count: number) => ({
      key,
      body: { events: Array.from({ length: count }, (_, i) => ({ userId: `u${i}`, itemId: 'i', type: 'view' })) },
    })
    expect((await one.call('POST', `/v1/tenants/${id}/events`, events(500))).status).toBe(202)
    await sleep(1000)
    // It learns of it with the first that it lets in.
    expect((await other.call('POST', `/v1/tenants/${id}/events`, events(1))).status).toBe(202)
    await sleep(1000)
    const refused = await other.call('POST', `/v1/tenants/${id}/events`, events(1))
    expect(refused).toMatchObject({ status: 429, body: { quota: 'events' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(400)
  })

  it('refuse before anything of the body is read, and only who may know', async () => {
    const { id, key } = await one.makeTenant(undefined, { quotas: { eventsPerSecond: 1, requestsPerSecond: 1000 } })
    const path = `/v1/tenants/${id}/events`
    const batch = { events: Array.from({ length: 100 }, () => ({ userId: 'u', itemId: 'i', type: 'view' })) }
    expect((await one.call('POST', path, { key, raw: '{"events": [' })).status).toBe(400)
    expect((await one.call('POST', path, { key, body: batch })).status).toBe(202)
    // A small one costs nothing, and what it holds is counted.
    expect((await one.call('POST', path, { key, raw: '{"events": [' })).status).toBe(400)
    expect((await one.call('POST', path, { key, raw: Buffer.alloc(4 * 1024 * 1024, 32) })).status).toBe(429)
    // What the quota is not of goes on.
    expect((await one.call('GET', `/v1/tenants/${id}`, { key })).status).toBe(200)
    const stranger = await one.makeTenant()
    expect((await one.call('POST', path, { key: stranger.key, body: batch })).status).toBe(403)
    expect((await one.call('POST', path, { key: 'attune.no.such.key', body: batch })).status).toBe(401)
    expect((await one.call('POST', path, { key: '', body: batch })).status).toBe(401)
  })

  it('are counted by each instance for itself where the database is slow, which a metric says', async () => {
    const tenant = await one.makeTenant(undefined, { quotas: { requestsPerSecond: RATE } })
    expect((await press(one, tenant, Date.now() + 300)).refusals).toEqual([])
    expect(await scrape('attune_quotas_apart')).toBe('attune_quotas_apart 0')
    const client = new pg.Client({ connectionString: one.databaseUrl })
    await client.connect()
    try {
      await client.query('BEGIN; LOCK TABLE quota_levels IN ACCESS EXCLUSIVE MODE')
      const { passed, refusals } = await press(one, tenant, Date.now() + 6000, LONGER)
      expect(passed).toBeGreaterThan(BURST * 0.8)
      expect(refusals.every(({ status }) => status === 429)).toBe(true)
      expect(await scrape('attune_quotas_apart')).toBe('attune_quotas_apart 1')
    } finally {
      await client.query('ROLLBACK')
      await client.end()
    }
    const deadline = Date.now() + 15_000
    while ((await scrape('attune_quotas_apart')) !== 'attune_quotas_apart 0' && Date.now() < deadline) await sleep(200)
    expect(await scrape('attune_quotas_apart')).toBe('attune_quotas_apart 0')
  })
})
