import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ERASURES_CHANNEL } from '../../src/events/users.service.js'
import { LiveModels } from '../../src/serving/live-models.service.js'
import { TenantsService } from '../../src/tenants/tenants.service.js'
import { testService, type TestService } from '../support/service.js'

let service: TestService
let owner: pg.Client
beforeAll(async () => {
  service = await testService()
  owner = new pg.Client({ connectionString: service.databaseUrl })
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await service.stop()
})

type Tenant = { id: string; key: string }
const call = (tenant: Tenant, method: string, path: string, body?: unknown) =>
  service.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
const sourceFor = async (tenant: Tenant) => {
  const { status, body } = await call(tenant, 'POST', '/recommendations', {})
  expect(status).toBe(200)
  return (body as { source: string }).source
}
const within = async (ms: number, isSo: () => Promise<boolean>) => {
  for (const until = Date.now() + ms; !(await isSo()); await sleep(30))
    if (Date.now() > until) throw new Error(`still not after ${ms} ms`)
}
/** What users did is all that is trending. */
async function shop(users = ['ann']): Promise<Tenant> {
  const tenant = await service.makeTenant()
  await call(tenant, 'POST', '/items', {
    items: ['a', 'b', 'c'].map((itemId) => ({ itemId, title: `thing ${itemId}` })),
  })
  await call(tenant, 'POST', '/events', { events: users.map((userId) => ({ userId, itemId: 'a', type: 'purchase' })) })
  return tenant
}
/** As by an instance whose notification never came. */
async function eraseUnheard({ id }: Tenant, userId: string) {
  await owner.query('BEGIN')
  await owner.query('DELETE FROM events WHERE tenant_id = $1 AND user_id = $2', [id, userId])
  await owner.query(
    `INSERT INTO erasures (tenant_id, erasure_id, user_hash, state, finished_at)
     VALUES ($1, $2, '', 'done', clock_timestamp())`,
    [id, userId],
  )
  await owner.query('COMMIT')
}

test('an erasure is served at once, without its notification and right after another rebuild', async () => {
  const tenant = await shop(['ann', 'ben'])
  expect(await sourceFor(tenant)).toBe('trending')
  await eraseUnheard(tenant, 'ann')
  await sleep(1500)
  expect(await sourceFor(tenant)).toBe('trending')
  await eraseUnheard(tenant, 'ben')
  await within(5000, async () => (await sourceFor(tenant)) === 'popular')
})

test('an erasure during a build is in the next one', async () => {
  const tenant = await shop()
  for (const pause of [0, 5, 20, 60]) {
    await call(tenant, 'POST', '/events', { events: [{ userId: 'ann', itemId: 'a', type: 'purchase' }] })
    service.app.get(LiveModels).drop(tenant.id)
    const first = sourceFor(tenant)
    await sleep(pause)
    expect((await call(tenant, 'DELETE', '/users/ann')).status).toBe(202)
    await first
    await within(5000, async () => (await sourceFor(tenant)) === 'popular')
  }
})

test('the proof names no moment at which memory was free of the user before it was', async () => {
  const tenant = await shop()
  const { body } = await call(tenant, 'DELETE', '/users/ann')
  const { id } = body as { id: string }
  const proof = async () => (await call(tenant, 'GET', `/erasures/${id}`)).body as Record<string, string | null>
  expect(await proof()).toMatchObject({ finishedAt: expect.any(String) as string, cachesDroppedAt: null })
  await owner.query("UPDATE erasures SET finished_at = finished_at - interval '61 s' WHERE erasure_id = $1", [id])
  const { finishedAt, cachesDroppedAt } = await proof()
  expect(Date.parse(cachesDroppedAt ?? '') - Date.parse(finishedAt ?? '')).toBe(60_000)
})

test('a model that knows an erased user for too long is not waited for', async () => {
  const tenant = await shop()
  expect(await sourceFor(tenant)).toBe('trending')
  const models = service.app.get(LiveModels)
  const model = await models.use(tenant.id, (used) => used)
  await owner.query(
    `INSERT INTO erasures (tenant_id, erasure_id, user_hash, state, finished_at)
     VALUES ($1, 'late', '', 'done', clock_timestamp() - interval '51 s')`,
    [tenant.id],
  )
  await within(5000, () => models.use(tenant.id, (used) => used !== model))
})

test('a notification that can not be read ends nothing', async () => {
  for (const payload of ['', 'not json', 'null', '{"tenantId":1}'])
    await owner.query('SELECT pg_notify($1, $2)', [ERASURES_CHANNEL, payload])
  await sleep(300)
  const tenant = await shop()
  expect(await sourceFor(tenant)).toBe('trending')
})

test('a tenant made anew under an id has nothing of the old one: neither its model nor its keys', async () => {
  const old = await shop()
  expect(await sourceFor(old)).toBe('trending')
  expect((await call(old, 'DELETE', '')).status).toBe(202)
  await service.app.get(TenantsService).purge()
  const made = await service.makeTenant(old.id)
  expect((await call(old, 'POST', '/recommendations', {})).status).toBe(401)
  await within(4000, async () => {
    const { body } = await call(made, 'POST', '/recommendations', {})
    return (body as { items: unknown[] }).items.length === 0
  })
})
