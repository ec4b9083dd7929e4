import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AnswersService } from '../../src/online/answers.service.js'
import { AttributionService } from '../../src/online/attribution.service.js'
import { catalogOf, encoded, promoteVersion, storeVersion } from '../serving/made-version.js'
import { testService, type TestService } from '../support/service.js'
import { type Answer, PATIENCE, redThings, type Tenant } from './shop.js'

interface Experiment {
  id: string
  state: string
  winner: string | null
  arms: { name: string; users: number; impressions: number; clicks: number; rate: { value: number | null } }[]
  sampleRatio: { pValue: number; alarm: boolean }
  comparisons: { arm: string; lift: number | null; low: number | null }[]
  verdict: string
  reason: string
}

const halves = (a: object = {}, b: object = {}) => [
  { name: 'a', share: 0.5, ...a },
  { name: 'b', share: 0.5, ...b },
]
const split = { name: 'a split', metric: 'clicks', arms: halves() }

describe('experiments', () => {
  let service: TestService
  let owner: pg.Pool
  beforeAll(async () => {
    service = await testService()
    owner = new pg.Pool({ connectionString: service.databaseUrl, max: 4 })
  })
  afterAll(async () => {
    await owner.end()
    await service.stop()
  })

  const call = (tenant: Tenant, method: string, path: string, body?: unknown, at = service) =>
    at.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
  const done = async <T>(tenant: Tenant, method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await call(tenant, method, path, body)
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    return answer.body
  }
  async function makeShop(count = 40, fields: object = {}): Promise<Tenant> {
    const tenant = await service.makeTenant(undefined, { quotas: { requestsPerSecond: 10_000 } })
    const items = redThings(count, fields)
    for (let from = 0; from < count; from += 200)
      await done(tenant, 'POST', '/items', { items: items.slice(from, from + 200) })
    return tenant
  }
  const history = ['i1', 'i2']
  const ask = (tenant: Tenant, fields: object) =>
    done<Answer>(tenant, 'POST', '/recommendations', { history, count: 5, ...fields })
  const start = (tenant: Tenant, experiment: object) => done<Experiment>(tenant, 'POST', '/experiments', experiment)
  const get = async (tenant: Tenant, id: string) => {
    await service.app.get(AnswersService).flush()
    await service.app.get(AttributionService).round(() => false, 0)
    return done<Experiment>(tenant, 'GET', `/experiments/${id}`)
  }
  const users = (n: number) => Array.from({ length: n }, (_, i) => `user ${i}`)

  it('are refused with what is wrong with them', async () => {
    const tenant = await makeShop()
    const wrong: [object, string][] = [
      [{ ...split, arms: [{ name: 'a', share: 1 }] }, 'arms'],
      [{ ...split, arms: halves({ share: 0.4 }) }, 'arms'],
      [{ ...split, arms: halves({ share: 0 }, { share: 1 }) }, 'arms.0.share'],
      [{ ...split, arms: halves({ share: -0.5 }, { share: 1.5 }) }, 'arms.0.share'],
      [{ ...split, arms: halves({ name: 'b' }) }, 'arms.1.name'],
      [{ ...split, arms: halves({ name: 'too-early' }) }, 'arms.0.name'],
      [{ ...split, arms: halves({ name: '\u0000' }) }, 'arms.0.name'],
      [{ ...split, arms: halves({ scenario: 'home' }) }, 'arms.0.scenario'],
      [{ ...split, arms: Array.from({ length: 11 }, (_, i) => ({ name: `${i}`, share: 1 / 11 })) }, 'arms'],
      [{ ...split, metric: 'fun' }, 'metric'],
      [{ ...split, name: '' }, 'name'],
      [{ ...split, minEffect: 0 }, 'minEffect'],
      [{ ...split, seed: 'mine' }, ''],
    ]
    for (const [experiment, path] of wrong) {
      const answer = await call(tenant, 'POST', '/experiments', experiment)
      expect(answer, JSON.stringify(experiment)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
      const { errors } = answer.body as { errors: { path: string }[] }
      expect(errors.map((error) => error.path)).toContain(path)
    }
    const missing: [object, string][] = [
      [{ ...split, arms: halves({ modelVersion: 'v-none' }) }, 'UNKNOWN_MODEL_VERSION'],
      [{ ...split, scenario: 'nowhere' }, 'UNKNOWN_SCENARIO'],
    ]
    for (const [experiment, code] of missing)
      expect(await call(tenant, 'POST', '/experiments', experiment)).toMatchObject({ status: 422, body: { code } })
    expect(await done(tenant, 'GET', '/experiments')).toEqual({ data: [], nextCursor: null })
    expect((await call(tenant, 'GET', '/experiments/x-none')).status).toBe(404)
    expect((await call(tenant, 'POST', '/experiments/x-none/stop', {})).status).toBe(404)
  })

  it('are one at a time for a scenario, listed newest first, and stopped once', async () => {
    const tenant = await makeShop()
    await done(tenant, 'PUT', '/scenarios/home', { count: 3 })
    const first = await start(tenant, split)
    expect(first).toMatchObject({ state: 'running', verdict: 'too-early', arms: [{ users: 0 }, { users: 0 }] })
    expect(await call(tenant, 'POST', '/experiments', split)).toMatchObject({
      status: 409,
      body: { code: 'EXPERIMENT_RUNNING', experimentId: first.id },
    })
    const home = await start(tenant, { ...split, scenario: 'home' })
    expect((await call(tenant, 'POST', `/experiments/${first.id}/stop`, { winner: 'nobody' })).status).toBe(422)
    expect((await call(tenant, 'POST', `/experiments/${first.id}/stop`, { victor: 'a' })).status).toBe(400)
    const stopped = await done<Experiment>(tenant, 'POST', `/experiments/${first.id}/stop`)
    expect(stopped).toMatchObject({ state: 'stopped', winner: null, stoppedAt: expect.any(String) as string })
    expect(await done(tenant, 'POST', `/experiments/${first.id}/stop`, {})).toEqual(stopped)
    expect((await call(tenant, 'POST', `/experiments/${first.id}/stop`, { winner: 'a' })).status).toBe(409)
    const again = await start(tenant, split)
    const list = await done<{ data: Experiment[]; nextCursor: string }>(tenant, 'GET', '/experiments?limit=2')
    expect(list.data.map(({ id }) => id)).toEqual([again.id, home.id])
    const rest = await done<{ data: Experiment[] }>(tenant, 'GET', `/experiments?cursor=${list.nextCursor}`)
    expect(rest.data.map(({ id, state }) => [id, state])).toEqual([[first.id, 'stopped']])
    const { data } = await done<{ data: { action: string; target: string }[] }>(tenant, 'GET', '/audit')
    expect(data.map(({ action, target }) => `${action} ${target}`)).toEqual(
      expect.arrayContaining([`experiment.create ${first.id}`, `experiment.stop ${first.id}`]),
    )
  })

  it('serve each user always by the version of his arm, wherever he is answered, and free it in the end', async () => {
    const tenant = await makeShop()
    const items = await catalogOf(service, tenant.id)
    const champion = await promoteVersion(service, tenant.id, encoded(items, 1))
    const rival = await storeVersion(service, tenant.id, encoded(items, 2))
    await expect.poll(async () => (await ask(tenant, {})).modelVersion, PATIENCE).toBe(champion)
    const { id } = await start(tenant, { ...split, arms: halves({ modelVersion: rival }, { modelVersion: champion }) })
    const other = await testService({ DATABASE_URL: service.databaseUrl, ROLES: 'api' })
    const armOf = new Map<string, string>()
    for (const userId of [...users(24), ...users(8)]) {
      const { modelVersion, experiment } = await ask(tenant, { userId })
      expect(experiment?.id).toBe(id)
      expect(modelVersion).toBe(experiment?.arm === 'a' ? rival : champion)
      expect(armOf.get(userId) ?? experiment?.arm).toBe(experiment?.arm)
      armOf.set(userId, experiment!.arm)
    }
    expect(new Set(armOf.values())).toEqual(new Set(['a', 'b']))
    for (const userId of users(8)) {
      const answer = await call(tenant, 'POST', '/recommendations', { userId, history }, other)
      expect((answer.body as Answer).experiment?.arm).toBe(armOf.get(userId))
      const ranked = await call(tenant, 'POST', '/rankings', { userId, itemIds: ['i1', 'i2'] }, other)
      expect((ranked.body as Answer).experiment?.arm).toBe(armOf.get(userId))
    }
    await other.stop()
    const visits = await Promise.all(
      ['s1', 's1', 's2', 's3', 's4', 's5', 's6'].map((sessionId) => ask(tenant, { sessionId })),
    )
    expect(visits[0].experiment).toEqual(visits[1].experiment)
    const nobody = await ask(tenant, {})
    expect(nobody.experiment).toBeUndefined()
    expect(nobody.modelVersion).toBe(champion)
    const { arms } = await get(tenant, id)
    expect(arms[0].users + arms[1].users).toBe(24 + 6)
    expect(arms.every((arm) => arm.impressions >= 5 * arm.users)).toBe(true)

    const models = async () => {
      const { body } = await service.call('GET', '/metrics', { key: '' })
      return Number(/attune_live_models (\d+)/.exec(body)?.[1])
    }
    const before = await models()
    await done(tenant, 'POST', `/experiments/${id}/stop`, { winner: 'a' })
    await expect.poll(async () => (await ask(tenant, {})).modelVersion, PATIENCE).toBe(rival)
    expect((await ask(tenant, { userId: 'user 1' })).experiment).toBeUndefined()
    await expect.poll(models, PATIENCE).toBe(before - 1)
    const { data } = await done<{ data: { action: string; target: string }[] }>(tenant, 'GET', '/audit')
    expect(data.map(({ action, target }) => `${action} ${target}`)).toContain(`version.promote ${rival}`)
    // What was known at its end stays.
    expect((await get(tenant, id)).arms).toEqual(arms)
  })

  it('try a scenario in place of another, which the winner becomes; and the base', async () => {
    const tenant = await makeShop()
    const champion = await promoteVersion(service, tenant.id, encoded(await catalogOf(service, tenant.id), 3))
    await expect.poll(async () => (await ask(tenant, {})).modelVersion, PATIENCE).toBe(champion)
    await done(tenant, 'PUT', '/scenarios/home', { count: 3 })
    await done(tenant, 'PUT', '/scenarios/longer', { count: 6 })
    const { id } = await start(tenant, {
      ...split,
      metric: 'clicks-per-user',
      scenario: 'home',
      arms: halves({}, { scenario: 'longer', modelVersion: 'base' }),
    })
    const home = (userId: string) => ask(tenant, { userId, count: undefined, scenario: 'home' })
    for (const userId of users(12)) {
      const { experiment, items, modelVersion } = await home(userId)
      expect([items.length, modelVersion]).toEqual(experiment?.arm === 'b' ? [6, 'base'] : [3, champion])
    }
    expect((await ask(tenant, { userId: 'user 1' })).experiment).toBeUndefined()
    // A scenario that is taken away meanwhile is nobody's trouble but the experiment's.
    await done(tenant, 'DELETE', '/scenarios/longer')
    await expect
      .poll(async () => {
        const answers = await Promise.all(users(12).map(home))
        return answers.every(({ items, experiment }) => items.length === 3 && experiment?.arm !== 'b')
      }, PATIENCE)
      .toBe(true)
    expect(await call(tenant, 'POST', `/experiments/${id}/stop`, { winner: 'b' })).toMatchObject({
      status: 422,
      body: { code: 'UNKNOWN_SCENARIO' },
    })
    // Nothing of a stop that failed is there.
    expect((await get(tenant, id)).state).toBe('running')
    await done(tenant, 'PUT', '/scenarios/longer', { count: 6 })
    await done(tenant, 'POST', `/experiments/${id}/stop`, { winner: 'b' })
    expect(await done(tenant, 'GET', '/scenarios/home')).toMatchObject({ defaults: { count: 6 } })
    await expect.poll(async () => (await ask(tenant, {})).modelVersion, PATIENCE).toBe('base')
    // What was served before is one step back.
    expect(await done(tenant, 'POST', '/model-versions/rollback')).toMatchObject({
      modelVersion: champion,
      previous: 'base',
    })
  })

  it('answer by the promoted version where that of an arm can not be served, and count nothing of it', async () => {
    const tenant = await makeShop()
    const broken = await storeVersion(
      service,
      tenant.id,
      Uint8Array.from({ length: 5000 }, (_, i) => i % 251),
    )
    const { id } = await start(tenant, { ...split, arms: halves({ modelVersion: broken }) })
    const answers = await Promise.all(users(40).map((userId) => ask(tenant, { userId })))
    expect(new Set(answers.map(({ modelVersion }) => modelVersion))).toEqual(new Set(['base']))
    const counted = answers.filter(({ experiment }) => experiment)
    expect(new Set(counted.map(({ experiment }) => experiment?.arm))).toEqual(new Set(['b']))
    const { arms, sampleRatio, verdict, reason } = await get(tenant, id)
    expect(arms.map((arm) => arm.users)).toEqual([0, counted.length])
    expect(sampleRatio.alarm).toBe(true)
    expect(verdict).toBe('too-early')
    expect(reason).toContain('do not fit the shares')
  })

  it('name the winner when it is one, and only after the days that were asked for', async () => {
    const tenant = await makeShop()
    const { id } = await start(tenant, { ...split, minEffect: 0.1 })
    const events: object[] = []
    const asked = users(320)
    for (let from = 0; from < asked.length; from += 20) {
      const part = asked.slice(from, from + 20)
      const answers = await Promise.all(part.map((userId) => ask(tenant, { userId })))
      answers.forEach(({ recommendationId, items, experiment }, i) => {
        const place = (from + i) % 5
        if (experiment?.arm === 'b' || place === 0)
          events.push({ userId: part[i], itemId: items[place].itemId, type: 'view', recommendationId })
      })
    }
    await done(tenant, 'POST', '/events', { events })
    const early = await get(tenant, id)
    expect(early).toMatchObject({ verdict: 'too-early', sampleRatio: { alarm: false } })
    expect(early.reason).toContain('of at least 7 days')
    expect(early.arms[0].clicks + early.arms[1].clicks).toBe(events.length)
    await owner.query(`UPDATE experiments SET started_at = now() - interval '8 days' WHERE experiment_id = $1`, [id])
    const later = await get(tenant, id)
    expect(later.verdict).toBe('b')
    expect(later.comparisons).toMatchObject([{ arm: 'b', against: 'a' }])
    expect(later.comparisons[0].low).toBeGreaterThan(0)
    expect(later.arms[1].rate.value).toBeCloseTo(0.2, 9)
  })

  it('know nothing any more of a user who is erased, and him who was merged by his new name', async () => {
    const tenant = await makeShop()
    const { id } = await start(tenant, split)
    const answer = await ask(tenant, { userId: 'ann' })
    await ask(tenant, { userId: 'visitor' })
    const [ann] = (await get(tenant, id)).arms.filter(({ name }) => name === answer.experiment?.arm)
    expect(ann.users).toBeGreaterThan(0)
    const exported = async (user: string) => {
      const { body } = await call(tenant, 'GET', `/users/${user}/export`)
      return String(body)
    }
    expect(await exported('ann')).toContain(`"kind":"experiment","arm":"${answer.experiment?.arm}"`)
    await done(tenant, 'DELETE', '/users/ann')
    // What he did before the erasure and is told after it brings nothing of him back.
    await done(tenant, 'POST', '/events', {
      events: [
        { userId: 'ann', itemId: answer.items[0].itemId, type: 'view', recommendationId: answer.recommendationId },
      ],
    })
    expect((await get(tenant, id)).arms.reduce((sum, { users }) => sum + users, 0)).toBe(1)
    await done(tenant, 'POST', '/users/visitor/merge', { into: 'ben' })
    expect(await exported('ben')).toContain('"kind":"experiment"')
    await ask(tenant, { userId: 'visitor' })
    expect((await get(tenant, id)).arms.reduce((sum, { users }) => sum + users, 0)).toBe(1)
    await done(tenant, 'DELETE', '/users/ben')
    expect((await get(tenant, id)).arms.reduce((sum, { users }) => sum + users, 0)).toBe(0)
  })
})

describe('experiments where memory is short', () => {
  it('serve as many versions as there is room for, and say the truth of the others', { timeout: 120_000 }, async () => {
    const service = await testService({ MODEL_MEMORY_MB: '64' })
    try {
      const tenant = await service.makeTenant()
      const call = async (method: string, path: string, body?: object) => {
        const answer = await service.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
        expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
        return answer.body
      }
      const description = 'long words '.repeat(2000)
      for (let part = 0; part < 5; part++) {
        const items = Array.from({ length: 200 }, (_, i) => ({
          itemId: `i${part * 200 + i}`,
          title: `thing ${part * 200 + i}`,
          description,
        }))
        await call('POST', '/items', { items })
      }
      const catalog = await catalogOf(service, tenant.id)
      const versions = []
      for (let seed = 1; seed <= 2; seed++)
        versions.push(await storeVersion(service, tenant.id, encoded(catalog, seed)))
      await call('POST', '/experiments', {
        name: 'too many',
        metric: 'clicks',
        arms: [undefined, ...versions].map((modelVersion, i) => ({
          name: `${i}`,
          modelVersion,
          share: [0.4, 0.3, 0.3][i],
        })),
      })
      const served = new Set<string>()
      const uncounted: string[] = []
      for (let user = 0; user < 30; user++) {
        const answer: Answer = await call('POST', '/recommendations', { userId: `user ${user}`, history: ['i1'] })
        served.add(answer.modelVersion)
        if (!answer.experiment) uncounted.push(answer.modelVersion)
      }
      expect(served).toContain('base')
      expect(served.size).toBeLessThan(3)
      expect(uncounted.length).toBeGreaterThan(0)
      expect(new Set(uncounted)).toEqual(new Set(['base']))
      const { body } = await service.call('GET', '/metrics', { key: '' })
      expect(Number(/attune_live_model_bytes (\d+)/.exec(body)?.[1])).toBeLessThanOrEqual(64 * 1024 * 1024)
    } finally {
      await service.stop()
    }
  })
})
