import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeVersion } from '../../src/model/version-file.js'
import { AnswersService } from '../../src/online/answers.service.js'
import { Database } from '../../src/platform/database.js'
import { VersionsService } from '../../src/registry/versions.service.js'
import { AsideModels } from '../../src/serving/aside-models.service.js'
import { LiveModels } from '../../src/serving/live-models.service.js'
import { testService, type TestService } from '../support/service.js'
import { catalogOf, encoded, madeVersion, promoteVersion, storeVersion } from './made-version.js'

interface Inspection {
  modelVersion: string
  source: string
  items: {
    itemId: string
    score: number
    reason: { because: { itemId: string; weight: number }[] }
    properties?: Record<string, unknown>
  }[]
}
interface Tenant {
  id: string
  key: string
}

const words = ['red', 'blue', 'small', 'large', 'wooden', 'steel', 'garden', 'kitchen', 'running', 'silk']
const item = (i: number) => ({
  itemId: `i${i}`,
  title: `${words[i % 10]} ${words[(i * 7 + 3) % 10]} thing number ${i}`,
  categories: [i % 2 ? 'odd' : 'even'],
})
const history = [
  { itemId: 'i1', type: 'view' },
  { itemId: 'i5', type: 'purchase' },
]

describe('looking into a version', () => {
  let service: TestService
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
  })
  afterAll(() => service.stop())

  const call = (tenant: Tenant, method: string, path: string, body?: unknown, at = service) =>
    at.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
  const ask = (tenant: Tenant, version: string, body: object = { history }, at = service) =>
    call(tenant, 'POST', `/model-versions/${version}/recommendations`, body, at)
  const look = async (tenant: Tenant, version: string, body?: object, at = service) => {
    const answer = await ask(tenant, version, body, at)
    expect([answer.status, answer.body]).toMatchObject([200, {}])
    return answer.body as Inspection
  }
  const idsOf = ({ items }: Pick<Inspection, 'items'>) => items.map(({ itemId }) => itemId)
  async function shop(items = 40, at = service): Promise<Tenant> {
    const tenant = await at.makeTenant()
    const all = Array.from({ length: items }, (_, i) => item(i))
    expect((await call(tenant, 'POST', '/items', { items: all }, at)).status).toBe(200)
    return tenant
  }
  const store = ({ id }: Tenant, bytes: Uint8Array, at = service) => storeVersion(at, id, bytes)

  it('shows what each would recommend, as it would be recommended once it is promoted', async () => {
    const tenant = await shop()
    const items = await catalogOf(service, tenant.id)
    const [first, second] = [await store(tenant, encoded(items, 1)), await store(tenant, encoded(items, 2))]
    const lists = await Promise.all(['base', first, second].map((version) => look(tenant, version)))
    expect(lists.map(({ modelVersion }) => modelVersion)).toEqual(['base', first, second])
    expect(lists.map(({ source }) => source)).toEqual(['base', 'fine-tuned', 'fine-tuned'])
    expect(new Set(lists.map((list) => idsOf(list).join())).size).toBe(3)
    const recommended = async () =>
      (await call(tenant, 'POST', '/recommendations', { history, explain: true })).body as Inspection
    expect((await recommended()).items).toEqual(lists[0].items)
    await service.app.get(VersionsService).promote(tenant.id, first, { name: 'test' })
    await expect.poll(async () => (await recommended()).modelVersion, { timeout: 10_000 }).toBe(first)
    expect((await recommended()).items).toEqual(lists[1].items)
    // The one that is served, and the one that was.
    expect((await look(tenant, first)).items).toEqual(lists[1].items)
    expect((await look(tenant, 'base')).items).toEqual(lists[0].items)
  })

  it('says because of what, with filters and boosts, for a user as for a typed history', async () => {
    const tenant = await shop()
    const version = await store(tenant, encoded(await catalogOf(service, tenant.id), 3))
    await call(tenant, 'POST', '/events', { events: history.map((event) => ({ ...event, userId: 'ann' })) })
    const plain = await look(tenant, version, { userId: 'ann', returnProperties: ['title'] })
    expect(plain.items).toHaveLength(10)
    const causes = plain.items.flatMap(({ reason }) => reason.because.map(({ itemId }) => itemId))
    expect([...new Set(causes)].sort()).toEqual(['i1', 'i5'])
    expect(plain.items[0].properties).toEqual({ title: item(Number(plain.items[0].itemId.slice(1))).title })
    // Bought is bought, in what is asked as in what is stored.
    expect(idsOf(plain)).not.toContain('i5')
    const odd = { categories: { any: ['odd'] } }
    const filtered = await look(tenant, version, { userId: 'ann', filter: odd, count: 40 })
    expect(filtered.items.every(({ itemId }) => Number(itemId.slice(1)) % 2 === 1)).toBe(true)
    const boosted = await look(tenant, version, { userId: 'ann', boost: [{ filter: odd, weight: 0 }], count: 40 })
    expect(boosted.items.some(({ itemId }) => Number(itemId.slice(1)) % 2 === 1)).toBe(false)
    expect(filtered.items.length + boosted.items.length).toBe(39)
    await call(tenant, 'PUT', '/scenarios/home', { count: 3 })
    expect((await look(tenant, version, { userId: 'ann', scenario: 'home' })).items).toHaveLength(3)
    // For nobody: what is wanted now, because of nothing.
    expect(await look(tenant, version, {})).toMatchObject({
      source: 'trending',
      items: expect.arrayContaining([expect.objectContaining({ reason: { because: [] } })]) as unknown[],
    })
  })

  it('follows items and events that came since, and counts as no impression', async () => {
    const tenant = await shop()
    const version = await store(tenant, encoded(await catalogOf(service, tenant.id), 4))
    expect(idsOf(await look(tenant, version, { history, count: 100 }))).toHaveLength(39)
    await call(tenant, 'POST', '/items', { items: [{ itemId: 'new', title: 'red steel thing' }] })
    await call(tenant, 'DELETE', '/items/i9')
    const all = async () => idsOf(await look(tenant, version, { history, count: 100 }))
    await expect.poll(all, { timeout: 10_000 }).toContain('new')
    expect(await all()).not.toContain('i9')
    await service.app.get(AnswersService).flush()
    const kept = () => service.app.get(Database).query(tenant.id, 'SELECT 1 FROM recommendations')
    expect(await kept()).toEqual([])
    await call(tenant, 'POST', '/recommendations', { history })
    await service.app.get(AnswersService).flush()
    expect(await kept()).toHaveLength(1)
  })

  it('never builds or frees a model that serves', async () => {
    const tenant = await shop()
    const version = await promoteVersion(service, tenant.id, encoded(await catalogOf(service, tenant.id), 5))
    await look(tenant, version)
    expect(service.app.get(LiveModels).servedVersion(tenant.id)).toBeUndefined()
    await call(tenant, 'POST', '/recommendations', { history })
    await Promise.all(Array.from({ length: 8 }, () => look(tenant, 'base')))
    expect(service.app.get(LiveModels).servedVersion(tenant.id)).toBe(version)
  })

  it('forgets who was erased, and a tenant that is gone', async () => {
    const tenant = await shop()
    const version = await store(tenant, encoded(await catalogOf(service, tenant.id), 6))
    await call(tenant, 'POST', '/events', { events: [{ userId: 'ann', itemId: 'i7', type: 'purchase' }] })
    expect(await look(tenant, version, {})).toMatchObject({
      source: 'trending',
      items: [{ itemId: 'i7' }, ...Array<object>(9).fill({})],
    })
    await call(tenant, 'DELETE', '/users/ann')
    await expect.poll(async () => (await look(tenant, version, {})).source, { timeout: 10_000 }).toBe('popular')
    await service.call('DELETE', `/v1/tenants/${tenant.id}`)
    expect((await ask(tenant, version)).status).toBe(401)
    await service.app.get(AsideModels).look()
    expect(service.app.get(AsideModels).loaded(tenant.id)).toBe(0)
  })

  it('keeps within its share of memory, and leaves it when nobody looks', async () => {
    const small = await testService({ ROLES: 'api', MODEL_MEMORY_MB: '64' })
    try {
      // Much to keep, little to encode.
      const description = 'x'.repeat(20_000)
      const tenant = await small.makeTenant()
      for (let part = 0; part < 3; part++) {
        const items = Array.from({ length: 230 }, (_, i) => ({ ...item(part * 230 + i), description }))
        await call(tenant, 'POST', '/items', { items }, small)
      }
      const items = await catalogOf(small, tenant.id)
      const aside = small.app.get(AsideModels)
      const versions = []
      for (let seed = 0; seed < 3; seed++) versions.push(await store(tenant, encoded(items, seed), small))
      for (const version of versions) {
        await look(tenant, version, undefined, small)
        expect(aside.loaded(tenant.id)).toBeLessThan(3)
      }
      // More of them at once than there is room for, and each is answered.
      const both = await Promise.all([...versions, ...versions].map((id) => look(tenant, id, undefined, small)))
      expect(both.map(({ modelVersion }) => modelVersion)).toEqual([...versions, ...versions])
      expect(aside.loaded(tenant.id)).toBeLessThan(3)
      // An experiment finds no room beside them: they give way.
      const arms = ['base', ...(await Promise.all([7, 8].map((seed) => store(tenant, encoded(items, seed), small))))]
      for (const version of versions.slice(0, 2)) await look(tenant, version, undefined, small)
      expect(aside.loaded(tenant.id)).toBe(2)
      const shares = [0.4, 0.3, 0.3]
      const experiment = {
        name: 'all three',
        metric: 'clicks',
        arms: arms.map((modelVersion, i) => ({ name: `${i}`, modelVersion, share: shares[i] })),
      }
      expect((await call(tenant, 'POST', '/experiments', experiment, small)).status).toBe(201)
      const served = new Set<string>()
      for (let user = 0; user < 30; user++) {
        const body = { userId: `user ${user}`, history }
        const answer = await call(tenant, 'POST', '/recommendations', body, small)
        served.add((answer.body as Inspection).modelVersion)
      }
      expect(served).toEqual(new Set(arms))
      expect(aside.loaded(tenant.id)).toBe(0)
      await look(tenant, versions[0], undefined, small)
      expect(aside.loaded(tenant.id)).toBe(1)
      await aside.look(Date.now() + 3_600_000)
      expect(aside.loaded(tenant.id)).toBe(0)
    } finally {
      await small.stop()
    }
  })

  it('lets nobody wait for long, and is there for who comes back', async () => {
    const tenant = await shop()
    const version = await store(tenant, encoded(await catalogOf(service, tenant.id), 9))
    const aside = service.app.get(AsideModels)
    const impatient = aside.use(tenant.id, version, (model) => model.version, 0)
    await expect(impatient).rejects.toMatchObject({ code: 'VERSION_LOADING', status: 503, retryAfter: 3 })
    await expect.poll(() => aside.loaded(tenant.id), { timeout: 20_000 }).toBe(1)
    expect(await aside.use(tenant.id, version, (model) => model.version, 0)).toBe(version)
  })

  it('refuses what can not be looked into', async () => {
    const tenant = await shop()
    const other = await shop(5)
    const items = await catalogOf(service, tenant.id)
    const version = await store(tenant, encoded(items, 7))
    const broken = await store(tenant, new Uint8Array(5000))
    expect(await ask(tenant, broken)).toMatchObject({ status: 422, body: { code: 'VERSION_UNUSABLE' } })
    expect(await ask(tenant, broken)).toMatchObject({ status: 422 })
    const empty = await service.app
      .get(VersionsService)
      .create(
        tenant.id,
        { runId: null, parentId: null, baseModel: 'default', decision: 'passed', reason: '', report: {} },
        {},
      )
    const ofOthers = await store(other, encodeVersion(madeVersion(items, 8)))
    for (const unknown of ['nothing', ofOthers, empty.id, '..%2Fbase'])
      expect(await ask(tenant, unknown)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    for (const wrong of ['%00', 'x'.repeat(300)]) expect((await ask(tenant, wrong)).status).toBe(400)
    for (const body of [{ count: 0 }, { userId: 7 }, { filter: { price: 'cheap' } }, { nothing: 1 }, { history: 'i1' }])
      expect((await ask(tenant, version, body)).status).toBe(400)
    expect(await ask(tenant, version, { scenario: 'nowhere' })).toMatchObject({ status: 404 })
    expect((await ask({ id: tenant.id, key: other.key }, version)).status).toBe(403)
    const { body } = await call(tenant, 'POST', '/keys', { scopes: ['ingest', 'recommend'] })
    expect((await ask({ id: tenant.id, key: (body as { key: string }).key }, version)).status).toBe(403)
  })
})
