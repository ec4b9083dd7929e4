import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { RunsOverview } from '../../src/training/runs-overview.service.js'
import { OnlineMetricsService } from '../../src/online/online-metrics.service.js'
import { AnswersService } from '../../src/online/answers.service.js'
import { Database, DATABASE_HANDLE, type DatabaseHandle } from '../../src/platform/database.js'
import { MOST_LAG_MS } from '../../src/platform/replica.js'
import { cuttableLine } from '../events/kafka-shop.js'
import { catalogOf, encoded, promoteVersion } from '../serving/made-version.js'
import { ModelBuilder } from '../../src/serving/model-builder.service.js'
import { type Replicated, startReplicated } from '../support/replica.js'
import { type TestService, testService } from '../support/service.js'

const PATIENCE = { timeout: 30_000, interval: 100 }

describe('a read replica', () => {
  let servers: Replicated
  let line: Awaited<ReturnType<typeof cuttableLine>>
  let service: TestService
  let database: Database
  beforeAll(async () => {
    servers = await startReplicated()
    const replica = new URL(servers.replicaUrl)
    line = await cuttableLine({ host: replica.hostname, port: Number(replica.port) })
    replica.port = String(line.port)
    service = await start(replica.href)
    database = service.app.get(Database)
  })
  afterEach(async () => {
    line.mend()
    await servers.play(true)
    await isUsed(true)
  })
  afterAll(async () => {
    await service.stop()
    line.close()
    await servers.stop()
  })

  const start = (DATABASE_READ_URL: string) =>
    testService({ ROLES: 'api,ingest', DATABASE_URL: servers.url, DATABASE_READ_URL })
  const isUsed = (wanted: boolean) => expect.poll(() => database.replica() !== null, PATIENCE).toBe(wanted)
  /** Which server answers what may lag. */
  const answering = async () => {
    const [{ isReplica }] = await database.lagging.asSystem((sql) =>
      sql.query<{ isReplica: boolean }>('SELECT pg_is_in_recovery() AS "isReplica"'),
    )
    return isReplica ? 'replica' : 'primary'
  }
  interface Tenant {
    id: string
    key: string
  }
  const call = async <T>({ id, key }: Tenant, method: string, path: string, body?: unknown) => {
    const answer = await service.call(method, `/v1/tenants/${id}${path}`, { key, body })
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    return answer.body as T
  }
  const items = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ itemId: `i${i}`, title: `red thing ${i} of ${i % 7}` }))
  const recommended = async (tenant: Tenant, fields: object) => {
    const answer = await call<{ modelVersion: string; items: { itemId: string }[] }>(
      tenant,
      'POST',
      '/recommendations',
      {
        count: 500,
        ...fields,
      },
    )
    return { version: answer.modelVersion, items: answer.items.map(({ itemId }) => itemId) }
  }

  it('answers what may lag, and nothing else', async () => {
    await isUsed(true)
    expect(await answering()).toBe('replica')
    const tenant = await service.makeTenant()
    await call(tenant, 'POST', '/items', { items: items(20) })
    const asked = async (work: () => Promise<unknown>) => {
      const { dataSource } = service.app.get<DatabaseHandle>(DATABASE_HANDLE).replica!
      const create = dataSource.createQueryRunner.bind(dataSource)
      let transactions = 0
      dataSource.createQueryRunner = (mode) => {
        const runner = create(mode)
        const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>
        // Other than the looks at how far it has come.
        const counted = (...args: unknown[]) => {
          if (String(args[0]).startsWith('BEGIN')) transactions++
          return query(...args)
        }
        return Object.assign(runner, { query: counted })
      }
      await work()
      dataSource.createQueryRunner = create
      return transactions > 0
    }
    expect(await asked(() => call(tenant, 'GET', '/metrics/online'))).toBe(true)
    expect(await asked(() => call(tenant, 'GET', '/events/counts'))).toBe(true)
    expect(await asked(() => service.call('GET', '/v1/overview'))).toBe(true)
    // The model of a tenant that nobody asked for before.
    expect(await asked(() => recommended(tenant, { history: ['i1'] }))).toBe(true)
    expect(await asked(() => call(tenant, 'GET', '/users'))).toBe(false)
    expect(await asked(() => call(tenant, 'GET', '/items'))).toBe(false)
    expect(await asked(() => recommended(tenant, { userId: 'u' }))).toBe(false)
    await expect(
      database.lagging.asSystem((sql) => sql.execute(`DELETE FROM events WHERE tenant_id = 'nobody'`)),
    ).rejects.toThrow(/read-only transaction/)
  })

  it('that stands still hides no fresh write where the contract promises it, nor in a model that is loaded by it', async () => {
    const [warm, cold] = [await service.makeTenant(), await service.makeTenant()]
    for (const tenant of [warm, cold]) {
      await call(tenant, 'POST', '/items', { items: items(20) })
      await call(tenant, 'POST', '/events', { events: [{ userId: 'gone', itemId: 'i3', type: 'view' }] })
    }
    await recommended(warm, { history: ['i1'] })
    await servers.caughtUp()
    await isUsed(true)
    await servers.play(false)

    for (const tenant of [warm, cold]) {
      await call(tenant, 'POST', '/items', { items: [{ itemId: 'fresh', title: 'red thing of 1' }] })
      await call(tenant, 'DELETE', '/items/i5')
      await call(tenant, 'POST', '/events', { events: [{ userId: 'u', itemId: 'i1', type: 'purchase' }] })
      await call(tenant, 'DELETE', '/users/gone')
    }
    // Still within what may lag: the replica is what a model is loaded from, and it has none of this.
    expect(database.replica()).not.toBeNull()
    const first = await recommended(cold, { userId: 'u' })
    expect(first.items).toContain('fresh')
    expect(first.items).not.toContain('i5')
    // Bought: hidden from whoever bought it.
    expect(first.items).not.toContain('i1')
    // The replica still has what an erased user did: whoever has read it there is told.
    const builder = service.app.get(ModelBuilder)
    const model = await builder.buildOf(cold.id, null)
    expect((await builder.knowingErased([model])).has(model)).toBe(true)
    model.retire()
    const second = await recommended(warm, { userId: 'u' })
    expect(second.items).not.toContain('i1')
    await expect.poll(async () => (await recommended(warm, { userId: 'u' })).items, PATIENCE).toContain('fresh')
    for (const tenant of [warm, cold]) {
      expect(await call(tenant, 'GET', '/items/fresh')).toMatchObject({ itemId: 'fresh' })
      const { data } = await call<{ data: { userId: string }[] }>(tenant, 'GET', '/users')
      expect(data.map(({ userId }) => userId)).toEqual(['u'])
      const history = await call<{ data: unknown[] }>(tenant, 'GET', '/users/u/history')
      expect(history.data).toHaveLength(1)
    }
    const version = await promoteVersion(service, warm.id, encoded(await catalogOf(service, warm.id), 1))
    await expect.poll(async () => (await recommended(warm, { userId: 'u' })).version, PATIENCE).toBe(version)
  })

  it('is not asked while it is behind, and again when it has come up', async () => {
    await isUsed(true)
    await servers.play(false)
    const { id } = await service.makeTenant()
    await isUsed(false)
    expect(await answering()).toBe('primary')
    const { body } = await service.call('GET', '/v1/overview?limit=1000')
    expect((body as { data: { id: string }[] }).data.map((one) => one.id)).toContain(id)
    expect((await service.call('GET', '/metrics')).body as string).toMatch(
      new RegExp(`^attune_database_replica_lag_seconds (?:[${MOST_LAG_MS / 1000}-9]|\\d\\d|\\+?Inf)`, 'm'),
    )
    await servers.play(true)
    await isUsed(true)
    expect(await answering()).toBe('replica')
  })

  it('that goes away in the midst of things fails none of them', async () => {
    await isUsed(true)
    const tenant = await service.makeTenant()
    await call(tenant, 'POST', '/items', { items: items(20) })
    const reading = database.lagging.asSystem((sql) =>
      sql.query<{ n: number }>('SELECT count(*)::int AS n FROM tenants, pg_sleep(1)'),
    )
    await new Promise((next) => setTimeout(next, 300))
    line.cut()
    const [{ n }] = await reading
    expect(n).toBeGreaterThan(1)
    expect((await recommended(tenant, { history: ['i1'] })).items).toHaveLength(19)
    await call(tenant, 'GET', '/metrics/online')
    expect(await service.app.get(RunsOverview).of([tenant.id])).toHaveProperty('size', 1)
    await service.app.get(AnswersService).flush()
    await expect(service.app.get(OnlineMetricsService).metrics(tenant.id, {})).resolves.toBeDefined()
  })

  it('need not be there at the start, and is used once it is', async () => {
    line.cut()
    const replica = new URL(servers.replicaUrl)
    replica.port = String(line.port)
    const other = await start(replica.href)
    const its = other.app.get(Database)
    expect(its.replica()).toBeNull()
    await expect.poll(async () => (await other.call('GET', '/health/ready')).status, PATIENCE).toBe(200)
    line.mend()
    await expect.poll(() => its.replica() !== null, PATIENCE).toBe(true)
    await other.stop()
  })
})
