import { afterAll, beforeAll, expect, test } from 'vitest'
import { testService, type TestService } from '../support/service.js'

// An operator chooses what serves before the first training: the base of shops, or that of media.

let service: TestService
beforeAll(async () => {
  service = await testService()
})
afterAll(() => service.stop())

const HOUR = 3_600_000
const ARTICLES = 30

/** A paper with an article an hour, all alike but for their age; the older ones were read more. */
async function paper(baseModel: string | undefined) {
  const id = `paper-${baseModel ?? 'none'}`
  const made = await service.call('POST', '/v1/tenants', { body: { id, baseModel } })
  expect(made.status).toBe(201)
  const { apiKey: key } = made.body as { apiKey: string }
  const call = async (method: string, path: string, body?: object) => {
    const answer = await service.call(method, `/v1/tenants/${id}${path}`, { key, body })
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    return answer.body
  }
  const now = Date.now()
  const items = Array.from({ length: ARTICLES }, (_, age) => ({
    itemId: `a${age}`,
    title: 'News of the day',
    publishedAt: new Date(now - age * HOUR - 60_000).toISOString(),
  }))
  await call('POST', '/items', { items })
  const events = items.flatMap(({ itemId }, age) =>
    Array.from({ length: age }, (_, reader) => ({
      userId: `reader ${reader}`,
      itemId,
      type: 'read',
      occurredAt: new Date(now - age * 60_000 - 30_000).toISOString(),
    })),
  )
  await call('POST', '/events', { events })
  /** Mean age of what comes first, in hours. */
  const age = async () => {
    const body = (await call('POST', '/recommendations', { history: ['a7'], count: 5 })) as {
      source: string
      items: { itemId: string }[]
    }
    expect(body.source).toBe('base')
    return body.items.reduce((sum, { itemId }) => sum + Number(itemId.slice(1)), 0) / body.items.length
  }
  return { call, age, id, key }
}

test('the base of media puts new items first, that of shops what sells; a tenant can be moved', async () => {
  const [shops, media, none] = [await paper('shops'), await paper('media'), await paper(undefined)]
  expect(await media.age()).toBeLessThan(10)
  expect(await shops.age()).toBeGreaterThan(10)
  // Until a training finds which one fits.
  expect(await none.age()).toBe(await shops.age())

  expect(await shops.call('PATCH', '', { baseModel: 'media' })).toMatchObject({ baseModel: 'media' })
  // The model is built anew no sooner than after ten times as long as that took.
  await expect.poll(() => shops.age(), { timeout: 60_000, interval: 200 }).toBeLessThan(10)
}, 90_000)

test('refuses a base that there is none of', async () => {
  for (const baseModel of ['blogs', '', null, 7])
    expect(await service.call('POST', '/v1/tenants', { body: { id: 'x', baseModel } })).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED' },
    })
})
