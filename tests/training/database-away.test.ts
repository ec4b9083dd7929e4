import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from './shop.js'

let service: TestService
let owner: pg.Client
let watcher: pg.Client
beforeAll(async () => {
  service = await testService({ BACKEND: 'wasm', ROLES: 'api,trainer' })
  owner = new pg.Client({ connectionString: service.databaseUrl })
  watcher = new pg.Client({ connectionString: service.databaseUrl })
  await Promise.all([owner.connect(), watcher.connect()])
})
afterAll(async () => {
  await Promise.all([owner.end(), watcher.end()])
  await service.stop()
})

const waiting = async () => {
  const { rows } = await watcher.query<{ pid: number }>(
    `SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.relation = 'promotions'::regclass AND NOT l.granted AND a.query LIKE '%AS "promotionId"%'`,
  )
  return rows.map(({ pid }) => pid)
}

it('tries a run again whose database was away for a moment', async () => {
  const { id, key } = await service.makeTenant(undefined, { training: { schedule: null, without: ['network'] } })
  await send(service, { id, key }, madeUpShop(60, 80))
  // The run can go no further than to ask what is served, so that its connection breaks just there.
  await owner.query('BEGIN; LOCK TABLE promotions IN ACCESS EXCLUSIVE MODE')
  const asked = await service.call('POST', `/v1/tenants/${id}/training-runs`, { key, body: { from: 'base' } })
  await expect.poll(waiting, { timeout: 30_000, interval: 50 }).not.toEqual([])
  for (const pid of await waiting()) await watcher.query('SELECT pg_terminate_backend($1)', [pid])
  await owner.query('COMMIT')
  const run = async () =>
    (await service.call('GET', `/v1/tenants/${id}/training-runs/${(asked.body as { id: string }).id}`, { key }))
      .body as { state: string; attempt: number }
  await expect
    .poll(async () => (await run()).state, { timeout: 60_000, interval: 200 })
    .toMatch(/^(promoted|rejected|failed)$/)
  expect(await run()).toMatchObject({ state: expect.stringMatching(/^(promoted|rejected)$/) as string, attempt: 2 })
})
