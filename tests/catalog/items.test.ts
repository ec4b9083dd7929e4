import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ItemsService } from '../../src/catalog/items.service.js'
import type { CatalogItem } from '../../src/catalog/item.js'
import { testService, type TestService } from '../support/service.js'

interface Upserted {
  accepted: number
  rejected: { index: number; code: string; reason: string }[]
}
interface Listed {
  data: { itemId: string }[]
  nextCursor: string | null
}

describe('the catalogue', () => {
  let service: TestService
  let items: ItemsService
  beforeAll(async () => {
    service = await testService()
    items = service.app.get(ItemsService)
  })
  afterAll(() => service.stop())

  const pathOf = (tenant: string, itemId?: string) =>
    `/v1/tenants/${tenant}/items${itemId === undefined ? '' : `/${encodeURIComponent(itemId)}`}`
  const put = async (tenant: { id: string; key: string }, entries: unknown[]) => {
    const answer = await service.call('POST', pathOf(tenant.id), { key: tenant.key, body: { items: entries } })
    return { status: answer.status, body: answer.body as Upserted }
  }
  const changes = async (tenant: string, horizon: string | null) => {
    const seen: CatalogItem[] = []
    const next = await items.changesSince(tenant, horizon, (page) => void seen.push(...page))
    return { next, seen, ids: seen.map(({ itemId }) => itemId).sort() }
  }

  /** Asks again until nothing comes twice: a transaction of any test on this server holds the horizon back. @returns it */
  const nothingNewSince = async (tenant: string, horizon: string) => {
    let at = horizon
    const again = async () => {
      const { next, seen } = await changes(tenant, at)
      at = next
      return seen
    }
    await expect.poll(again, { timeout: 10_000 }).toEqual([])
    return at
  }

  it('gives back what was sent, whatever the id', async () => {
    const tenant = await service.makeTenant()
    const item = {
      itemId: 'a/b c?🙂%2F',
      title: 'Red lamp',
      description: '<b>A lamp</b> that is red',
      categories: ['home', 'light'],
      attributes: { brand: 'Acme', weight: 1.5, fragile: true, tags: ['red', 'lamp'] },
      url: 'https://shop.example/red-lamp',
      imageUrl: 'https://shop.example/red-lamp.png',
      price: 19.99,
      available: false,
      publishedAt: '2024-02-29T12:00:00.000Z',
      expiresAt: '2034-02-28T12:00:00.000Z',
    }
    expect(await put(tenant, [item])).toEqual({ status: 200, body: { accepted: 1, rejected: [] } })
    expect(await service.call('GET', pathOf(tenant.id, item.itemId), { key: tenant.key })).toMatchObject({ body: item })
    await put(tenant, [{ itemId: item.itemId }])
    const { body } = await service.call('GET', pathOf(tenant.id, item.itemId), { key: tenant.key })
    expect(body).toEqual({ itemId: item.itemId, available: true })
  })

  it('lists in pages that meet without gap or overlap, and refuses a foreign cursor', async () => {
    const tenant = await service.makeTenant()
    const ids = Array.from({ length: 25 }, (_, i) => `item ${i}`)
    await put(
      tenant,
      ids.map((itemId) => ({ itemId, title: itemId, embedding: [1, 2] })),
    )
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await service.call('GET', `${pathOf(tenant.id)}?limit=10${cursor}`, { key: tenant.key })
      const page = body as Listed
      expect(page.data.length).toBeLessThanOrEqual(10)
      expect(page.data[0]).not.toHaveProperty('embedding')
      seen.push(...page.data.map(({ itemId }) => itemId))
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`
    } while (cursor)
    expect(seen.toSorted()).toEqual(ids.toSorted())
    const foreign = await service.call('GET', `${pathOf(tenant.id)}?cursor=WzFd`, { key: tenant.key })
    expect(foreign).toMatchObject({ status: 400, body: { code: 'INVALID_CURSOR' } })
  })

  it('names each bad entry and keeps the good ones', async () => {
    const tenant = await service.makeTenant()
    const bad: [unknown, string][] = [
      [null, 'expected object'],
      [[], 'expected object'],
      ['item', 'expected object'],
      [{}, 'itemId'],
      [{ itemId: '' }, 'itemId'],
      [{ itemId: 'x'.repeat(257) }, 'itemId'],
      [{ itemId: 'nul\u0000' }, 'NUL'],
      [{ itemId: 'broken \ud800 pair' }, 'surrogate'],
      [{ itemId: 1 }, 'itemId'],
      [{ itemId: 'a', titel: 'typo' }, 'titel'],
      [{ itemId: 'a', title: 'x'.repeat(2001) }, 'title'],
      [{ itemId: 'a', description: 'x'.repeat(50_001) }, 'description'],
      [{ itemId: 'a', categories: Array(101).fill('c') }, 'categories'],
      [{ itemId: 'a', categories: 'shoes' }, 'categories'],
      [{ itemId: 'a', attributes: { brand: { name: 'nested' } } }, 'attributes.brand'],
      [{ itemId: 'a', attributes: { brand: null } }, 'attributes.brand'],
      [{ itemId: 'a', attributes: { 'a\u0000': 1 } }, 'attributes'],
      [{ itemId: 'a', attributes: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`a${i}`, i])) }, '256'],
      [{ itemId: 'a', attributes: { a: 'x'.repeat(4097) } }, 'attributes.a'],
      [{ itemId: 'a', embedding: [] }, 'embedding'],
      [{ itemId: 'a', embedding: [1e39] }, 'embedding.0'],
      [{ itemId: 'a', embedding: ['1'] }, 'embedding.0'],
      [{ itemId: 'a', embedding: Array(4097).fill(0) }, 'embedding'],
      [{ itemId: 'a', price: '12' }, 'price'],
      [{ itemId: 'a', available: 'yes' }, 'available'],
      [{ itemId: 'a', publishedAt: 'yesterday' }, 'publishedAt'],
      [{ itemId: 'a', publishedAt: '2023-02-30T00:00:00Z' }, 'publishedAt'],
      [{ itemId: 'a', publishedAt: '2023-02-28T00:00:00' }, 'publishedAt'],
      [{ itemId: 'a', expiresAt: '0000-01-01T00:00:00Z' }, 'expiresAt'],
      [{ itemId: 'a', expiresAt: '9999-12-31T23:59:59-14:00' }, 'expiresAt'],
    ]
    const { status, body } = await put(tenant, [
      { itemId: 'first' },
      ...bad.map(([entry]) => entry),
      { itemId: 'last' },
    ])
    expect(status).toBe(200)
    expect(body.accepted).toBe(2)
    expect(body.rejected.map(({ index, code }) => [index, code])).toEqual(bad.map((_, i) => [i + 1, 'INVALID_ITEM']))
    bad.forEach(([, reason], i) => expect(body.rejected[i].reason).toContain(reason))
    expect((await changes(tenant.id, null)).ids).toEqual(['first', 'last'])
  })

  it('takes the far ends of what is allowed', async () => {
    const tenant = await service.makeTenant()
    const { body } = await put(tenant, [
      {
        itemId: '字'.repeat(256),
        title: '🙂'.repeat(1000),
        price: -Number.MAX_VALUE,
        attributes: { ['ä'.repeat(256)]: 5e-324, __proto__x: 'y', constructor: 'z' },
        embedding: Array(4096).fill(-3.4e38),
        publishedAt: '0001-01-01T00:00:00Z',
        expiresAt: '9999-12-31T23:59:59Z',
      },
    ])
    expect(body).toEqual({ accepted: 1, rejected: [] })
  })

  it('refuses a body that is no batch, and a batch that is too large', async () => {
    const tenant = await service.makeTenant()
    for (const body of [{}, { items: {} }, [], { items: [], more: 1 }])
      expect(await service.call('POST', pathOf(tenant.id), { key: tenant.key, body })).toMatchObject({ status: 400 })
    const many = Array.from({ length: 1001 }, (_, i) => ({ itemId: `${i}` }))
    expect(await put(tenant, many)).toMatchObject({ status: 413, body: { code: 'BATCH_TOO_LARGE' } })
    expect(await put(tenant, [])).toEqual({ status: 200, body: { accepted: 0, rejected: [] } })
  })

  it('lets the later of two entries with one id win', async () => {
    const tenant = await service.makeTenant()
    const { body } = await put(tenant, [
      { itemId: 'a', title: 'first' },
      { itemId: 'b' },
      { itemId: 'a', title: 'second' },
      { itemId: 'a', title: 3 },
    ])
    expect(body).toMatchObject({ accepted: 3, rejected: [{ index: 3 }] })
    expect(await items.get(tenant.id, 'a')).toMatchObject({ title: 'second' })
  })

  it('fixes the length of own vectors by the first one, which then take the place of the text', async () => {
    const tenant = await service.makeTenant()
    await put(tenant, [{ itemId: 'text', title: 'a red lamp' }, { itemId: 'mute' }])
    const before = await changes(tenant.id, null)
    const vectorOf = (seen: CatalogItem[], id: string) => seen.find(({ itemId }) => itemId === id)?.vector
    expect(vectorOf(before.seen, 'text')).toHaveLength(384)
    expect(vectorOf(before.seen, 'mute')).toBeNull()

    const { body } = await put(tenant, [
      { itemId: 'own', title: 'a red lamp', embedding: [1, 2, 3] },
      { itemId: 'short', embedding: [1, 2] },
      { itemId: 'text', title: 'a blue lamp' },
    ])
    expect(body).toMatchObject({ accepted: 2, rejected: [{ index: 1, code: 'EMBEDDING_LENGTH' }] })
    const after = await changes(tenant.id, null)
    expect(vectorOf(after.seen, 'own')).toEqual(Float32Array.from([1, 2, 3]))
    expect(vectorOf(after.seen, 'text')).toBeNull()
    expect(await items.get(tenant.id, 'own')).toMatchObject({ embedding: [1, 2, 3] })
    expect(await items.summary(tenant.id)).toEqual({ items: 3, itemsWithText: 2 })
  })

  it('holds a tenant to its number of items, replacing freely', async () => {
    const tenant = await service.makeTenant(undefined, { quotas: { items: 3 } })
    await put(tenant, [{ itemId: 'a' }, { itemId: 'b' }])
    const { body } = await put(
      tenant,
      ['c', 'a', 'd', 'b', 'e'].map((itemId) => ({ itemId, title: 'new' })),
    )
    expect(body).toMatchObject({
      accepted: 3,
      rejected: [
        { index: 2, code: 'ITEM_QUOTA_EXCEEDED' },
        { index: 4, code: 'ITEM_QUOTA_EXCEEDED' },
      ],
    })
    expect((await service.call('DELETE', pathOf(tenant.id, 'a'), { key: tenant.key })).status).toBe(204)
    expect((await put(tenant, [{ itemId: 'd' }])).body).toEqual({ accepted: 1, rejected: [] })
    expect((await changes(tenant.id, null)).ids).toEqual(['b', 'c', 'd'])
  })

  it('holds a tenant to its number of items when batches come at once', async () => {
    const tenant = await service.makeTenant(undefined, { quotas: { items: 25 } })
    const batch = (i: number) => Array.from({ length: 10 }, (_, j) => ({ itemId: `${i} ${j}` }))
    const answers = await Promise.all([0, 1, 2, 3].map((i) => put(tenant, batch(i))))
    expect(answers.reduce((sum, { body }) => sum + body.accepted, 0)).toBe(25)
    expect((await items.summary(tenant.id)).items).toBe(25)
  })

  it('deletes, twice if asked, leaves no content behind, and takes the item back', async () => {
    const tenant = await service.makeTenant()
    await put(tenant, [{ itemId: 'a', title: 'secret', attributes: { brand: 'x' } }])
    const next = await nothingNewSince(tenant.id, (await changes(tenant.id, null)).next)
    for (let i = 0; i < 2; i++)
      expect((await service.call('DELETE', pathOf(tenant.id, 'a'), { key: tenant.key })).status).toBe(204)
    expect(await service.call('GET', pathOf(tenant.id, 'a'), { key: tenant.key })).toMatchObject({ status: 404 })
    expect((await items.list(tenant.id, 10)).data).toEqual([])
    const { seen } = await changes(tenant.id, next)
    expect(seen).toMatchObject([{ itemId: 'a', deleted: true, title: null, attributes: {}, vector: null }])
    expect((await changes(tenant.id, null)).seen).toEqual([])
    await put(tenant, [{ itemId: 'a', title: 'back' }])
    expect((await changes(tenant.id, next)).seen).toMatchObject([{ itemId: 'a', deleted: false, title: 'back' }])
  })

  it('tells changes since a horizon, and nothing of a write that changes nothing', async () => {
    const tenant = await service.makeTenant()
    const all = Array.from({ length: 2500 }, (_, i) => ({ itemId: `i${i}`, title: `thing ${i}`, price: i }))
    for (let from = 0; from < all.length; from += 1000) await put(tenant, all.slice(from, from + 1000))
    const first = await changes(tenant.id, null)
    expect(first.seen).toHaveLength(2500)
    const settled = await nothingNewSince(tenant.id, first.next)
    await put(tenant, all.slice(0, 1000))
    expect((await changes(tenant.id, settled)).seen).toEqual([])
    await put(tenant, [{ ...all[7], price: 1 }, all[8]])
    const second = await changes(tenant.id, settled)
    expect(second.seen).toMatchObject([{ itemId: 'i7', price: 1 }])
    await nothingNewSince(tenant.id, second.next)
  })

  it('misses no change of a transaction that commits late', async () => {
    const tenant = await service.makeTenant()
    const { default: pg } = await import('pg')
    const late = new pg.Client({ connectionString: service.databaseUrl })
    await late.connect()
    await late.query('BEGIN')
    await late.query(`INSERT INTO items (tenant_id, item_id) VALUES ($1, 'late')`, [tenant.id])
    await put(tenant, [{ itemId: 'early' }])
    const before = await changes(tenant.id, null)
    expect(before.ids).toEqual(['early'])
    await late.query('COMMIT')
    await late.end()
    expect((await changes(tenant.id, before.next)).ids).toContain('late')
  })

  it('keeps tenants apart', async () => {
    const [one, two] = [await service.makeTenant(), await service.makeTenant()]
    await put(one, [{ itemId: 'a', title: 'of one' }])
    await put(two, [{ itemId: 'a', title: 'of two' }])
    await items.remove(two.id, 'a')
    expect(await items.get(one.id, 'a')).toMatchObject({ title: 'of one' })
    expect(await service.call('GET', pathOf(one.id, 'a'), { key: two.key })).toMatchObject({ status: 403 })
  })

  it('stores the good rows where the database refuses one', async () => {
    const tenant = await service.makeTenant()
    const { default: pg } = await import('pg')
    const owner = new pg.Client({ connectionString: service.databaseUrl })
    await owner.connect()
    await owner.query(`ALTER TABLE items ADD CONSTRAINT unlucky CHECK (title <> 'unlucky')`)
    const { body } = await put(
      tenant,
      Array.from({ length: 100 }, (_, i) => ({ itemId: `${i}`, title: i === 37 || i === 99 ? 'unlucky' : 'lucky' })),
    )
    await owner.query('ALTER TABLE items DROP CONSTRAINT unlucky')
    await owner.end()
    expect(body).toMatchObject({
      accepted: 98,
      rejected: [
        { index: 37, code: 'REFUSED' },
        { index: 99, code: 'REFUSED' },
      ],
    })
    expect((await changes(tenant.id, null)).seen).toHaveLength(98)
  })
})
