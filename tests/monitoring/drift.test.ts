import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EventCountsService } from '../../src/events/event-counts.service.js'
import { Random } from '../../src/model/random.js'
import { eventMixDrift } from '../../src/monitoring/drift.js'
import { type Drift, DriftService } from '../../src/monitoring/drift.service.js'
import { SketchesService } from '../../src/monitoring/sketches.service.js'
import { Database } from '../../src/platform/database.js'
import type { Baseline } from '../../src/registry/version-report.js'
import { DriftTrigger, mayRun, reasonOf } from '../../src/training/drift-trigger.js'
import { catalogOf, encoded, promoteVersion } from '../serving/made-version.js'
import { testService, type TestService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'

type Body = Omit<Drift, 'tenantId' | 'versionId'> & { modelVersion: string | null }
interface Run {
  id: string
  state: string
  reason: string
  requestedBy: string
}

const ITEMS = 60

// No trainer: runs stay in the queue.
describe('drift', () => {
  let service: TestService
  let owner: pg.Client
  let serial = 0
  const shop = madeUpShop(ITEMS, 80)
  beforeAll(async () => {
    service = await testService({ ROLES: 'api', METRICS_TENANTS: '2' })
    owner = new pg.Client({ connectionString: service.databaseUrl })
    await owner.connect()
  })
  afterAll(async () => {
    await owner.end()
    await service.stop()
  })

  /** What the service itself may not: time has passed, versions are as they were once. */
  const run = (tenantId: string, statement: string) => owner.query(statement, [tenantId])

  /** A tenant whose history was imported long ago, served by a version that was trained three days ago. */
  async function trained(training: object = {}, baseline: Partial<Baseline> = {}) {
    const tenant = await service.makeTenant(undefined, {
      training: { schedule: 'never', minNewEvents: 1, ...training },
    })
    await send(service, tenant, shop)
    await service.app.get(EventCountsService).flush()
    await run(tenant.id, `UPDATE event_counts SET at = at - interval '20 days' WHERE tenant_id = $1`)
    await run(tenant.id, `UPDATE items SET created_at = created_at - interval '20 days' WHERE tenant_id = $1`)
    const [{ snapshot }] = await service.app
      .get(Database)
      .query<{ snapshot: string }>(tenant.id, 'SELECT pg_current_snapshot()::text AS snapshot')
    const bytes = encoded(await catalogOf(service, tenant.id), 1)
    const version = await promoteVersion(service, tenant.id, bytes, {
      readAt: new Date(Date.now() - 3 * 86_400_000).toISOString(),
      snapshot,
      days: 28,
      eventTypes: { view: 8000, purchase: 2000 },
      items: ITEMS,
      ...baseline,
    })
    await run(tenant.id, `UPDATE model_versions SET created_at = created_at - interval '3 days' WHERE tenant_id = $1`)
    const path = `/v1/tenants/${tenant.id}`
    const post = (to: string, body: object) => service.call('POST', path + to, { key: tenant.key, body })
    const come = async (types: Record<string, number>) => {
      const events = Object.entries(types).flatMap(([type, count]) =>
        Array.from({ length: count }, () => ({
          eventId: `n${serial++}`,
          userId: `user ${serial % 40}`,
          itemId: `item/${serial % ITEMS}`,
          type,
        })),
      )
      await send(service, tenant, { events: events as never })
      await service.app.get(EventCountsService).flush()
    }
    const drift = async () => (await service.call('GET', `${path}/drift`, { key: tenant.key })).body as Body
    const runs = async () =>
      ((await service.call('GET', `${path}/training-runs`, { key: tenant.key })).body as { data: Run[] }).data
    return { ...tenant, path, version, post, come, drift, runs }
  }
  const look = () => service.app.get(DriftTrigger).look()

  it('of a stable tenant is none, and triggers nothing', async () => {
    const { id, version, come, drift, runs } = await trained({ onDrift: 'moderate' })
    await come({ view: 810, purchase: 190 })
    const answered = service.app.get(DriftService)
    const random = new Random(3)
    const scores = (count: number) => {
      for (let i = 0; i < count; i++) answered.served(id, version, 2 + random.normals(1, 1)[0])
    }
    scores(700)
    await service.app.get(SketchesService).flush()
    await run(id, `UPDATE sketches SET at = at - interval '3 days' WHERE tenant_id = $1`)
    scores(700)
    const found = await drift()
    expect(found).toMatchObject({ modelVersion: version, state: 'stable' })
    expect(found.eventMix).toMatchObject({ state: 'stable', before: 10_000, now: 1000, missing: null })
    expect(found.eventMix.types).toEqual([
      { type: 'view', before: 0.8, now: 0.81 },
      { type: 'purchase', before: 0.2, now: 0.19 },
    ])
    expect(found.catalogue).toMatchObject({ state: 'stable', value: 0, before: ITEMS, added: 0, gone: 0 })
    expect(found.scores).toMatchObject({ state: 'stable', before: { answers: 700 }, now: { answers: 700 } })
    expect(found.scores.before?.median).toBeCloseTo(2, 0)
    await look()
    await look()
    expect(await runs()).toEqual([])
  })

  it('of the event mix is a reason to train once, and the run says so', async () => {
    const { version, come, drift, runs } = await trained({ onDrift: 'strong' })
    await come({ view: 300, purchase: 300, wish: 100 })
    const { state, eventMix } = await drift()
    expect([state, eventMix.state]).toEqual(['strong', 'strong'])
    expect(eventMix.types.at(-1)).toEqual({ type: '*', before: 0, now: 1 / 7 })
    await look()
    await look()
    const [made, ...more] = await runs()
    expect(more).toEqual([])
    expect(made).toMatchObject({ state: 'queued', requestedBy: 'drift' })
    expect(made.reason).toMatch(
      new RegExp(`^drift from the training window of ${version}: event mix strong \\(\\d\\.\\d\\d\\)$`),
    )
  })

  it('is no reason where the settings do not say so, and may be a moderate one', async () => {
    const never = await trained()
    const strong = await trained({ onDrift: 'strong' })
    const moderate = await trained({ onDrift: 'moderate' })
    const tooFew = await trained({ onDrift: 'moderate', minNewEvents: 100_000 })
    for (const { come } of [never, strong, moderate, tooFew]) await come({ view: 600, purchase: 400 })
    expect((await strong.drift()).state).toBe('moderate')
    await look()
    const made = await Promise.all([never, strong, moderate, tooFew].map(({ runs }) => runs()))
    expect(made.map(({ length }) => length)).toEqual([0, 0, 1, 0])
    const patch = (onDrift: unknown) =>
      service.call('PATCH', never.path, { key: never.key, body: { settings: { training: { onDrift } } } })
    expect((await patch('always')).status).toBe(400)
    expect(await patch('strong')).toMatchObject({
      status: 200,
      body: { settings: { training: { onDrift: 'strong' } } },
    })
  })

  it('needs a person where it is strong and nothing trains for it', async () => {
    const { id, key, path, come } = await trained()
    const itself = await trained({ onDrift: 'strong' })
    const attention = async (of: { key: string; path: string }) =>
      (await service.call('GET', `${of.path}/overview`, { key: of.key })).body as { attention: object[] }
    expect(await attention({ key, path })).toMatchObject({ attention: [] })
    for (const shop of [{ come }, itself]) await shop.come({ view: 300, purchase: 700 })
    const detail = expect.stringMatching(
      /^Strong drift from the training window of v-\S+: event mix strong \(/,
    ) as string
    expect(await attention({ key, path })).toMatchObject({
      attention: [{ code: 'DRIFTED', severity: 'notice', detail }],
    })
    expect(await attention(itself)).toMatchObject({ attention: [] })
    const { data } = (await service.call('GET', '/v1/overview?attention=DRIFTED')).body as { data: { id: string }[] }
    expect(data.map((tenant) => tenant.id)).toEqual([id])
    // Whoever has asked for a training has done what can be done.
    expect((await service.call('POST', `${path}/training-runs`, { key, body: {} })).status).toBe(202)
    expect(await attention({ key, path })).toMatchObject({ attention: [] })
  })

  it('of the catalogue is what came and what went since training', async () => {
    const { path, key, post, drift } = await trained()
    const items = Array.from({ length: 20 }, (_, i) => ({ itemId: `new ${i}`, title: `a new thing ${i}` }))
    await post('/items', { items })
    // Changed, not new.
    await post('/items', { items: [{ itemId: 'item/3', title: 'the old thing under another name' }] })
    for (const itemId of ['item%2F1', 'item%2F2', 'new%200'])
      await service.call('DELETE', `${path}/items/${itemId}`, { key })
    const { state, catalogue } = await drift()
    expect(catalogue).toMatchObject({ state: 'moderate', before: ITEMS, added: 19, gone: 2 })
    expect(catalogue.value).toBeCloseTo(19 / 77, 5)
    expect(state).toBe('moderate')
  })

  it('of scores is that of what the version answers, by itself', async () => {
    const { id, version, post, drift } = await trained()
    for (let i = 0; i < 3; i++) await post('/recommendations', { userId: 'user 1' })
    // Lists for nobody have no score of the model.
    await post('/recommendations', {})
    await post('/rankings', { userId: 'user 1', itemIds: ['item/1'] })
    const first = await drift()
    expect(first.scores).toMatchObject({ state: null, value: null, before: { answers: 3 }, now: null })
    expect(first.scores.missing).toContain('500 answers')
    const answered = service.app.get(DriftService)
    for (let i = 0; i < 600; i++) answered.served(id, version, 3 + (i % 7))
    await service.app.get(SketchesService).flush()
    await run(id, `UPDATE sketches SET at = at - interval '2 days' WHERE tenant_id = $1`)
    for (let i = 0; i < 600; i++) answered.served(id, version, 1 + (i % 7) / 2)
    answered.served(id, 'another version', 1000)
    const { scores } = await drift()
    expect(scores).toMatchObject({ state: 'strong', before: { answers: 603 }, now: { answers: 600 } })
    expect(scores.now?.median).toBeLessThan(scores.before?.median ?? 0)
  })

  it('is not told before there is enough, and says what is missing', async () => {
    const base = await service.makeTenant()
    const ask = (tenant: { id: string; key: string }) =>
      service.call('GET', `/v1/tenants/${tenant.id}/drift`, { key: tenant.key })
    expect((await ask(base)).body).toMatchObject({ modelVersion: null, state: null, eventMix: null })
    const few = await trained()
    await few.come({ purchase: 400 })
    expect((await few.drift()).eventMix).toMatchObject({
      state: null,
      now: 400,
      missing: expect.stringContaining('500') as string,
    })
    const fresh = await trained()
    await run(fresh.id, `UPDATE model_versions SET created_at = now() WHERE tenant_id = $1`)
    await fresh.come({ purchase: 900 })
    expect((await fresh.drift()).eventMix).toMatchObject({ state: null, now: 0 })
    const old = await trained()
    await run(old.id, `UPDATE model_versions SET report = report - 'baseline' WHERE tenant_id = $1`)
    expect(await old.drift()).toMatchObject({
      modelVersion: old.version,
      readAt: null,
      state: null,
      scores: { state: null },
    })
  })

  it('is told as metrics, of the tenants that have drifted most', async () => {
    await look()
    const metrics = String((await service.call('GET', '/metrics')).body)
    const of = (pattern: RegExp) => metrics.split('\n').filter((line) => pattern.test(line))
    const mix = of(/^attune_drift\{kind="eventMix"/)
    expect(mix).toHaveLength(2)
    for (const line of mix) expect(Number(line.split(' ').at(-1))).toBeGreaterThan(0.1)
    expect(of(/^attune_drift_tenants\{kind="eventMix",state="(strong|moderate)"\} [1-9]/)).toHaveLength(2)
    expect(of(/^attune_drift_tenants\{kind="catalogue",state="unknown"\} 1$/)).toHaveLength(1)
  })

  it('of many tenants takes as many statements as of one', async () => {
    const tenants = (await service.call('GET', '/v1/tenants?limit=1000')).body as { data: { id: string }[] }
    const statements = async () => {
      const metrics = String((await service.call('GET', '/metrics')).body)
      return Number(/^attune_database_query_seconds_count\{operation="SELECT"\} (\d+)$/m.exec(metrics)?.[1])
    }
    const spent = async (ids: string[]) => {
      const before = await statements()
      const found = await service.app.get(DriftService).of(ids)
      expect(found.length).toBeGreaterThan(0)
      return (await statements()) - before
    }
    const ids = (await service.app.get(DriftService).of(tenants.data.map(({ id }) => id))).map(
      ({ tenantId }) => tenantId,
    )
    expect(ids.length).toBeGreaterThan(5)
    const one = await spent([ids[0]])
    expect(one).toBeLessThan(8)
    // Whoever else asks the database meanwhile is in it too.
    expect(await spent(ids)).toBeLessThan(one + 8)
  })

  it('is nobody else’s business', async () => {
    const [mine, theirs] = [await service.makeTenant(), await service.makeTenant()]
    const ask = (id: string, key?: string) => service.call('GET', `/v1/tenants/${id}/drift`, { key })
    expect((await ask(theirs.id, mine.key)).status).toBe(403)
    expect((await ask('nobody')).status).toBe(404)
    const { body } = await service.call('POST', `/v1/tenants/${mine.id}/keys`, {
      key: mine.key,
      body: { scopes: ['ingest', 'recommend', 'manage'] },
    })
    expect((await ask(mine.id, (body as { key: string }).key)).status).toBe(403)
  })
})

describe('a run for drift', () => {
  const hour = 3_600_000
  const now = new Date('2026-06-10T12:00:00Z')
  const ago = (hours: number) => new Date(now.getTime() - hours * hour)
  const policy = { minIntervalMinutes: 60 }

  it('waits until the version is a day old, for the interval, and for a week after the last one', () => {
    const may = (readAt: Date | null, run: Date | null, forDrift: Date | null) =>
      mayRun(policy, { readAt }, { run, forDrift }, now)
    expect(may(ago(25), null, null)).toBe(true)
    expect(may(null, ago(2), ago(200))).toBe(true)
    expect(may(ago(23), null, null)).toBe(false)
    expect(may(ago(48), ago(0.5), null)).toBe(false)
    expect(may(ago(48), ago(48), ago(6 * 24))).toBe(false)
  })

  it('tells what drifted as far as the settings say, and nothing else', () => {
    const measure = (state: string | null, value: number | null) => ({ state, value })
    const drift = {
      versionId: 'v-1',
      eventMix: measure('moderate', 0.123),
      catalogue: measure('strong', 0.5),
      scores: measure(null, null),
    } as unknown as Drift
    expect(reasonOf({ onDrift: 'never' }, drift)).toBeNull()
    expect(reasonOf({ onDrift: 'strong' }, drift)).toBe(
      'drift from the training window of v-1: catalogue strong (0.50)',
    )
    expect(reasonOf({ onDrift: 'moderate' }, drift)).toBe(
      'drift from the training window of v-1: event mix moderate (0.12), catalogue strong (0.50)',
    )
  })
})

describe('the event mix of a tenant', () => {
  const random = new Random(11)
  const now = new Date()
  const TYPES = ['view', 'cart', 'purchase']

  /** Events by type of users each of whom has a mix of his own, by chance like or unlike the tenant's. */
  function mixOf(users: number, shares: number[]): Record<string, number> {
    const counts = Object.fromEntries(TYPES.map((type) => [type, 0]))
    for (let user = 0; user < users; user++) {
      // Of ten events three are whatever this user does most.
      const habit = drawn(shares)
      for (let event = 1 + random.below(19); event > 0; event--) counts[random.next() < 0.3 ? habit : drawn(shares)]++
    }
    return counts
  }
  function drawn(shares: number[]): string {
    let left = random.next()
    return TYPES[shares.findIndex((share) => (left -= share) < 0)] ?? TYPES[2]
  }
  const stateOf = (users: number, before: number[], after: number[]) =>
    eventMixDrift(
      { readAt: '', snapshot: '', days: 28, items: 1, eventTypes: mixOf(3 * users, before) },
      new Date(now.getTime() - 7 * 86_400_000),
      new Map(Object.entries(mixOf(users, after))),
      now,
    ).state

  it('stays stable while users come and go, few or many', () => {
    for (const users of [80, 300]) {
      const states = Array.from({ length: 400 }, () => stateOf(users, [0.8, 0.15, 0.05], [0.8, 0.15, 0.05]))
      expect(states.filter((state) => state === 'stable').length, `${users} users`).toBeGreaterThanOrEqual(398)
    }
  })

  it('is seen to move where it does', () => {
    const states = Array.from({ length: 50 }, () => stateOf(300, [0.8, 0.15, 0.05], [0.5, 0.2, 0.3]))
    expect(states.filter((state) => state !== 'strong')).toEqual([])
  })
})
