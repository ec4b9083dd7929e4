import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { DataSource, type MigrationInterface } from 'typeorm'
import pg from 'pg'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from './config.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js'
import { DatabaseMetrics, summaryOf } from './database-metrics.js'
import { sqlState } from './halving.js'
import type { Logger } from './logger.js'
import { Metrics } from './metrics.js'
import { Tracing } from './tracing.js'
import { detached } from './work-context.js'

/** The role that every connection of the service takes on: row-level security binds it (the migrations make it). */
export const SERVICE_ROLE = 'attune_service'

/** Any constant will do, as long as no other program locks it in the same database. */
const MIGRATION_LOCK = 4_127_703_921
const LOOK_FOR_LOCK_MS = 200
/**
 * For a table that is in use, as by a training that reads for minutes: whoever comes after a migration that waits for it
 * waits too, so it steps back and tries again.
 */
const TABLE_WAIT_MS = 1000
const TABLE_TRIES = 300
const LOCK_NOT_AVAILABLE = '55P03'

/** Value of `attune.tenant` that lets the queue and the operator's lists see all tenants. Not a valid tenant id. */
const EVERY_TENANT = '*'

/** Migrations in the order in which they run. */
type Migrations = (new () => MigrationInterface)[]

/** What one unit of work runs SQL with. */
export interface Sql {
  /** The rows, of any statement with RETURNING too. */
  query<T = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>
  /** How many rows were changed. */
  execute(text: string, values?: unknown[]): Promise<number>
}

/** Where the database comes from, opened before the application and closed after it. */
export interface DatabaseHandle {
  dataSource: DataSource
  embedded?: EmbeddedPostgres
  /** From here on a connection that breaks is no news. */
  closing: boolean
}

/**
 * Connects to `DATABASE_URL` or starts the embedded server, runs the migrations under an advisory lock (whoever comes
 * first does; the others wait), and opens the service's pool as the role that row-level security binds.
 */
export async function openDatabase(config: Config, logger: Logger, migrations: Migrations): Promise<DatabaseHandle> {
  const embedded = config.database.url
    ? undefined
    : await startEmbeddedPostgres({ directory: join(config.dataDir, 'postgres'), logger })
  try {
    const url = config.database.url ?? embedded?.url ?? ''
    await migrate(url, migrations, logger)
    const state = { closing: false }
    const dataSource = new DataSource({
      type: 'postgres',
      url,
      poolSize: config.database.poolSize,
      synchronize: false,
      entities: [],
      connectTimeoutMS: 5000,
      extra: {
        options: `-c role=${SERVICE_ROLE}`,
        idle_in_transaction_session_timeout: 60_000,
        statement_timeout: 120_000,
        // The pool listens only to those that lie idle, and whoever takes one only a moment later: a server that ends
        // a connection in between would end the process.
        onConnect: (client: pg.Client) => void client.on('error', () => undefined),
      },
      poolErrorHandler: (error: unknown) => {
        // Whose request made the connection once says nothing.
        if (!state.closing) detached(() => logger.warn({ err: error }, 'a database connection broke'))
      },
    })
    await dataSource.initialize()
    return Object.assign(state, { dataSource, embedded })
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

async function migrate(url: string, migrations: Migrations, logger: Logger) {
  const lock = new pg.Client({ connectionString: url })
  // A connection that dies fails the query that waits on it; without a listener it would end the process too.
  lock.on('error', (error) => logger.warn({ err: error }, 'the connection that guards the migrations broke'))
  await lock.connect()
  try {
    // Asked again and again: a statement that waits counts as a reader, and an index that is made beside the work waits for
    // every reader.
    while (!(await isLocked(lock))) await sleep(LOOK_FOR_LOCK_MS)
    const owner = new DataSource({
      type: 'postgres',
      url,
      migrations,
      migrationsTableName: 'migrations',
      poolSize: 2,
      extra: { options: `-c lock_timeout=${TABLE_WAIT_MS}` },
    })
    await owner.initialize()
    try {
      await runMigrations(owner, logger)
    } finally {
      await owner.destroy()
    }
  } finally {
    await lock.end()
  }
}

async function isLocked(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
    MIGRATION_LOCK,
  ])
  return rows[0].locked
}

async function runMigrations(owner: DataSource, logger: Logger): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const done = await owner.runMigrations({ transaction: 'each' })
      if (done.length > 0) logger.info({ migrations: done.map((m) => m.name) }, 'database migrated')
      return
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE || attempt === TABLE_TRIES) throw error
      logger.warn({ attempt }, 'a migration waits for a table that is in use')
      await sleep(TABLE_WAIT_MS)
    }
  }
}

export const DATABASE_HANDLE = Symbol('database handle')

/** All access to the database. Every statement runs in a transaction that names its tenant: row-level security holds it to that. */
@Injectable()
export class Database implements OnApplicationShutdown {
  private readonly metrics

  constructor(
    @Inject(DATABASE_HANDLE) private readonly handle: DatabaseHandle,
    @Inject(Metrics) metrics: Metrics,
    @Inject(Tracing) private readonly tracing: Tracing,
  ) {
    this.metrics = new DatabaseMetrics(metrics, handle.dataSource)
  }

  /** Runs `work` in one transaction that sees and writes only this tenant's rows. */
  inTenant<T>(tenantId: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.transaction(tenantId, work)
  }

  /** One transaction over all tenants: for the run queue, retention and the operator's lists only. */
  asSystem<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.transaction(EVERY_TENANT, work)
  }

  /** One statement of one tenant. */
  query<T = Record<string, unknown>>(tenantId: string, text: string, values?: unknown[]): Promise<T[]> {
    return this.inTenant(tenantId, (sql) => sql.query<T>(text, values))
  }

  /** Whether the database answers. */
  async ping(): Promise<void> {
    await this.handle.dataSource.query('SELECT 1')
  }

  /**
   * A connection of its own with `LISTEN` on a channel; calls back with each payload, and reconnects by itself.
   * Notifications only speed things up: whoever listens polls too.
   */
  listen(channel: string, onPayload: (payload: string) => void): { stop: () => Promise<void> } {
    let client: pg.Client | undefined
    let stopped = false
    const connect = async () => {
      if (stopped) return
      const { url } = this.handle.dataSource.options as { url: string }
      client = new pg.Client({ connectionString: url, options: `-c role=${SERVICE_ROLE}` })
      client.on('notification', (message) => onPayload(message.payload ?? ''))
      client.on('error', () => void client?.end().catch(() => undefined))
      client.on('end', () => setTimeout(() => void connect(), 1000).unref())
      await client
        .connect()
        .then(() => client?.query(`LISTEN ${channel}`))
        // Its end brings the next try.
        .catch(() => client?.end().catch(() => undefined))
    }
    void connect()
    return {
      stop: async () => {
        stopped = true
        await client?.end().catch(() => undefined)
      },
    }
  }

  private async transaction<T>(tenant: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    const runner = this.handle.dataSource.createQueryRunner()
    const run = (text: string, values?: unknown[]) =>
      // The structured result: TypeORM's plain one has another shape for UPDATE and DELETE than for the rest.
      this.traced(text, () => this.metrics.timed(text, () => runner.query(text, values, true)))
    try {
      await this.metrics.waited(() => runner.connect())
      // In one message: this opens every request's work, and each trip to the database counts there.
      await runner.query(`BEGIN; SELECT set_config('attune.tenant', ${pg.escapeLiteral(tenant)}, true)`)
      const result = await work({
        query: async <R>(text: string, values?: unknown[]) => (await run(text, values)).records as R[],
        execute: async (text, values) => (await run(text, values)).affected ?? 0,
      })
      await runner.query('COMMIT')
      return result
    } catch (error) {
      this.metrics.failed(error)
      // Where the connection is gone there is nothing to roll back, and the first error is the one to tell.
      await runner.query('ROLLBACK').catch(() => undefined)
      throw error
    } finally {
      await runner.release()
    }
  }

  /** Without the text of the statement, where some of it is put together, and without its values. */
  private traced<T>(text: string, work: () => Promise<T>): Promise<T> {
    if (!this.tracing.isOn) return work()
    const { operation, table } = summaryOf(text)
    // A large tenant's rows come in thousands of pages: whoever reads them has a span for all of it.
    if (operation === 'FETCH') return work()
    const summary = table ? `${operation} ${table}` : operation
    const attributes = {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      'db.query.summary': summary,
      ...(table && { 'db.collection.name': table }),
    }
    return this.tracing.inner(summary, { kind: 'client', attributes }, work)
  }

  async onApplicationShutdown() {
    this.handle.closing = true
    await this.handle.dataSource.destroy()
    await this.handle.embedded?.stop()
  }
}
