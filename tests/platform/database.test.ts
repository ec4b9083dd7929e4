import { type AddressInfo, connect, createServer } from 'node:net'
import pg from 'pg'
import type { MigrationInterface, QueryRunner } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concurrentIndex } from '../../migrations/concurrent-index.js'
import { MIGRATIONS } from '../../migrations/index.js'
import { readConfig } from '../../src/platform/config.js'
import { Database, openDatabase, type DatabaseHandle } from '../../src/platform/database.js'
import { isPassing } from '../../src/platform/errors.js'
import { createLogger } from '../../src/platform/logger.js'
import { Metrics } from '../../src/platform/metrics.js'
import { Tracing } from '../../src/platform/tracing.js'
import { testDatabase } from '../support/service.js'

const logger = createLogger('silent')

/**
 * A way to the database that, once it is deadly, has each new connection's "ready for query" followed by its end, in the
 * same packet: what a server that an administrator stops sends to whoever has just come in.
 */
async function deadlyLine(target: string) {
  const { hostname, port } = new URL(target)
  const READY = Buffer.from('Z\0\0\0\x05I')
  const fields = Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')
  const size = Buffer.alloc(4)
  size.writeInt32BE(fields.length + 4)
  const end = Buffer.concat([Buffer.from('E'), size, fields])
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    let isNew = line.isDeadly
    far.on('data', (bytes: Buffer) => {
      const kill = isNew && bytes.includes(READY)
      isNew &&= !kill
      near.write(kill ? Buffer.concat([bytes, end]) : bytes)
      if (kill) far.destroy()
    })
    near.pipe(far)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ])
      socket.on('error', () => undefined).on('close', () => other.end())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const line = { isDeadly: false, url: url.href, close: () => server.close() }
  return line
}

describe('database', () => {
  let own: Awaited<ReturnType<typeof testDatabase>>
  let handle: DatabaseHandle
  let database: Database
  beforeAll(async () => {
    own = await testDatabase()
    handle = await openDatabase(readConfig({ DATABASE_URL: own.url }), logger, MIGRATIONS)
    database = new Database(handle, new Metrics(readConfig({})), new Tracing(null))
    for (const id of ['ours', 'theirs'])
      await database.inTenant(id, async (sql) => {
        await sql.execute(
          `INSERT INTO tenants (tenant_id, name, base_model, settings) VALUES ($1, $1, 'default', '{}')`,
          [id],
        )
        await sql.execute(
          `INSERT INTO events (tenant_id, event_id, user_id, item_id, type, occurred_at) VALUES ($1, 'e', 'u', 'i', 'view', now())`,
          [id],
        )
      })
  })
  afterAll(async () => {
    await database.onApplicationShutdown()
    await own.drop()
  })

  it('shows one tenant nothing of another, with no WHERE at all', async () => {
    const rows = await database.inTenant('ours', (sql) =>
      sql.query<{ tenant_id: string }>('SELECT tenant_id FROM events'),
    )
    expect(rows).toEqual([{ tenant_id: 'ours' }])
    expect(await database.query('ours', `SELECT * FROM tenants WHERE tenant_id = 'theirs'`)).toEqual([])
  })

  it('shows nothing at all where no tenant is named', async () => {
    const tables: { name: string }[] = await handle.dataSource.query(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant_id'`,
    )
    expect(tables.length).toBeGreaterThanOrEqual(11)
    const bare = new pg.Client({ connectionString: own.url })
    await bare.connect()
    await bare.query('SET ROLE attune_service')
    for (const { name } of tables) expect((await bare.query(`SELECT * FROM ${name}`)).rows).toEqual([])
    await bare.end()
  })

  it('lets one tenant write, move or delete nothing of another', async () => {
    const insert = `INSERT INTO events (tenant_id, event_id, user_id, item_id, type, occurred_at) VALUES ('theirs', 'x', 'u', 'i', 'view', now())`
    await expect(database.inTenant('ours', (sql) => sql.execute(insert))).rejects.toThrow(/row-level security/)
    await expect(
      database.inTenant('ours', (sql) => sql.execute(`UPDATE events SET tenant_id = 'theirs'`)),
    ).rejects.toThrow(/row-level security/)
    expect(await database.inTenant('ours', (sql) => sql.execute(`DELETE FROM events WHERE tenant_id = 'theirs'`))).toBe(
      0,
    )
  })

  it('binds every table with a tenant, and starts every key with it', async () => {
    const loose: unknown[] = await handle.dataSource.query(
      `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
       WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`,
    )
    expect(loose).toEqual([])
    const keys: { index: string; first: string }[] = await handle.dataSource.query(
      `SELECT i.relname AS index, a.attname AS first FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
       WHERE t.relnamespace = 'public'::regnamespace AND x.indisunique AND t.relname <> 'migrations'`,
    )
    expect(keys.length).toBeGreaterThanOrEqual(11)
    expect(keys.filter((key) => key.first !== 'tenant_id')).toEqual([])
  })

  it('works as a role that is neither owner nor above the rules', async () => {
    const [role] = await database.asSystem((sql) =>
      sql.query(`SELECT current_user AS name, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user`),
    )
    expect(role).toEqual({ name: 'attune_service', rolsuper: false, rolbypassrls: false })
    await expect(database.asSystem((sql) => sql.execute('DROP TABLE events'))).rejects.toThrow(/must be owner/)
  })

  it('keeps a model version as it was made', async () => {
    await expect(
      database.inTenant('ours', (sql) => sql.execute(`UPDATE model_versions SET reason = 'x'`)),
    ).rejects.toThrow(/permission denied/)
  })

  it('rolls a failed unit of work back', async () => {
    const failing = database.inTenant('ours', async (sql) => {
      await sql.execute(`DELETE FROM events WHERE tenant_id = 'ours'`)
      throw new Error('on purpose')
    })
    await expect(failing).rejects.toThrow('on purpose')
    expect(await database.query('ours', 'SELECT 1 FROM events')).toHaveLength(1)
  })

  it('knows that a connection which broke between two statements is no fault of the work', async () => {
    const broken = database.inTenant('ours', async (sql) => {
      const [{ pid }] = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      const killer = new pg.Client({ connectionString: own.url })
      await killer.connect()
      await killer.query('SELECT pg_terminate_backend($1, 5000)', [pid])
      await killer.end()
      // Until the news has come.
      await new Promise((next) => setTimeout(next, 200))
      await sql.query('SELECT 1')
    })
    const error: unknown = await broken.catch((thrown: unknown) => thrown)
    expect(isPassing(error), String(error)).toBe(true)
  })

  it('outlives connections that end in the very moment in which they are handed out', async () => {
    const line = await deadlyLine(own.url)
    const through = await openDatabase(readConfig({ DATABASE_URL: line.url }), logger, MIGRATIONS)
    const work = new Database(through, new Metrics(readConfig({})), new Tracing(null))
    line.isDeadly = true
    // More than one: the pool has a connection from its start.
    const pings = await Promise.allSettled([1, 2, 3].map(() => work.query('ours', 'SELECT pg_sleep(.1)')))
    expect(pings.map(({ status }) => status)).toContain('rejected')
    line.isDeadly = false
    await expect(work.query('ours', 'SELECT 1')).resolves.toHaveLength(1)
    await work.onApplicationShutdown()
    line.close()
  })

  it('is migrated once by many that start at once', async () => {
    const fresh = await testDatabase()
    const opened = await Promise.all(
      [1, 2, 3].map(() =>
        openDatabase(readConfig({ DATABASE_URL: fresh.url, DATABASE_POOL_SIZE: '2' }), logger, MIGRATIONS),
      ),
    )
    await Promise.all(opened.map((one) => one.dataSource.destroy()))
    await fresh.drop()
  })

  it('makes an index beside the work while others wait for their turn to migrate', async () => {
    class IndexEvents1999999999999 implements MigrationInterface {
      readonly transaction = false
      up = (runner: QueryRunner) => concurrentIndex(runner, 'events_by_type', 'events (tenant_id, type)')
      down = () => Promise.resolve()
    }
    const migrations = [...MIGRATIONS, IndexEvents1999999999999]
    const open = () => openDatabase(readConfig({ DATABASE_URL: own.url, DATABASE_POOL_SIZE: '2' }), logger, migrations)
    const opened = await Promise.all([1, 2, 3].map(open))
    await Promise.all(opened.map((one) => one.dataSource.destroy()))
    const [{ valid }]: { valid: boolean }[] = await handle.dataSource.query(
      `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'events_by_type'::regclass`,
    )
    expect(valid).toBe(true)
  })

  it('lets nobody wait behind a migration that waits for a long read', async () => {
    class WidenEvents2000000000000 implements MigrationInterface {
      up = (runner: QueryRunner) => runner.query('ALTER TABLE events ADD COLUMN more text')
      down = () => Promise.resolve()
    }
    const reader = new pg.Client({ connectionString: own.url })
    await reader.connect()
    await reader.query('BEGIN')
    await reader.query('SELECT * FROM events')
    const config = readConfig({ DATABASE_URL: own.url, DATABASE_POOL_SIZE: '2' })
    let migrated = false
    const migrating = openDatabase(config, logger, [...MIGRATIONS, WidenEvents2000000000000]).then(async (opened) => {
      migrated = true
      await opened.dataSource.destroy()
    })
    const waiting = `SELECT 1 FROM pg_locks WHERE relation = 'events'::regclass AND NOT granted`
    await expect.poll(() => handle.dataSource.query(waiting), { timeout: 20_000, interval: 20 }).toHaveLength(1)
    // Behind the migration, until it steps back.
    await database.inTenant('ours', (sql) => sql.execute('UPDATE events SET value = 1'))
    expect(migrated).toBe(false)
    await reader.query('COMMIT')
    await migrating
    await reader.end()
    expect(await database.query('ours', 'SELECT more FROM events')).toEqual([{ more: null }])
  })
})
