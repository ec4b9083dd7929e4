import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { VersionsService } from '../../src/registry/versions.service.js'
import { type TestService, testService } from '../support/service.js'
import { catalogOf, encoded, storeVersion } from '../serving/made-version.js'

let service: TestService
beforeAll(async () => {
  service = await testService({ ROLES: 'api' })
})
afterAll(() => service.stop())

it('lets events in while a version is being promoted, however long that takes', async () => {
  const { id, key } = await service.makeTenant()
  const items = Array.from({ length: 30 }, (_, i) => ({ itemId: `i${i}`, title: `thing number ${i}` }))
  await service.call('POST', `/v1/tenants/${id}/items`, { key, body: { items } })
  const version = await storeVersion(service, id, encoded(await catalogOf(service, id), 1))
  const owner = new pg.Client({ connectionString: service.databaseUrl })
  const watcher = new pg.Client({ connectionString: service.databaseUrl })
  await Promise.all([owner.connect(), watcher.connect()])
  // The promotion holds the tenant by then, and gets no further.
  await owner.query('BEGIN; LOCK TABLE promotions IN ACCESS EXCLUSIVE MODE')
  const promoting = service.app.get(VersionsService).promote(id, version, { name: 'test' })
  const waiting = async () =>
    (await watcher.query(`SELECT 1 FROM pg_locks WHERE relation = 'promotions'::regclass AND NOT granted`)).rowCount
  await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThan(0)
  const events = [{ userId: 'u', itemId: 'i1', type: 'view' }]
  const stored = service.call('POST', `/v1/tenants/${id}/events`, { key, body: { events } })
  const late = new Promise((done) => setTimeout(() => done('kept waiting'), 10_000).unref())
  try {
    expect(await Promise.race([stored, late])).toMatchObject({ status: 202, body: { accepted: 1 } })
  } finally {
    await owner.query('COMMIT')
    await promoting
    await Promise.all([owner.end(), watcher.end()])
  }
})
