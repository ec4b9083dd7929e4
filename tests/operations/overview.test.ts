import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EventCountsService } from '../../src/events/event-counts.service.js'
import { ConsumerLagService } from '../../src/events/consumer-lag.service.js'
import type { TenantOverview } from '../../src/operations/overview.service.js'
import { Database } from '../../src/platform/database.js'
import { type VersionDraft, VersionsService } from '../../src/registry/versions.service.js'
import { QuotaHits } from '../../src/tenants/quota-hits.service.js'
import { RunQueue } from '../../src/training/run-queue.js'
import { type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'

interface Overview {
  data: TenantOverview[]
  nextCursor: string | null
  totals: { tenants: number; needAttention: number; byCode: Record<string, number> }
  consumerLag: unknown
}
interface Tenant {
  id: string
  key: string
}

// No trainer in this service: the tests take the runs themselves.
describe('the overview of all tenants', () => {
  let service: TestService
  let versions: VersionsService
  const shop = madeUpShop(60, 80)
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    versions = service.app.get(VersionsService)
  })
  afterAll(() => service.stop())

  const list = async (query = '') => (await service.call('GET', `/v1/overview?${query}`)).body as Overview
  const one = async ({ id, key }: Tenant) =>
    (await service.call('GET', `/v1/tenants/${id}/overview`, { key })).body as TenantOverview
  const codes = async (tenant: Tenant) => (await one(tenant)).attention.map(({ code }) => code)
  const figure = (mean: number) => ({ mean, low: mean - 0.01, high: mean + 0.01 })
  const makeVersion = async (tenant: Tenant, fields: Partial<VersionDraft> = {}) => {
    const metrics = { candidate: { ndcg: figure(0.2) }, base: { ndcg: figure(0.1) }, popular: { ndcg: figure(0.05) } }
    const draft = {
      runId: null,
      parentId: null,
      baseModel: 'default',
      decision: 'passed' as const,
      reason: 'better',
      report: { metrics },
      ...fields,
    }
    return (await versions.create(tenant.id, draft, {})).id
  }
  const ask = async (tenant: Tenant) => {
    const path = `/v1/tenants/${tenant.id}/training-runs`
    const { body } = await service.call('POST', path, { key: tenant.key, body: { force: true, reason: 'for fun' } })
    return (body as { id: string }).id
  }
  const end = async (ending: Parameters<RunQueue['finish']>[1]) => {
    const queue = service.app.get(RunQueue)
    const claim = await queue.claim('test')
    if (!claim) throw new Error('no run to claim')
    await queue.finish(claim, ending)
  }

  it('tells a new tenant from one whose events come, and says what is missing or that nothing is', async () => {
    const [empty, few, ready] = await Promise.all([1, 2, 3].map(() => service.makeTenant()))
    await send(service, few, { items: shop.items.slice(0, 3), events: shop.events.slice(0, 5) })
    await send(service, ready, shop)
    await service.app.get(EventCountsService).flush()
    expect(await one(empty)).toMatchObject({
      ...{ id: empty.id, name: empty.id, eventsPerMinute: 0, lastEventAt: null, serving: 'popular' },
      ...{ modelVersion: null, quality: null, lastRun: null, attention: [], consumerLag: null },
    })
    expect((await one(empty)).nextTraining).toMatch(/T03:00:00/)
    expect(await one(few)).toMatchObject({
      serving: 'base',
      eventsLastDay: 5,
      attention: [
        { code: 'NOT_READY', severity: 'warning', detail: expect.stringContaining('items 3 of 20') as string },
      ],
    })
    expect(await one(ready)).toMatchObject({
      eventsLastDay: shop.events.length,
      attention: [{ code: 'READY_TO_TRAIN' }],
    })
  })

  it('shows what is served beside what it had to beat, and a version that waits for a word', async () => {
    const tenant = await service.makeTenant()
    const first = await makeVersion(tenant)
    expect(await codes(tenant)).toEqual(['AWAITING_PROMOTION'])
    await versions.promote(tenant.id, first, { name: 'test' })
    expect(await one(tenant)).toMatchObject({
      serving: 'fine-tuned',
      modelVersion: first,
      quality: { ndcg: figure(0.2), base: figure(0.1), popular: figure(0.05) },
      attention: [],
    })
    const scratch = {
      recipe: { served: 'from-scratch' },
      metrics: { candidate: { ndcg: figure(0.2) }, 'from-scratch': { ndcg: figure(0.3) } },
    }
    const refused = { decision: 'rejected' as const, reason: 'no better' }
    const forced = await makeVersion(tenant, { ...refused, report: scratch })
    await versions.promote(tenant.id, forced, { name: 'test' })
    expect(await one(tenant)).toMatchObject({
      quality: { ndcg: figure(0.3), base: null, popular: null },
      attention: [{ code: 'REFUSED_VERSION_SERVED' }],
    })
    await service.call('POST', `/v1/tenants/${tenant.id}/model-versions/rollback`, { key: tenant.key })
    for (let i = 0; i < 2; i++) await makeVersion(tenant, refused)
    expect(await one(tenant)).toMatchObject({
      modelVersion: first,
      attention: [{ code: 'VERSIONS_REFUSED', detail: 'The gate refused the last 3 versions; the newest: no better' }],
    })
    // A report of another make hurts nobody.
    const odd = await makeVersion(tenant, { report: { metrics: { candidate: { ndcg: 'high' } } } })
    await versions.promote(tenant.id, odd, { name: 'test' })
    expect(await one(tenant)).toMatchObject({ modelVersion: odd, quality: null })
  })

  it('counts runs that failed in a row, whatever was cancelled between', async () => {
    const tenant = await service.makeTenant()
    await send(service, tenant, shop)
    const failed = { state: 'failed', outcome: 'failed', error: { code: 'NO_LUCK', message: 'bad luck' } } as const
    await ask(tenant)
    await end(failed)
    expect(await codes(tenant)).toEqual([])
    const cancelled = await ask(tenant)
    await service.call('POST', `/v1/tenants/${tenant.id}/training-runs/${cancelled}/cancel`, { key: tenant.key })
    const last = await ask(tenant)
    expect((await one(tenant)).lastRun).toMatchObject({ id: last, state: 'queued', outcome: null, reason: 'for fun' })
    await end(failed)
    expect(await one(tenant)).toMatchObject({
      lastRun: {
        id: last,
        state: 'failed',
        error: { code: 'NO_LUCK' },
        finishedAt: expect.stringMatching(/Z$/) as string,
      },
      attention: [{ code: 'RUNS_FAILING', detail: '2 training runs in a row failed: NO_LUCK, bad luck' }],
    })
    await ask(tenant)
    await end({ state: 'rejected', outcome: 'rejected' })
    expect(await codes(tenant)).toEqual([])
  })

  it('sees quotas that are reached, and keys that end', async () => {
    const quotas = { items: 2, eventsPerSecond: 1 }
    const tenant = await service.makeTenant(undefined, { quotas, training: { schedule: null } })
    await send(service, tenant, { items: shop.items.slice(0, 2), events: [] })
    const path = `/v1/tenants/${tenant.id}`
    await service.call('POST', `${path}/items`, { key: tenant.key, body: { items: shop.items.slice(0, 5) } })
    const events = shop.events.slice(0, 10)
    for (let i = 0; i < 2; i++) await service.call('POST', `${path}/events`, { key: tenant.key, body: { events } })
    await service.app.get(QuotaHits).flush()
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
    const body = { scopes: ['ingest'], name: 'for a day', expiresAt }
    await service.call('POST', `${path}/keys`, { key: tenant.key, body })
    const { attention, nextTraining } = await one(tenant)
    expect(nextTraining).toBeNull()
    const details = Object.fromEntries(attention.map(({ code, detail }) => [code, detail]))
    expect(details.QUOTA_REACHED).toMatch(/10 events refused.*; 3 items refused/)
    expect(details.KEY_EXPIRING).toBe(`'for a day' ends at ${expiresAt}`)
  })

  it('lists those first that need a person most, then by name, page by page', async () => {
    const own = await testService({ ROLES: 'api' })
    try {
      const tenants = await Promise.all(['d', 'c', 'b', 'a'].map((id) => own.makeTenant(id)))
      const all = async (query = '') => (await own.call('GET', `/v1/overview?${query}`)).body as Overview
      await own.call('PATCH', '/v1/tenants/d', { body: { name: '0 first of the calm' } })
      const made = own.app.get(VersionsService)
      const report = { runId: null, parentId: null, baseModel: 'default', report: {} }
      await made.create('b', { ...report, decision: 'passed', reason: '' }, {})
      for (let i = 0; i < 3; i++) await made.create('c', { ...report, decision: 'rejected', reason: 'no' }, {})
      const whole = await all()
      expect(whole.data.map(({ id }) => id)).toEqual(['c', 'b', 'd', 'a'])
      expect(whole.totals).toMatchObject({
        tenants: 4,
        needAttention: 2,
        byCode: { VERSIONS_REFUSED: 1, AWAITING_PROMOTION: 1 },
      })
      const found: string[] = []
      let cursor: string | null = ''
      do {
        const page: Overview = await all(`limit=1${cursor && `&cursor=${cursor}`}`)
        found.push(...page.data.map(({ id }) => id))
        cursor = page.nextCursor
      } while (cursor)
      expect(found).toEqual(['c', 'b', 'd', 'a'])
      const ids = async (query: string) => (await all(query)).data.map(({ id }) => id)
      expect(await ids('attention=any')).toEqual(['c', 'b'])
      expect(await ids('attention=none')).toEqual(['d', 'a'])
      expect(await ids('attention=AWAITING_PROMOTION')).toEqual(['b'])
      expect(await ids('search=FIRST')).toEqual(['d'])
      expect((await own.call('GET', '/v1/overview?attention=EVERYTHING')).status).toBe(400)
      expect(await own.call('GET', '/v1/overview?cursor=W10')).toMatchObject({ body: { code: 'INVALID_CURSOR' } })
      expect((await own.call('GET', '/v1/overview', { key: tenants[0].key })).status).toBe(403)
      expect((await own.call('GET', '/v1/tenants/a/overview', { key: tenants[0].key })).status).toBe(403)
      await own.call('DELETE', '/v1/tenants/c')
      expect(await ids('')).toEqual(['b', 'd', 'a'])
    } finally {
      await own.stop()
    }
  })

  it('tells how far the consumers are behind, as whoever consumes has told', async () => {
    expect((await list()).consumerLag).toBeNull()
    // A broker that is away: nobody consumes, and nothing waits for it.
    const env = { ROLES: 'api', KAFKA_BROKERS: '127.0.0.1:1', KAFKA_GROUP: 'ours' }
    const other = await testService({ ...env, DATABASE_URL: service.databaseUrl })
    try {
      const answer = async () => ((await other.call('GET', '/v1/overview')).body as Overview).consumerLag
      expect(await answer()).toBeNull()
      const lag = other.app.get(ConsumerLagService)
      await lag.tell('theirs', 7)
      await lag.tell('ours', 9000)
      await lag.tell('ours', 42)
      expect(await answer()).toMatchObject({ messages: 42, measuredAt: expect.stringMatching(/Z$/) as string })
    } finally {
      await other.stop()
    }
  })

  it('leaves the rows of tenants to themselves', async () => {
    const tenant = await service.makeTenant()
    const database = service.app.get(Database)
    await database.asSystem((sql) => sql.execute(`INSERT INTO quota_hits VALUES ($1, 'items', 1)`, [tenant.id]))
    const other = await service.makeTenant()
    expect(await database.query(other.id, 'SELECT * FROM quota_hits')).toEqual([])
    expect(await database.query(other.id, 'SELECT * FROM consumer_lag')).toEqual([])
  })
})
