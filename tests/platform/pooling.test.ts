import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { MIGRATIONS } from '../../migrations/index.js'
import { checkDatabase } from '../../src/cli/doctor-database.js'
import { readConfig } from '../../src/platform/config.js'
import { Database, openDatabase } from '../../src/platform/database.js'
import { isPassing } from '../../src/platform/errors.js'
import { createLogger } from '../../src/platform/logger.js'
import { Metrics } from '../../src/platform/metrics.js'
import { Tracing } from '../../src/platform/tracing.js'
import { knock } from '../support/door.js'
import { startPgbouncer } from '../support/pgbouncer.js'
import { testDatabase } from '../support/service.js'

const logger = createLogger('silent')
// Two for whoever comes: what one transaction leaves behind, the next one of somebody else gets.
const { url: server } = await knock<{ url: string }>(inject('postgresDoor'))
const pooler = await startPgbouncer(server, 2)
const IN_TIME = { timeout: 20_000, interval: 50 }

describe.skipIf(pooler === null)('through PgBouncer in transaction mode', () => {
  let own: Awaited<ReturnType<typeof testDatabase>>
  let pooled: string
  const opened: Database[] = []
  const open = async () => {
    const config = readConfig({ DATABASE_URL: pooled, DATABASE_DIRECT_URL: own.url })
    const handle = await openDatabase(config, logger, MIGRATIONS)
    opened.push(new Database(handle, new Metrics(config), new Tracing(null)))
    return opened[opened.length - 1]
  }
  /** A bare client, past the service. */
  const ask = async <T extends pg.QueryResultRow>(url: string, text: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    return client.query<T>(text).finally(() => client.end())
  }
  beforeAll(async () => {
    own = await testDatabase()
    pooled = pooler?.pooled(own.url) ?? ''
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.onApplicationShutdown()))
  })
  afterAll(async () => {
    await own.drop()
    await pooler?.stop()
  })

  it('is migrated once by many that start at once', async () => {
    await Promise.all([open(), open(), open()])
    const { rows } = await ask(own.url, 'SELECT count(*)::int AS n FROM migrations')
    expect(rows).toEqual([{ n: MIGRATIONS.length }])
  })

  it('holds each unit of work to its own tenant, far more of them than connections', async () => {
    const databases = [await open(), await open()]
    const tenants = Array.from({ length: 20 }, (_, i) => `tenant-${i}`)
    for (const id of tenants)
      await databases[0].inTenant(id, (sql) =>
        sql.execute(`INSERT INTO tenants (tenant_id, name, base_model, settings) VALUES ($1, $1, 'default', '{}')`, [
          id,
        ]),
      )
    const seen = await Promise.all(
      databases.flatMap((database) =>
        tenants.map((id) =>
          database.inTenant(id, async (sql) => {
            const look = () =>
              sql.query<{ id: string; role: string }>('SELECT tenant_id AS id, current_user AS role FROM tenants')
            const first = await look()
            await setTimeout(5)
            return [...first, ...(await look())]
          }),
        ),
      ),
    )
    const own = (id: string) => ({ id, role: 'attune_service' })
    expect(seen).toEqual([...tenants, ...tenants].map((id) => [own(id), own(id)]))
    expect(await databases[0].asSystem((sql) => sql.query('SELECT 1 FROM tenants'))).toHaveLength(tenants.length)
  })

  it('leaves nothing of a unit of work behind for whoever gets the connection next', async () => {
    const database = await open()
    const state = `SELECT current_user AS role, current_setting('attune.tenant', true) AS tenant,
      current_setting('statement_timeout') AS statements, current_setting('idle_in_transaction_session_timeout') AS idle`
    const before = await ask(own.url, state)
    await database.query('somebody', state)
    await database.query('somebody', 'SELECT 1 / 0').catch(() => undefined)
    for (let i = 0; i < 4; i++) {
      const { rows } = await ask<{ tenant: string | null }>(pooled, state)
      // PostgreSQL keeps the name of a setting that was there once.
      expect([{ ...rows[0], tenant: rows[0].tenant || null }]).toEqual(before.rows)
    }
  })

  it('hears what is notified through the pooler, by one connection for all channels', async () => {
    const database = await open()
    const heard: string[] = []
    const one = database.listen('one', (payload) => heard.push(`one ${payload}`))
    const two = database.listen('two', (payload) => heard.push(`two ${payload}`))
    const listeners = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`
    const tell = () => database.asSystem((sql) => sql.query(`SELECT pg_notify('one', 'a'), pg_notify('two', 'b')`))
    await expect.poll(() => tell().then(() => heard), IN_TIME).toEqual(expect.arrayContaining(['one a', 'two b']))
    expect((await ask(own.url, listeners)).rows).toHaveLength(1)

    // Again after the connection broke.
    await ask(own.url, `SELECT pg_terminate_backend(pid) FROM (${listeners}) l`)
    await expect.poll(async () => (await ask(own.url, listeners)).rows, IN_TIME).toHaveLength(1)
    heard.length = 0
    await expect.poll(() => tell().then(() => heard), IN_TIME).toContain('two b')
    await one.stop()
    await tell()
    heard.length = 0
    await expect.poll(() => tell().then(() => heard), IN_TIME).toContain('two b')
    expect(heard).not.toContain('one a')
    await two.stop()
    await expect.poll(async () => (await ask(own.url, listeners)).rows, IN_TIME).toEqual([])
  })

  it('calls the end of connections a failure that passes, and goes on', async () => {
    const database = await open()
    const working = Promise.allSettled([1, 2, 3, 4].map(() => database.query('t', 'SELECT pg_sleep(1)')))
    await setTimeout(300)
    await ask(
      own.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    )
    const failed = (await working).flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.filter((error) => !isPassing(error))).toEqual([])
    await expect.poll(() => database.query('t', 'SELECT 1').catch(() => []), IN_TIME).toHaveLength(1)
  })

  it('is seen by the doctor, as is a direct way that is none', async () => {
    const look = (DATABASE_URL: string, DATABASE_DIRECT_URL: string) =>
      checkDatabase(readConfig({ DATABASE_URL, DATABASE_DIRECT_URL }), logger)
    await open()
    expect(await look(pooled, own.url)).toMatch(/^DATABASE_URL and DATABASE_DIRECT_URL: PostgreSQL [\d.]+ answers$/)
    const other = await testDatabase()
    await expect(look(pooled, other.url)).rejects.toThrow('DATABASE_DIRECT_URL: hears nothing of DATABASE_URL')
    await other.drop()
    await expect(look(pooled, pooled)).rejects.toThrow('a pooler that gives no session')
    // A user that works and does not migrate has to be let into the role.
    await ask(own.url, `CREATE ROLE worker_${process.pid} LOGIN PASSWORD 'word'`)
    const weak = new URL(own.url)
    weak.username = `worker_${process.pid}`
    weak.password = 'word'
    await expect(look(weak.href, own.url)).rejects.toThrow(/^DATABASE_URL: .*GRANT attune_service TO worker_/)
    await ask(own.url, `GRANT attune_service TO worker_${process.pid}`)
    await expect(look(weak.href, own.url)).resolves.toMatch(/answers$/)
    await expect(look(own.url, weak.href)).rejects.toThrow(/^DATABASE_DIRECT_URL: .*may not create tables/)
    await ask(own.url, `DROP ROLE worker_${process.pid}`)
  })
})
