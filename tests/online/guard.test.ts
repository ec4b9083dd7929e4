import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AnswersService } from '../../src/online/answers.service.js'
import { AttributionService } from '../../src/online/attribution.service.js'
import { guardDecision } from '../../src/online/guard-rule.js'
import { GuardService } from '../../src/online/guard.service.js'
import { VersionsService } from '../../src/registry/versions.service.js'
import { catalogOf, encoded, storeVersion } from '../serving/made-version.js'
import { testService, type TestService } from '../support/service.js'
import { type Answer, PATIENCE, redThings, type Tenant } from './shop.js'
import { watchVisitors } from './visitors.js'

const HOLDBACK = 0.1
/** What a guard does that looks every hour for a week, at users who come back. */
const watched = (lift: number, users: number, seed: number, maxDrop = 0, rate = 0.05) =>
  watchVisitors({ users, hours: 168, rate, lift, share: HOLDBACK, seed }, ([old, promoted]) => {
    const { decision } = guardDecision(promoted, old, maxDrop, HOLDBACK)
    return decision === 'open' ? null : decision
  })
const runs = (n: number, of: (seed: number) => string | null) => Array.from({ length: n }, (_, i) => of(i + 1))
const worse = (decisions: (string | null)[]) => decisions.filter((decision) => decision === 'worse').length

describe('the rule of a guard', () => {
  it('calls a version that does as well worse in fewer than 5 of 100 promotions', () => {
    expect(worse(runs(200, (seed) => watched(0, 2500, seed)))).toBeLessThan(10)
    expect(worse(runs(60, (seed) => watched(0, 2500, 1000 + seed, 0, 0.01)))).toBeLessThan(3)
  })

  it('finds three tenths fewer clicks nearly always, given the traffic', () => {
    expect(worse(runs(100, (seed) => watched(-0.3, 7000, seed)))).toBeGreaterThanOrEqual(97)
    // Nobody clicks anything any more.
    expect(worse(runs(20, (seed) => watched(-1, 3000, seed)))).toBe(20)
  })

  it('tolerates what it was told to', () => {
    expect(worse(runs(30, (seed) => watched(-0.3, 7000, seed, 0.35)))).toBe(0)
    expect(worse(runs(20, (seed) => watched(-0.9, 7000, seed, 0.35)))).toBe(20)
  })

  it('lets nobody stay behind a version that does better, and says nothing where users are missing', () => {
    expect(runs(10, (seed) => watched(1, 7000, seed))).toEqual(Array(10).fill('better'))
    const users = (n: number, clicks: number) => ({
      users: n,
      x: 10 * n,
      y: clicks,
      xx: 100 * n,
      xy: 10 * clicks,
      yy: clicks,
    })
    expect(guardDecision(users(9000, 900), users(1000, 400), 0, HOLDBACK).decision).toBe('worse')
    expect(guardDecision(users(9000, 900), users(700, 400), 0, HOLDBACK).decision).toBe('open')
    expect(guardDecision(users(700, 0), users(80, 60), 0, HOLDBACK).decision).toBe('open')
  })
})

interface Guard {
  id: string
  kind: string
  state: string
  winner: string | null
  endReason: string | null
  arms: { name: string; modelVersion: string; share: number; users: number }[]
}
interface Version {
  serving: boolean
  history: { event: string; kind: string; actor: string; reason: string | null }[]
}

describe('a guarded promotion', () => {
  let service: TestService
  let owner: pg.Pool
  beforeAll(async () => {
    service = await testService()
    owner = new pg.Pool({ connectionString: service.databaseUrl, max: 2 })
  })
  afterAll(async () => {
    await owner.end()
    await service.stop()
  })

  const call = async <T>(tenant: Tenant, method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await service.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    return answer.body
  }
  const ask = (tenant: Tenant, userId?: string) =>
    call<Answer>(tenant, 'POST', '/recommendations', { userId, history: ['i1', 'i2'], count: 5 })
  const guards = async (tenant: Tenant) => (await call<{ data: Guard[] }>(tenant, 'GET', '/experiments')).data
  const round = () => service.app.get(GuardService).round(() => false, 0)
  const served = async (tenant: Tenant) =>
    (await service.app.get(VersionsService).current(tenant.id))?.versionId ?? null
  const promote = (tenant: Tenant, version: string) =>
    call<Version>(tenant, 'POST', `/model-versions/${version}/promote`)

  async function makeShop(guard: object | null, versions = 2) {
    const tenant = await service.makeTenant(undefined, {
      quotas: { requestsPerSecond: 10_000 },
      training: { schedule: null, guard },
    })
    await call(tenant, 'POST', '/items', { items: redThings(40) })
    const catalog = await catalogOf(service, tenant.id)
    const made: string[] = []
    for (let seed = 1; seed <= versions; seed++)
      made.push(await storeVersion(service, tenant.id, encoded(catalog, seed)))
    return { tenant, versions: made }
  }

  it('keeps users on the old version, and goes back to it when the new one does worse: once', async () => {
    const { tenant, versions } = await makeShop({ holdback: 0.5 })
    const [old, promoted] = versions
    await promote(tenant, old)
    await round()
    await promote(tenant, promoted)
    await round()
    const [guard, first] = await guards(tenant)
    expect(guard).toMatchObject({
      kind: 'guard',
      state: 'running',
      name: `guard of ${promoted}`,
      arms: [
        { name: 'promoted', modelVersion: promoted, share: 0.5 },
        { name: 'holdback', modelVersion: old, share: 0.5 },
      ],
    })
    expect(first).toMatchObject({
      state: 'stopped',
      winner: null,
      endReason: expect.stringContaining('Something else was promoted') as string,
      arms: [{ modelVersion: old }, { name: 'holdback', modelVersion: 'base' }],
    })

    const users = Array.from({ length: 320 }, (_, i) => `user ${i}`)
    // Nobody waits for the old version's model: until it is there, no answer counts for it.
    await expect
      .poll(
        async () =>
          new Set(
            (await Promise.all(users.slice(0, 20).map((user) => ask(tenant, user)))).map(
              (answer) => answer.experiment?.arm,
            ),
          ),
        PATIENCE,
      )
      .toEqual(new Set(['promoted', 'holdback']))
    const events: object[] = []
    for (let from = 0; from < users.length; from += 20) {
      const part = users.slice(from, from + 20)
      const answers = await Promise.all(part.map((user) => ask(tenant, user)))
      answers.forEach(({ recommendationId, items, experiment, modelVersion }, i) => {
        expect(experiment?.id).toBe(guard.id)
        expect(modelVersion).toBe(experiment?.arm === 'holdback' ? old : promoted)
        if (experiment?.arm === 'holdback' || i % 10 === 0)
          events.push({ userId: part[i], itemId: items[0].itemId, type: 'view', recommendationId })
      })
    }
    expect((await ask(tenant)).experiment).toBeUndefined()
    await call(tenant, 'POST', '/events', { events })
    await service.app.get(AnswersService).flush()
    await service.app.get(AttributionService).round(() => false, 0)
    await round()

    expect(await served(tenant)).toBe(old)
    const reason = expect.stringMatching(
      /^Significantly fewer clicks: 0\.0\d+ for each impression, beside 0\.1\d+ for the users who stayed/,
    ) as string
    const version = await call<Version>(tenant, 'GET', `/model-versions/${promoted}`)
    expect(version.serving).toBe(false)
    expect(version.history).toMatchObject([
      { event: 'rolled-back', kind: 'rollback', actor: 'guard', reason },
      { event: 'promoted', reason: null },
    ])
    expect((await call<Version>(tenant, 'GET', `/model-versions/${old}`)).history).toMatchObject([
      { event: 'restored', actor: 'guard', reason },
      { event: 'promoted' },
    ])
    const { data } = await call<{ data: { action: string; actor: string; target: string; detail: object }[] }>(
      tenant,
      'GET',
      '/audit',
    )
    expect(data.find(({ action }) => action === 'version.rollback')).toMatchObject({
      actor: 'guard',
      target: old,
      detail: { kind: 'rollback', previous: promoted, reason },
    })
    expect((await guards(tenant))[0]).toMatchObject({
      id: guard.id,
      state: 'stopped',
      winner: 'holdback',
      endReason: reason,
    })
    await expect.poll(async () => (await ask(tenant, 'user 1')).modelVersion, PATIENCE).toBe(old)

    // Whoever promotes it again means it.
    await promote(tenant, promoted)
    await round()
    expect(await guards(tenant)).toHaveLength(2)
    expect(await served(tenant)).toBe(promoted)
  })

  it('is let go when its days are over, the guard is switched off, or an operator ends it', async () => {
    const { tenant, versions } = await makeShop({}, 4)
    await promote(tenant, versions[0])
    await round()
    const [guard] = await guards(tenant)
    await owner.query(`UPDATE experiments SET started_at = now() - interval '8 days' WHERE experiment_id = $1`, [
      guard.id,
    ])
    await round()
    expect(await guards(tenant)).toMatchObject([
      { id: guard.id, state: 'stopped', winner: null, endReason: expect.stringContaining('within 7 days') as string },
    ])

    await promote(tenant, versions[1])
    await round()
    const [second] = await guards(tenant)
    await call(tenant, 'POST', `/experiments/${second.id}/stop`, {})
    await round()
    expect((await guards(tenant)).map(({ state }) => state)).toEqual(['stopped', 'stopped'])

    await promote(tenant, versions[2])
    await round()
    await call(tenant, 'PATCH', '', { settings: { training: { guard: null } } })
    // Another instance may know the old settings for as long as it keeps them.
    await expect
      .poll(async () => {
        await round()
        return (await guards(tenant))[0].endReason
      }, PATIENCE)
      .toBe('The guard was switched off.')
    await promote(tenant, versions[3])
    await round()
    expect(await guards(tenant)).toHaveLength(3)
    expect(await served(tenant)).toBe(versions[3])
  })

  it('is not guarded where nobody wished it, and refuses settings that are none', async () => {
    const { tenant, versions } = await makeShop(null, 1)
    await promote(tenant, versions[0])
    await round()
    expect(await guards(tenant)).toEqual([])
    for (const guard of [
      true,
      { holdback: 0 },
      { holdback: 0.6 },
      { days: 31 },
      { maxDrop: 1 },
      { metric: 'fun' },
      { a: 1 },
    ]) {
      const answer = await service.call('PATCH', `/v1/tenants/${tenant.id}`, {
        key: tenant.key,
        body: { settings: { training: { guard } } },
      })
      expect(answer, JSON.stringify(guard)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
    }
  })
})
