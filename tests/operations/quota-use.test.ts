import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { QuotaUse } from '../../src/operations/quota-use.service.js'
import { QuotaHits } from '../../src/tenants/quota-hits.service.js'
import { type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'

// No trainer in this service: runs stay as they are.
describe('the use of quotas', () => {
  let service: TestService
  const shop = madeUpShop(60, 80)
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
  })
  afterAll(() => service.stop())

  const use = async ({ id, key }: { id: string; key: string }) => {
    const { status, body } = await service.call('GET', `/v1/tenants/${id}/quotas`, { key })
    expect(status).toBe(200)
    const { data } = body as { data: QuotaUse[] }
    return Object.fromEntries(data.map(({ quota, ...rest }) => [quota, rest]))
  }
  const untouched = { refused: 0, refusedSince: null, lastRefusedAt: null }

  it('is the settings while nothing came', async () => {
    const quotas = { requestsPerSecond: 30, eventsPerSecond: 40, items: 50, trainingRunsPerDay: 6 }
    expect(await use(await service.makeTenant(undefined, { quotas }))).toEqual({
      requests: { limit: 30, per: 'second', used: expect.any(Number) as number, most: 300, ...untouched },
      events: { limit: 40, per: 'second', used: 0, most: 400, ...untouched },
      items: { limit: 50, per: null, used: 0, most: 50, ...untouched },
      'training runs': { limit: 6, per: 'day', used: 0, most: 6, ...untouched },
    })
  })

  it('tells what is used of each, and what was refused lately, to the tenant alone', async () => {
    const started = Date.now()
    const quotas = { items: 60, eventsPerSecond: 200, trainingRunsPerDay: 1 }
    const tenant = await service.makeTenant(undefined, { quotas, training: { schedule: null } })
    const { key } = tenant
    const path = `/v1/tenants/${tenant.id}`
    await send(service, tenant, { items: shop.items.slice(0, 60), events: shop.events.slice(0, 1000) })
    const events = shop.events.slice(0, 1000)
    let refused = 0
    for (let i = 0; i < 4; i++)
      if ((await service.call('POST', `${path}/events`, { key, body: { events } })).status === 429) refused += 1000
    expect(refused).toBeGreaterThan(0)
    const more = [1, 2, 3].map((i) => ({ itemId: `more-${i}`, title: 'one more' }))
    await service.call('POST', `${path}/items`, { key, body: { items: more } })
    const runs: number[] = []
    for (let i = 0; i < 2; i++)
      runs.push((await service.call('POST', `${path}/training-runs`, { key, body: {} })).status)
    expect(runs).toEqual([202, 429])
    await service.app.get(QuotaHits).flush()
    // Instances tell each other, and so the database, ten times a second.
    await expect.poll(async () => (await use(tenant)).events.used).toBeGreaterThan(0)
    const told = await use(tenant)
    expect(told.events).toMatchObject({ limit: 200, most: 2000 })
    expect(told.items).toMatchObject({ used: 60, most: 60, refused: 3 })
    expect(told['training runs']).toMatchObject({ used: 1, most: 1, refused: 1 })
    for (const quota of ['items', 'training runs']) {
      const { refusedSince, lastRefusedAt } = told[quota]
      expect(new Date(refusedSince!).getTime()).toBeGreaterThan(started - 1000)
      expect(new Date(lastRefusedAt!).getTime()).toBeGreaterThanOrEqual(new Date(refusedSince!).getTime())
    }
    // Whole batches may be refused before their events are counted: their number is then a guess.
    expect(told.events.refused).toBeGreaterThan(refused / 2)
    const other = await service.makeTenant()
    expect(await use(other)).toMatchObject({ events: { used: 0, ...untouched }, items: { used: 0, ...untouched } })
    const foreign = await service.call('GET', `${path}/quotas`, { key: other.key })
    expect(foreign.status).toBe(403)
  })

  it('is for keys that manage', async () => {
    const tenant = await service.makeTenant()
    const body = { scopes: ['ingest', 'recommend', 'train'], name: 'no manager' }
    const made = await service.call('POST', `/v1/tenants/${tenant.id}/keys`, { key: tenant.key, body })
    const { key } = made.body as { key: string }
    expect((await service.call('GET', `/v1/tenants/${tenant.id}/quotas`, { key })).status).toBe(403)
    expect((await service.call('GET', '/v1/tenants/nobody/quotas')).status).toBe(404)
  })
})
