import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testService, type TestService } from '../support/service.js'

let service: TestService
beforeAll(async () => {
  service = await testService()
})
afterAll(() => service.stop())

interface Answered {
  recommendationId: string
  modelVersion: string
  source: string
  items: {
    itemId: string
    score: number
    source: string
    reason?: { because: { itemId: string; weight: number }[] }
    properties?: Record<string, unknown>
  }[]
  unknownItemIds?: string[]
}
type Tenant = { id: string; key: string }

const call = async (tenant: Tenant, method: string, path: string, body?: unknown) =>
  service.call(method, `/v1/tenants/${encodeURIComponent(tenant.id)}${path}`, { key: tenant.key, body })
const recommend = async (tenant: Tenant, body: object) => {
  const { status, body: answer } = await call(tenant, 'POST', '/recommendations', body)
  expect(status, JSON.stringify(answer)).toBe(200)
  return answer as Answered
}
const idsOf = (answer: Answered) => answer.items.map(({ itemId }) => itemId)
const put = async (tenant: Tenant, items: object[]) => {
  const { body } = await call(tenant, 'POST', '/items', { items })
  expect(body).toMatchObject({ accepted: items.length })
}
const send = async (tenant: Tenant, events: object[]) => {
  const { body } = await call(tenant, 'POST', '/events', { events })
  expect(body).toMatchObject({ accepted: events.length })
}
/** Waits until an answer is as expected; says what it last was where it never is. */
async function eventually<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean, ms: number): Promise<T> {
  const until = Date.now() + ms
  for (;;) {
    const answer = await ask()
    if (isRight(answer)) return answer
    if (Date.now() > until) throw new Error(`still not after ${ms} ms: ${JSON.stringify(answer).slice(0, 500)}`)
    await sleep(50)
  }
}

const SHELVES = {
  shoes: ['Leather running shoe', 'Trail running shoe', 'Canvas sneaker shoe', 'Hiking boot shoe', 'Ballet shoe'],
  kitchen: ['Cast iron frying pan', 'Steel cooking pot', 'Chef kitchen knife', 'Wooden cutting board', 'Baking tray'],
  garden: ['Garden hose', 'Rose fertiliser garden', 'Garden spade', 'Lawn mower garden', 'Plant pot garden'],
}
const shop = () =>
  Object.entries(SHELVES).flatMap(([category, titles], shelf) =>
    titles.map((title, i) => ({
      itemId: `${category}-${i}`,
      title,
      categories: [category],
      price: 10 * (i + 1),
      attributes: { brand: i % 2 === 0 ? 'Acme' : 'Other' },
      publishedAt: new Date(Date.UTC(2026, 0, 1 + 5 * shelf + i)).toISOString(),
    })),
  )

/** A tenant with the shop in it. */
async function shopTenant(settings?: object): Promise<Tenant> {
  const tenant = await service.makeTenant(undefined, settings)
  await put(tenant, shop())
  return tenant
}

describe('before any training', () => {
  test('a tenant with items only gets its newest ones, and look-alikes for a history', async () => {
    const tenant = await shopTenant()
    const first = await recommend(tenant, { userId: 'nobody' })
    expect(first).toMatchObject({ modelVersion: 'base', source: 'popular' })
    expect(first.items).toHaveLength(10)
    expect(first.items[0].itemId).toBe('garden-4')
    const told = await recommend(tenant, { history: ['kitchen-0'], count: 3 })
    expect(told.source).toBe('base')
    expect(
      idsOf(told).every((id) => id.startsWith('kitchen')),
      idsOf(told).join(),
    ).toBe(true)
    expect(idsOf(told)).not.toContain('kitchen-0')
  })

  test('a tenant without items gets an empty list', async () => {
    const tenant = await service.makeTenant()
    expect(await recommend(tenant, {})).toMatchObject({ items: [], source: 'popular', modelVersion: 'base' })
  })

  test('events change the list at once, for their user and for what is trending', async () => {
    const tenant = await shopTenant()
    await recommend(tenant, { userId: 'ann' })
    await send(tenant, [{ userId: 'ann', itemId: 'shoes-0', type: 'view' }])
    const next = await recommend(tenant, { userId: 'ann', count: 5, excludeSeen: true })
    expect(next.source).toBe('base')
    expect(
      idsOf(next)
        .slice(0, 4)
        .every((id) => id.startsWith('shoes')),
      idsOf(next).join(),
    ).toBe(true)
    const other = await eventually(
      () => recommend(tenant, { userId: 'ben' }),
      (answer) => answer.source === 'trending',
      2000,
    )
    expect(other.items[0]).toMatchObject({ itemId: 'shoes-0', source: 'trending' })
    expect(other.items[1].source).toBe('popular')
  })

  test('what follows what is learned from live events', async () => {
    const tenant = await shopTenant()
    await recommend(tenant, {})
    for (let user = 0; user < 30; user++)
      await send(tenant, [
        { userId: `u${user}`, itemId: 'shoes-1', type: 'purchase', occurredAt: '2026-02-01T10:00:00Z' },
        { userId: `u${user}`, itemId: 'garden-0', type: 'purchase', occurredAt: '2026-02-02T10:00:00Z' },
      ])
    await eventually(
      () => recommend(tenant, { history: [{ itemId: 'shoes-1', type: 'purchase' }] }),
      (answer) => answer.items[0].itemId === 'garden-0',
      3000,
    )
  })

  test('an event for an unknown item counts once the item comes', async () => {
    const tenant = await shopTenant()
    await recommend(tenant, {})
    await send(tenant, [
      { userId: 'a', itemId: 'late', type: 'view' },
      { userId: 'b', itemId: 'late', type: 'view' },
    ])
    await sleep(1500)
    await put(tenant, [{ itemId: 'late', title: 'Late arrival' }])
    await eventually(
      () => recommend(tenant, {}),
      (answer) => answer.items[0].itemId === 'late',
      8000,
    )
  })
})

describe('what is in the shop', () => {
  test('a new item is recommendable, and one sold out, expired or deleted is gone, within 5 seconds', async () => {
    const tenant = await shopTenant()
    const all = () => recommend(tenant, { count: 100 })
    expect((await all()).items).toHaveLength(15)
    await put(tenant, [
      { itemId: 'new', title: 'A brand new shoe' },
      { ...shop()[0], available: false },
      { ...shop()[1], expiresAt: '2026-01-01T00:00:00Z' },
      { ...shop()[2], publishedAt: new Date(Date.now() + 3_600_000).toISOString() },
      { ...shop()[3], expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
    ])
    await call(tenant, 'DELETE', '/items/shoes-4')
    const after = await eventually(all, (answer) => idsOf(answer).includes('new') && answer.items.length === 12, 5000)
    for (const gone of ['shoes-0', 'shoes-1', 'shoes-2', 'shoes-4']) expect(idsOf(after)).not.toContain(gone)
    expect(idsOf(after)).toContain('shoes-3')
  })
})

describe('rules', () => {
  let tenant: Tenant
  beforeAll(async () => {
    tenant = await shopTenant()
    await send(tenant, [
      { userId: 'ann', itemId: 'shoes-0', type: 'view' },
      { userId: 'ann', itemId: 'shoes-1', type: 'purchase' },
    ])
  })

  test('filter', async () => {
    const filter = { price: { gte: 20, lt: 50 }, 'attributes.brand': { eq: 'Acme' } }
    const found = idsOf(await recommend(tenant, { userId: 'ann', count: 100, filter }))
    expect(found.sort()).toEqual(['garden-2', 'kitchen-2', 'shoes-2'])
    const none = await recommend(tenant, { userId: 'ann', filter: { price: { lt: 0 } } })
    expect(none.items).toEqual([])
  })

  test('exclusions: by id, by what a type of event hides, by all that was seen', async () => {
    const plain = idsOf(await recommend(tenant, { userId: 'ann', count: 100 }))
    expect(plain).toContain('shoes-0')
    expect(plain).not.toContain('shoes-1')
    const unseen = idsOf(await recommend(tenant, { userId: 'ann', count: 100, excludeSeen: true }))
    expect(unseen).toHaveLength(13)
    expect(idsOf(await recommend(tenant, { userId: 'ann', count: 100, excludeSeen: false }))).toHaveLength(15)
    const excludeItemIds = ['garden-0', 'shoes-2', 'nothing-of-ours']
    const without = idsOf(await recommend(tenant, { userId: 'ann', count: 100, excludeItemIds }))
    expect(without).toHaveLength(12)
    expect(without).not.toContain('garden-0')
  })

  test('whoever has seen all that is left gets it back, said to be popular', async () => {
    const answer = await recommend(tenant, { userId: 'ann', filter: { itemId: { eq: 'shoes-1' } } })
    expect(answer).toMatchObject({ source: 'popular', items: [{ itemId: 'shoes-1', source: 'popular' }] })
  })

  test('what was bought stays hidden, whatever came after', async () => {
    const tenant = await shopTenant()
    await send(tenant, [{ userId: 'ann', itemId: 'shoes-1', type: 'purchase', occurredAt: '2026-02-01T10:00:00Z' }])
    const from = Date.UTC(2026, 1, 2)
    const view = (n: number) => ({
      userId: 'ann',
      itemId: 'kitchen-0',
      type: 'view',
      occurredAt: new Date(from + 1000 * n).toISOString(),
    })
    for (let batch = 0; batch < 2; batch++)
      await send(
        tenant,
        Array.from({ length: 501 }, (_, i) => view(501 * batch + i)),
      )
    expect(idsOf(await recommend(tenant, { userId: 'ann', count: 100 }))).not.toContain('shoes-1')
    const unseen = idsOf(await recommend(tenant, { userId: 'ann', count: 100, excludeSeen: true }))
    expect(unseen).toHaveLength(13)
    expect(unseen).not.toContain('shoes-1')
  })

  test('where boosts exclude all that is unseen, what was seen comes back', async () => {
    const filter = { itemId: { in: ['shoes-1', 'garden-0'] } }
    const boost = [{ filter: { categories: { any: ['garden'] } }, weight: 0 }]
    const answer = await recommend(tenant, { userId: 'ann', filter, boost })
    expect(answer).toMatchObject({ source: 'popular', items: [{ itemId: 'shoes-1' }] })
    const none = await recommend(tenant, { userId: 'ann', boost: [{ filter: {}, weight: 0 }] })
    expect(none.items).toEqual([])
  })

  test('boosts multiply, and 0 excludes', async () => {
    const plain = await recommend(tenant, { userId: 'ann', count: 100 })
    const garden = { categories: { any: ['garden'] } }
    const lifted = await recommend(tenant, { userId: 'ann', count: 100, boost: [{ filter: garden, weight: 1000 }] })
    const places = (answer: Answered) => idsOf(answer).flatMap((id, place) => (id.startsWith('garden') ? [place] : []))
    places(lifted).forEach((place, i) => expect(place).toBeLessThan(places(plain)[i]))
    const score = (answer: Answered, id: string) => answer.items.find(({ itemId }) => itemId === id)?.score ?? NaN
    expect(score(lifted, 'garden-3') / score(plain, 'garden-3')).toBeCloseTo(1000, 3)
    const excluded = await recommend(tenant, { userId: 'ann', count: 100, boost: [{ filter: garden, weight: 0 }] })
    expect(excluded.items).toHaveLength(9)
  })

  test('diversity spreads over the shelves, freshness leads to the newest', async () => {
    const shelves = (answer: Answered) => new Set(idsOf(answer).map((id) => id.split('-')[0])).size
    const plain = await recommend(tenant, { userId: 'ann', count: 3 })
    const diverse = await recommend(tenant, { userId: 'ann', count: 3, diversity: 0.9 })
    expect(diverse.items[0].itemId).toBe(plain.items[0].itemId)
    expect(shelves(diverse)).toBeGreaterThan(shelves(plain))
    const fresh = await recommend(tenant, { userId: 'ann', count: 3, freshness: 1 })
    expect(idsOf(fresh)).toEqual(['garden-4', 'garden-3', 'garden-2'])
  })

  test('explanations and properties, only where asked for', async () => {
    const plain = await recommend(tenant, { userId: 'ann', count: 2 })
    expect(Object.keys(plain.items[0]).sort()).toEqual(['itemId', 'score', 'source'])
    const { items } = await recommend(tenant, {
      userId: 'ann',
      count: 2,
      excludeSeen: true,
      explain: true,
      returnProperties: ['title', 'price'],
    })
    expect(items[0].properties).toEqual({ title: expect.any(String) as string, price: expect.any(Number) as number })
    const because = items[0].reason?.because ?? []
    expect(because.length).toBeGreaterThan(0)
    for (const { itemId, weight } of because) {
      expect(['shoes-0', 'shoes-1']).toContain(itemId)
      expect(weight).toBeGreaterThan(0)
    }
    const whole = await recommend(tenant, { count: 1, returnProperties: true })
    expect(whole.items[0].properties).toMatchObject({ categories: [expect.any(String)], available: true, url: null })
  })

  test('never empty while the filter allows an available item', async () => {
    const items = shop()
    const pick = <T>(from: T[]) => from[Math.floor(Math.random() * from.length)]
    for (let round = 0; round < 60; round++) {
      const filter = pick<Record<string, object>>([
        { categories: { any: [pick(Object.keys(SHELVES))] } },
        { price: { lte: 10 * Math.ceil(Math.random() * 5) } },
        { itemId: { in: [pick(items).itemId, pick(items).itemId] } },
        {},
      ])
      const history = Array.from({ length: Math.floor(Math.random() * 40) }, () => ({
        itemId: Math.random() < 0.1 ? 'unknown' : pick(items).itemId,
        type: pick(['view', 'purchase', 'dislike', 'impression', 'odd']),
      }))
      const answer = await recommend(tenant, {
        userId: pick(['ann', 'nobody', undefined]),
        history,
        filter,
        excludeSeen: pick([true, false, undefined]),
        diversity: pick([0, 0.5, 1]),
        freshness: pick([0, 0.5, 1]),
      })
      expect(answer.items.length, JSON.stringify({ filter, history })).toBeGreaterThan(0)
      expect(new Set(idsOf(answer)).size).toBe(answer.items.length)
      for (const { score } of answer.items) expect(Number.isFinite(score)).toBe(true)
    }
  })
})

describe('other doors', () => {
  test('rankings order what they are given, unknown ids apart', async () => {
    const tenant = await shopTenant()
    await put(tenant, [{ itemId: 'sold-out', title: 'Sold out running shoe', available: false }])
    const { status, body } = await call(tenant, 'POST', '/rankings', {
      history: ['shoes-0'],
      itemIds: ['garden-0', 'nowhere', 'shoes-1', 'kitchen-0', 'garden-0', 'sold-out'],
    })
    expect(status).toBe(200)
    const answer = body as Answered
    expect(answer.unknownItemIds).toEqual(['nowhere'])
    expect(idsOf(answer).slice(0, 2).sort()).toEqual(['shoes-1', 'sold-out'])
    expect(idsOf(answer)).toHaveLength(4)
  })

  test('similar items, and 404 for an item that is not there', async () => {
    const tenant = await shopTenant()
    const { body } = await call(tenant, 'GET', '/items/kitchen-0/similar?count=3')
    expect(
      idsOf(body).every((id) => id.startsWith('kitchen') && id !== 'kitchen-0'),
      idsOf(body).join(),
    ).toBe(true)
    expect((await call(tenant, 'GET', '/items/nowhere/similar')).status).toBe(404)
  })

  test('trending, by decay and by hours', async () => {
    const tenant = await shopTenant()
    const at = (hoursAgo: number) => new Date(Date.now() - hoursAgo * 3_600_000).toISOString()
    await send(tenant, [
      ...Array.from({ length: 5 }, (_, i) => ({
        userId: `u${i}`,
        itemId: 'shoes-0',
        type: 'purchase',
        occurredAt: at(50),
      })),
      { userId: 'v', itemId: 'kitchen-0', type: 'purchase', occurredAt: at(1) },
    ])
    const top = async (query: string) => (await call(tenant, 'GET', `/trending?${query}`)).body as Answered
    expect(idsOf(await top('count=1'))).toEqual(['shoes-0'])
    const recent = await top('count=2&hours=24')
    expect(recent.items.map(({ itemId, source }) => [itemId, source])).toEqual([
      ['kitchen-0', 'trending'],
      ['shoes-0', 'popular'],
    ])
  })

  test('scenarios give defaults that the request overrides', async () => {
    const tenant = await shopTenant()
    const name = encodeURIComponent('product page / below')
    const defaults = { count: 3, filter: { categories: { any: ['garden'] } } }
    expect(await call(tenant, 'PUT', `/scenarios/${name}`, defaults)).toMatchObject({ status: 200, body: { defaults } })
    expect(await call(tenant, 'GET', `/scenarios/${name}`)).toMatchObject({ status: 200, body: { defaults } })
    const scenario = 'product page / below'
    expect(idsOf(await recommend(tenant, { scenario }))).toEqual(['garden-4', 'garden-3', 'garden-2'])
    expect(idsOf(await recommend(tenant, { scenario, count: 1, filter: {} }))).toHaveLength(1)
    const plain = await call(tenant, 'GET', `/users/ann/recommendations?scenario=${name}`)
    expect((plain.body as Answered).items).toHaveLength(3)
    expect((await call(tenant, 'PUT', `/scenarios/${name}`, { count: 0 })).status).toBe(400)
    expect((await call(tenant, 'DELETE', `/scenarios/${name}`)).status).toBe(204)
    expect((await call(tenant, 'GET', `/scenarios/${name}`)).status).toBe(404)
    expect((await call(tenant, 'POST', '/recommendations', { scenario: 'nowhere' })).status).toBe(404)
  })

  test('bad input is refused by its path', async () => {
    const tenant = await shopTenant()
    const bodies: object[] = [
      { count: 0 },
      { count: 501 },
      { count: 'many' },
      { diversity: 2 },
      { freshness: -1 },
      { history: Array.from({ length: 10_000 }, () => 'shoes-0') },
      { history: [{ itemId: '' }] },
      { filter: { colour: { eq: 1 } } },
      { filter: { price: { like: 1 } } },
      { boost: [{ filter: {}, weight: -1 }] },
      { returnProperties: ['secret'] },
      { userID: 'typo' },
    ]
    for (const body of bodies) {
      const answer = await call(tenant, 'POST', '/recommendations', body)
      expect(answer.status, JSON.stringify(body).slice(0, 100)).toBe(400)
      expect(answer.body).toMatchObject({ code: 'VALIDATION_FAILED' })
    }
    const { body } = await call(tenant, 'POST', '/recommendations', { filter: { or: [{ price: { like: 1 } }] } })
    expect((body as { errors: { path: string }[] }).errors[0].path).toBe('filter.or.0.price.like')
    for (const query of ['count=0', 'count=501', 'count=NaN', 'count=1e9', 'count='])
      expect((await call(tenant, 'GET', `/users/ann/recommendations?${query}`)).status).toBe(400)
    for (const query of ['hours=-1', 'hours=x', 'count=0'])
      expect((await call(tenant, 'GET', `/trending?${query}`)).status).toBe(400)
  })
})

describe('who sees what', () => {
  test('two tenants with the same ids never meet', async () => {
    const [one, two] = [await shopTenant(), await service.makeTenant()]
    await put(two, [
      { itemId: 'shoes-0', title: 'Other shoe' },
      { itemId: 'only-two', title: 'Something else' },
    ])
    await send(
      one,
      Array.from({ length: 20 }, (_, i) => ({ userId: `u${i}`, itemId: 'shoes-0', type: 'purchase' })),
    )
    await send(two, [{ userId: 'u0', itemId: 'only-two', type: 'purchase' }])
    const ofTwo = await eventually(
      () => recommend(two, { count: 100, returnProperties: ['title'] }),
      (answer) => answer.source === 'trending',
      3000,
    )
    expect(idsOf(ofTwo)).toEqual(['only-two', 'shoes-0'])
    expect(ofTwo.items[1].properties).toEqual({ title: 'Other shoe' })
    expect(idsOf(await recommend(one, { count: 100 }))).not.toContain('only-two')
    const stranger = await service.call('POST', `/v1/tenants/${two.id}/recommendations`, { key: one.key, body: {} })
    expect(stranger.status).toBe(403)
  })

  test('what an erased user did no longer counts; a removed tenant is gone', async () => {
    const tenant = await shopTenant()
    await send(tenant, [{ userId: 'ann', itemId: 'shoes-0', type: 'purchase' }])
    expect((await recommend(tenant, {})).items[0]).toMatchObject({ itemId: 'shoes-0', source: 'trending' })
    expect((await call(tenant, 'DELETE', '/users/ann')).status).toBe(202)
    await eventually(
      () => recommend(tenant, {}),
      (answer) => answer.source === 'popular',
      30_000,
    )
    expect((await call(tenant, 'DELETE', '')).status).toBe(202)
    await eventually(
      () => call(tenant, 'POST', '/recommendations', {}),
      ({ status }) => status === 401 || status === 404,
      5000,
    )
  })

  test('a history in the request stores nothing of the visitor; every answer is attributed', async () => {
    const tenant = await shopTenant()
    await recommend(tenant, { history: ['shoes-0'] })
    const { recommendationId, items } = await recommend(tenant, { userId: 'ann', count: 3 })
    const { default: pg } = await import('pg')
    const client = new pg.Client({ connectionString: service.databaseUrl })
    await client.connect()
    const rows = async () =>
      (
        await client.query<{
          recommendation_id: string
          user_id: string | null
          items: string[]
          model_version: string
        }>('SELECT * FROM recommendations WHERE tenant_id = $1', [tenant.id])
      ).rows
    const stored = await eventually(rows, (found) => found.length === 2, 3000)
    expect(stored.find((row) => row.recommendation_id === recommendationId)).toMatchObject({
      user_id: 'ann',
      items: items.map(({ itemId }) => itemId),
      model_version: 'base',
    })
    expect(stored.filter((row) => row.user_id === null)).toHaveLength(1)
    const events = await client.query('SELECT 1 FROM events WHERE tenant_id = $1', [tenant.id])
    expect(events.rows).toEqual([])
    await client.end()
  })
})
