import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testService, type TestService } from '../support/service.js'

interface Tenant {
  id: string
  key: string
}
interface Users {
  data: { userId: string; lastEventAt: string; lastType: string; lastItemId: string }[]
  nextCursor: string | null
}

describe('looking at users', () => {
  let service: TestService
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
  })
  afterAll(() => service.stop())

  const call = (tenant: Tenant, method: string, path: string, body?: unknown) =>
    service.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
  const at = (minute: number) => new Date(Date.UTC(2026, 2, 10) + minute * 60_000).toISOString()
  const did = (userId: string, minute: number, itemId = 'mug', type = 'view') => ({
    ...{ userId, itemId, type },
    occurredAt: at(minute),
  })
  const send = async (tenant: Tenant, events: object[]) => {
    for (let from = 0; from < events.length; from += 1000) {
      const { body } = await call(tenant, 'POST', '/events', { events: events.slice(from, from + 1000) })
      expect(body).toMatchObject({ rejected: [] })
    }
  }
  const list = async (tenant: Tenant, query: Record<string, string> = {}) => {
    const path = `/users?${new URLSearchParams(query).toString()}`
    const { status, body } = await call(tenant, 'GET', path)
    expect(status, JSON.stringify(body)).toBe(200)
    return body as Users
  }
  /** All pages of a list, as ids. */
  const pages = async (tenant: Tenant, query: Record<string, string>) => {
    const found: string[][] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Users = await list(tenant, { ...query, ...(cursor && { cursor }) })
      found.push(page.data.map(({ userId }) => userId))
      cursor = page.nextCursor
    }
    return found
  }

  it('lists those first who did something last, each once, page by page', async () => {
    const tenant = await service.makeTenant()
    expect(await list(tenant)).toEqual({ data: [], nextCursor: null })
    // Two of them at the same moment: what arrived last is newer.
    await send(tenant, [did('ann', 1), did('ben', 2), did('ann', 9, 'hat', 'cart'), did('eve', 5), did('dan', 5)])
    await send(tenant, [did('cat', 7), did('ben', 3)])
    expect(await pages(tenant, {})).toEqual([['ann', 'cat', 'dan', 'eve', 'ben']])
    expect((await list(tenant, { limit: '1' })).data).toEqual([
      { userId: 'ann', lastEventAt: at(9), lastType: 'cart', lastItemId: 'hat' },
    ])
    const [first, ...rest] = await pages(tenant, { limit: '2' })
    expect([first, rest.flat()]).toEqual([
      ['ann', 'cat'],
      ['dan', 'eve', 'ben'],
    ])
    const other = await service.makeTenant()
    expect(await list(other)).toEqual({ data: [], nextCursor: null })
  })

  it('goes on behind a robot that made all of the newest events', async () => {
    const tenant = await service.makeTenant(undefined, { quotas: { eventsPerSecond: 1_000_000 } })
    const people = ['ann', 'ben'].map((userId, i) => did(userId, i))
    await send(tenant, [
      ...people,
      ...Array.from({ length: 5100 }, (_, i) => did('robot', 100 + (i % 50), `item ${i}`)),
    ])
    const found = await pages(tenant, { limit: '10' })
    expect(found[0]).toEqual(['robot'])
    expect(found.flat()).toEqual(['robot', 'ben', 'ann'])
  })

  it('finds users by the beginning of their ids, whatever is in them', async () => {
    const tenant = await service.makeTenant()
    const ids = ['user-1', 'user-10', 'user-2', 'user_2', 'user%', 'User-1', 'u', 'ü/ser 😀', 'visitor', '\u{10ffff}z']
    await send(
      tenant,
      ids.flatMap((id, i) => [did(id, i), did(id, 20 + i, 'hat', 'purchase')]),
    )
    const found = async (prefix: string, limit = 100) =>
      (await pages(tenant, { prefix, limit: `${limit}` })).flat().sort()
    expect(await found('user-')).toEqual(['user-1', 'user-10', 'user-2'])
    expect(await found('user-1', 1)).toEqual(['user-1', 'user-10'])
    expect(await found('user%')).toEqual(['user%'])
    expect(await found('user_')).toEqual(['user_2'])
    expect(await found('U')).toEqual(['User-1'])
    expect(await found('ü/')).toEqual(['ü/ser 😀'])
    expect(await found('\u{10ffff}')).toEqual(['\u{10ffff}z'])
    expect(await found('u', 3)).toEqual(['u', 'user%', 'user-1', 'user-10', 'user-2', 'user_2'])
    expect(await found("'; DROP TABLE events")).toEqual([])
    expect((await list(tenant, { prefix: 'user-10' })).data).toEqual([
      { userId: 'user-10', lastEventAt: at(21), lastType: 'purchase', lastItemId: 'hat' },
    ])
  })

  it('tells what a user did, newest first, with what people see of the items', async () => {
    const tenant = await service.makeTenant()
    const mug = {
      ...{ itemId: 'mug', title: '<script>Mug</script>', imageUrl: 'https://shop.example/mug.jpg', price: 9.5 },
      ...{ categories: ['kitchen'], available: false, publishedAt: at(0), expiresAt: at(60) },
    }
    await call(tenant, 'POST', '/items', { items: [mug, { itemId: 'hat' }, { itemId: 'gone', title: 'Gone' }] })
    await call(tenant, 'DELETE', '/items/gone')
    await send(tenant, [did('ann / 1', 1), did('ann / 1', 2, 'hat'), did('ann / 1', 3, 'gone'), did('ben', 4)])
    await send(tenant, [{ ...did('ann / 1', 5, 'never', 'rating'), value: 4 }])
    const path = `/users/${encodeURIComponent('ann / 1')}/history`
    const { body, headers } = await call(tenant, 'GET', path)
    const bare = { title: null, imageUrl: null, url: null, categories: [], price: null, available: true }
    expect(body).toEqual({
      userId: 'ann / 1',
      data: [
        { itemId: 'never', type: 'rating', value: 4, occurredAt: at(5), item: null },
        { itemId: 'gone', type: 'view', value: null, occurredAt: at(3), item: null },
        {
          itemId: 'hat',
          type: 'view',
          value: null,
          occurredAt: at(2),
          item: { ...bare, publishedAt: null, expiresAt: null },
        },
        {
          ...{ itemId: 'mug', type: 'view', value: null, occurredAt: at(1) },
          item: {
            ...{ title: mug.title, imageUrl: mug.imageUrl, url: null, categories: ['kitchen'], price: 9.5 },
            ...{ available: false, publishedAt: at(0), expiresAt: at(60) },
          },
        },
      ],
    })
    expect(headers.get('cache-control')).toBe('no-store')
    expect((await call(tenant, 'GET', `${path}?limit=1`)).body).toMatchObject({ data: [{ itemId: 'never' }] })
    expect((await call(tenant, 'GET', '/users/nobody/history')).body).toEqual({ userId: 'nobody', data: [] })
  })

  it('refuses what makes no sense, and who may not', async () => {
    const tenant = await service.makeTenant()
    const other = await service.makeTenant()
    const cursor = (position: unknown) => Buffer.from(JSON.stringify(position)).toString('base64url')
    for (const query of [
      ...['limit=0', 'limit=1001', 'limit=many', 'prefix=', `prefix=${'x'.repeat(257)}`, 'prefix=%00', 'cursor=what'],
      ...[cursor(['yesterday', '1']), cursor([at(0), -1]), cursor({})].map((wrong) => `cursor=${wrong}`),
      ...[cursor([at(0), '1']), cursor([1]), cursor([''])].map((wrong) => `prefix=a&cursor=${wrong}`),
    ])
      expect([query, (await call(tenant, 'GET', `/users?${query}`)).status]).toEqual([query, 400])
    expect((await call(tenant, 'GET', '/users/ann/history?limit=0')).status).toBe(400)
    const { body } = await call(tenant, 'POST', '/keys', { scopes: ['ingest', 'recommend', 'train'] })
    for (const key of [other.key, (body as { key: string }).key])
      for (const path of ['/users', '/users/ann/history'])
        expect((await call({ id: tenant.id, key }, 'GET', path)).status).toBe(403)
  })
})
