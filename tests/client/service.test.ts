import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Attune, type Event } from '../../src/client/index.js'
import { VersionsService } from '../../src/registry/versions.service.js'
import { RunQueue } from '../../src/training/run-queue.js'
import { serviceProcess } from '../support/process.js'
import { testService, type TestService } from '../support/service.js'
import { madeUpShop } from '../training/shop.js'

describe('the client against the service', () => {
  let service: TestService
  let operator: Attune
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    operator = new Attune({ server: service.url, key: service.operatorKey })
  })
  afterAll(() => service.stop())

  const collect = async <T>(all: AsyncIterable<T>) => {
    const found: T[] = []
    for await (const one of all) found.push(one)
    return found
  }

  it('makes a tenant, fills it, asks for recommendations, and takes everything away again', async () => {
    const { tenant, apiKey } = await operator.tenants.create({ id: 'a shop/1', settings: { hideAfter: [] } })
    expect(tenant.settings.hideAfter).toEqual([])
    const attune = new Attune({ server: service.url, key: apiKey, tenant: tenant.id })
    const shop = madeUpShop(60, 80)
    const items = shop.items.map((item) => ({ price: 3, categories: ['all'], ...item }))
    expect(await attune.items.upsert([...items, { itemId: '' }])).toMatchObject({
      accepted: 60,
      rejected: [{ index: 60, code: 'INVALID_ITEM' }],
    })
    expect(await attune.events.send(shop.events)).toEqual({ accepted: shop.events.length, duplicates: 0, rejected: [] })
    expect(await attune.events.send(shop.events)).toMatchObject({ accepted: 0, duplicates: shop.events.length })
    expect(await attune.readiness()).toMatchObject({ events: shop.events.length, items: 60, serving: 'base' })
    expect((await collect(attune.items.all())).map(({ itemId }) => itemId).sort()).toEqual(
      items.map(({ itemId }) => itemId).sort(),
    )
    expect((await attune.items.list({ limit: 7 })).data).toHaveLength(7)
    expect(await attune.items.get('item/3')).toMatchObject({ itemId: 'item/3', price: 3 })

    const user = shop.events[0].userId
    const answers = [
      await attune.recommend({
        userId: user,
        count: 5,
        filter: { categories: { any: ['all'] }, not: { 'attributes.x': { eq: 1 } } },
      }),
      await attune.recommendFor(user, { count: 5 }),
      await attune.similar('item/3', { count: 5 }),
      await attune.trending({ count: 5 }),
      await attune.rank({ userId: user, itemIds: ['item/1', 'item/2', 'item/3', 'item/4', 'item/5'] }),
    ]
    for (const answer of answers) expect(answer.items.map(({ itemId }) => itemId)).toHaveLength(5)

    expect(
      await attune.scenarios.put('home page', { count: 3, boost: [{ filter: { price: { lt: 5 } }, weight: 2 }] }),
    ).toMatchObject({
      name: 'home page',
    })
    expect((await attune.recommendFor(user, { scenario: 'home page' })).items).toHaveLength(3)
    expect((await attune.scenarios.get('home page')).defaults).toMatchObject({ count: 3 })
    await attune.scenarios.delete('home page')
    await expect(attune.scenarios.get('home page')).rejects.toMatchObject({ code: 'NOT_FOUND', status: 404 })

    const { moved } = await attune.users.merge(user, 'somebody else')
    expect(moved.events).toBeGreaterThan(0)
    expect((await collect(attune.users.export('somebody else'))).length).toBeGreaterThan(0)
    const { id } = await attune.users.erase('somebody else')
    expect(await attune.users.erasure(id)).toMatchObject({ id })

    const made = await attune.keys.create({ scopes: ['recommend'], name: 'site' })
    const site = new Attune({ server: service.url, key: made.key, tenant: tenant.id })
    await expect(site.readiness()).rejects.toMatchObject({ code: 'FORBIDDEN', status: 403, retryable: false })
    expect((await attune.keys.list()).data.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['first key', 'site']),
    )
    await attune.keys.revoke(made.id)
    await expect(site.trending()).rejects.toMatchObject({ status: 401 })

    expect(
      (await attune.tenants.update({ name: 'A shop', settings: { retentionDays: 9 } })).settings.retentionDays,
    ).toBe(9)
    expect((await attune.audit({ limit: 50 })).data.length).toBeGreaterThan(0)
    expect((await collect(operator.tenants.all())).map((one) => one.id)).toContain(tenant.id)
    await attune.items.delete('item/3')
    await expect(attune.items.get('item/3')).rejects.toMatchObject({ status: 404 })
    expect(await operator.for(tenant.id).call('get', '/v1/tenants/{tenant}/readiness')).toMatchObject({ items: 59 })
    expect(await operator.tenants.delete(tenant.id)).toEqual({ id: tenant.id, state: 'deleting' })
  })

  it('starts a run, follows it to its end, and lists it', async () => {
    const { id, key } = await service.makeTenant()
    const attune = new Attune({ server: service.url, key, tenant: id })
    await expect(attune.runs.start()).rejects.toMatchObject({ code: 'NOT_ENOUGH_DATA', status: 422 })
    const shop = madeUpShop(60, 80)
    await attune.items.upsert(shop.items)
    await attune.events.send(shop.events)
    const run = await attune.runs.start({ from: 'base', reason: 'a test' })
    await expect(attune.runs.start()).rejects.toMatchObject({ code: 'RUN_IN_PROGRESS', problem: { runId: run.id } })
    const told = collect(attune.runs.follow(run.id))
    const queue = service.app.get(RunQueue)
    const claim = await queue.claim('test')
    if (!claim) throw new Error('nothing to claim')
    await queue.finish(claim, { state: 'rejected', outcome: 'rejected' })
    expect((await told).at(-1)).toMatchObject({ event: 'end', data: { state: 'rejected' } })
    expect(await attune.runs.get(run.id)).toMatchObject({ state: 'rejected', reason: 'a test' })
    expect((await collect(attune.runs.all())).map((one) => one.id)).toEqual([run.id])
    const next = await attune.runs.start({ force: true })
    expect(await attune.runs.cancel(next.id)).toMatchObject({ state: 'cancelled' })
  })

  it('promotes versions and rolls back', async () => {
    const { id, key } = await service.makeTenant()
    const attune = new Attune({ server: service.url, key, tenant: id })
    await expect(attune.versions.rollback()).rejects.toMatchObject({ status: 409 })
    const versions = service.app.get(VersionsService)
    const draft = {
      runId: null,
      parentId: null,
      baseModel: 'default',
      decision: 'passed' as const,
      reason: 'r',
      report: {},
    }
    const made = [await versions.create(id, draft, {}), await versions.create(id, draft, {})]
    for (const version of made) expect(await attune.versions.promote(version.id)).toMatchObject({ serving: true })
    expect((await collect(attune.versions.all())).map((one) => one.id).sort()).toEqual(made.map((one) => one.id).sort())
    expect(await attune.versions.rollback()).toMatchObject({ modelVersion: made[0].id, serving: 'fine-tuned' })
    expect(await attune.versions.get(made[0].id)).toMatchObject({ serving: true })
    expect((await attune.versions.list({ limit: 1 })).nextCursor).not.toBeNull()
  })
})

describe('the event queue against a service that is killed', () => {
  it('loses no event and stores none twice', async () => {
    const service = await serviceProcess({ ROLES: 'api' })
    try {
      const { id, key } = await service.makeTenant()
      const attune = new Attune({ server: service.url, key, tenant: id, events: { maxQueued: 1000, batchSize: 100 } })
      const count = 6000
      const event = (n: number): Event => ({ userId: `u${n % 50}`, itemId: `i${n}`, type: 'view' })
      const sending = (async () => {
        for (let n = 0; n < count; n++) await attune.events.push(event(n))
        return attune.events.close()
      })()
      while (attune.events.counts.accepted < 500) await new Promise((next) => setTimeout(next, 1))
      await service.kill()
      await service.start()
      const { accepted, duplicates, dropped, rejected } = await sending
      expect(accepted + duplicates).toBe(count)
      expect([dropped, rejected]).toEqual([0, 0])
      expect(await attune.readiness()).toMatchObject({ events: count, users: 50 })
    } finally {
      await service.cleanUp()
    }
  })
})
