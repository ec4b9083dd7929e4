import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testService, type TestService } from '../support/service.js'

let service: TestService
beforeAll(async () => {
  service = await testService()
})
afterAll(() => service.stop())

type Tenant = { id: string; key: string }
interface Answered {
  source: string
  items: { itemId: string; reason?: { because: { itemId: string }[] } }[]
}

const TITLES = {
  shoes: ['Leather running shoe', 'Trail running shoe', 'Canvas sneaker shoe', 'Hiking boot shoe', 'Ballet shoe'],
  kitchen: ['Kitchen frying pan', 'Kitchen cooking pot', 'Chef kitchen knife', 'Kitchen cutting board', 'Kitchen tray'],
}
const ITEMS = Object.entries(TITLES).flatMap(([shelf, titles]) =>
  titles.map((title, i) => ({ itemId: `${shelf}-${i}`, title })),
)

const call = (tenant: Tenant, method: string, path: string, body?: unknown) =>
  service.call(method, `/v1/tenants/${encodeURIComponent(tenant.id)}${path}`, { key: tenant.key, body })

async function shopTenant(): Promise<Tenant> {
  const tenant = await service.makeTenant()
  expect((await call(tenant, 'POST', '/items', { items: ITEMS })).body).toMatchObject({ accepted: ITEMS.length })
  return tenant
}

async function send(tenant: Tenant, ...events: object[]): Promise<void> {
  expect((await call(tenant, 'POST', '/events', { events })).body).toMatchObject({ accepted: events.length })
}

async function recommend(tenant: Tenant, request: object): Promise<Answered> {
  const { status, body } = await call(tenant, 'POST', '/recommendations', { count: 3, ...request })
  expect(status, JSON.stringify(body)).toBe(200)
  return body
}

/** What the answer says it goes by. */
const historyOf = ({ items }: Answered) => [
  ...new Set(items.flatMap(({ reason }) => reason?.because ?? []).map(({ itemId }) => itemId)),
]
const shelvesOf = ({ items }: Answered) => [...new Set(items.map(({ itemId }) => itemId.split('-')[0]))]
const event = (itemId: string, more: object = {}) => ({ userId: 'cookie', itemId, type: 'view', ...more })
const UNKNOWN = ['trending', 'popular']

test('an anonymous reader is answered by what his session did, within a second', async () => {
  const tenant = await shopTenant()
  expect(UNKNOWN).toContain((await recommend(tenant, { sessionId: 'visit 1' })).source)
  await send(tenant, event('kitchen-0', { sessionId: 'visit 1' }))
  const acknowledged = Date.now()
  let answer = await recommend(tenant, { sessionId: 'visit 1', explain: true })
  while (answer.source !== 'base' && Date.now() < acknowledged + 1000) {
    await sleep(20)
    answer = await recommend(tenant, { sessionId: 'visit 1', explain: true })
  }
  expect(answer.source).toBe('base')
  expect(shelvesOf(answer)).toEqual(['kitchen'])
  expect(answer.items[0].reason?.because[0].itemId).toBe('kitchen-0')
  // The newest counts most, and another visit knows nothing of this one.
  await send(tenant, event('shoes-1', { sessionId: 'visit 1' }))
  expect((await recommend(tenant, { sessionId: 'visit 1' })).items[0].itemId).toMatch(/^shoes/)
  expect(UNKNOWN).toContain((await recommend(tenant, { sessionId: 'visit 2' })).source)
})

test('what the session bought is not offered again', async () => {
  const tenant = await shopTenant()
  await send(tenant, event('kitchen-0', { sessionId: 's' }), event('kitchen-1', { type: 'purchase', sessionId: 's' }))
  const { items } = await recommend(tenant, { sessionId: 's', count: 10 })
  expect(items.map(({ itemId }) => itemId)).not.toContain('kitchen-1')
})

test('a user or a history in the request goes before the session', async () => {
  const tenant = await shopTenant()
  await send(tenant, event('kitchen-0', { sessionId: 's' }), event('shoes-0', { userId: 'known' }))
  const because = async (request: object) =>
    historyOf(await recommend(tenant, { sessionId: 's', explain: true, ...request }))
  expect(await because({ userId: 'known' })).toEqual(['shoes-0'])
  expect(await because({ history: ['shoes-1'] })).toEqual(['shoes-1'])
  // An empty history tells nothing.
  expect(await because({ history: [] })).toEqual(['kitchen-0'])
})

test('rankings go by the session too', async () => {
  const tenant = await shopTenant()
  await send(tenant, event('kitchen-0', { sessionId: 's' }))
  const request = { sessionId: 's', itemIds: ['shoes-2', 'kitchen-2', 'shoes-3', 'kitchen-3'] }
  const { body } = await call(tenant, 'POST', '/rankings', request)
  const { items } = body as Answered
  expect(shelvesOf({ source: '', items: items.slice(0, 2) })).toEqual(['kitchen'])
})

test("another tenant's session of the same id leaks nothing", async () => {
  const [one, other] = [await shopTenant(), await shopTenant()]
  await send(one, event('kitchen-0', { sessionId: 'the same' }))
  expect((await recommend(one, { sessionId: 'the same' })).source).toBe('base')
  expect(UNKNOWN).toContain((await recommend(other, { sessionId: 'the same' })).source)
})

test('what an erased user did in a session is answered by no more', async () => {
  const tenant = await shopTenant()
  await send(
    tenant,
    event('kitchen-0', { userId: 'goes', sessionId: 'shared' }),
    event('shoes-0', { userId: 'stays', sessionId: 'shared' }),
    event('kitchen-1', { userId: 'goes', sessionId: 'alone' }),
  )
  expect((await call(tenant, 'DELETE', '/users/goes')).status).toBe(202)
  expect(UNKNOWN).toContain((await recommend(tenant, { sessionId: 'alone' })).source)
  expect(historyOf(await recommend(tenant, { sessionId: 'shared', explain: true }))).toEqual(['shoes-0'])
})
