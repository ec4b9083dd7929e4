import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { DataSource, type MigrationInterface } from 'typeorm'
import pg from 'pg'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from './config.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js'
import { DatabaseMetrics } from './database-metrics.js'
import { isPassing } from './errors.js'
import { sqlState } from './halving.js'
import type { Logger } from './logger.js'
import { Metrics } from './metrics.js'
import { Notifications } from './notifications.js'
import { Replica } from './replica.js'
import { Tracing } from './tracing.js'
import { type Sql, Transactions } from './transactions.js'
import { detached } from './work-context.js'

export type { Sql } from './transactions.js'

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

/** Where the database comes from, opened before the application and closed after it. */
export interface DatabaseHandle {
  dataSource: DataSource
  /** The server itself, where the pool goes by a pooler: for LISTEN. */
  directUrl: string
  replica?: Replica
  embedded?: EmbeddedPostgres
  /** From here on a connection that breaks is no news. */
  closing: boolean
}

/**
 * Connects to `DATABASE_URL` or starts the embedded server, runs the migrations under an advisory lock (whoever comes
 * first does; the others wait), and opens the service's pool. Migrations go by `DATABASE_DIRECT_URL` where it is set.
 */
export async function openDatabase(config: Config, logger: Logger, migrations: Migrations): Promise<DatabaseHandle> {
  const embedded = config.database.url
    ? undefined
    : await startEmbeddedPostgres({ directory: join(config.dataDir, 'postgres'), logger })
  try {
    const url = config.database.url ?? embedded?.url ?? ''
    const directUrl = config.database.directUrl ?? url
    await migrate(directUrl, migrations, logger)
    const state = { closing: false }
    const broke = (error: unknown) => {
      // Whose request made the connection once says nothing.
      if (!state.closing) detached(() => logger.warn({ err: error }, 'a database connection broke'))
    }
    const dataSource = await poolOf(url, config, broke).initialize()
    const { readUrl } = config.database
    // Whether it can be reached now or later: it is not needed.
    const replica = readUrl ? new Replica(dataSource, poolOf(readUrl, config, broke), logger).start() : undefined
    return Object.assign(state, { dataSource, directUrl, replica, embedded })
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

export async function closeDatabase(handle: DatabaseHandle): Promise<void> {
  handle.closing = true
  await handle.replica?.stop()
  await handle.dataSource.destroy()
  await handle.embedded?.stop()
}

const poolOf = (url: string, { database: { poolSize } }: Config, broke: (error: unknown) => void) =>
  new DataSource({
    type: 'postgres',
    url,
    poolSize,
    synchronize: false,
    entities: [],
    connectTimeoutMS: 5000,
    extra: {
      // The pool listens only to those that lie idle, and whoever takes one only a moment later: a server that ends a
      // connection in between would end the process.
      onConnect: (client: pg.Client) => void client.on('error', () => undefined),
    },
    poolErrorHandler: broke,
  })

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

/** Units of work that only read. */
export type Reads = Pick<Database, 'inTenant' | 'asSystem' | 'query'>

/** All access to the database. Every statement runs in a transaction that names its tenant: row-level security holds it to that. */
@Injectable()
export class Database implements OnApplicationShutdown {
  private readonly transactions: Transactions
  private readonly notifications: Notifications
  private readonly ofReplica?: Reads

  /**
   * For figures and lists that may show how things were some seconds ago (`MOST_LAG_MS`): asks the read replica where
   * there is one and it is current, else the primary. Nothing can be written; work may be begun twice, where the replica
   * fails in its midst. Whoever has just written, and whoever decides by what it reads, asks the primary.
   */
  readonly lagging: Reads

  constructor(
    @Inject(DATABASE_HANDLE) private readonly handle: DatabaseHandle,
    @Inject(Metrics) metrics: Metrics,
    @Inject(Tracing) tracing: Tracing,
  ) {
    const { dataSource, directUrl, replica } = handle
    const figures = new DatabaseMetrics(metrics, dataSource, replica)
    this.transactions = new Transactions(dataSource, figures, tracing)
    this.notifications = new Notifications(directUrl)
    const copies = replica && new Transactions(replica.dataSource, figures, tracing)
    this.ofReplica = copies && readsBy((tenant, work) => copies.run(tenant, work, 'READ ONLY'))
    this.lagging = readsBy(async (tenant, work) => {
      if (copies && replica?.isFresh)
        try {
          return await copies.run(tenant, work, 'READ ONLY')
        } catch (error) {
          if (!isPassing(error)) throw error
          replica.failed(error)
        }
      return this.transactions.run(tenant, work, 'READ ONLY')
    })
  }

  /** Runs `work` in one transaction that sees and writes only this tenant's rows. */
  inTenant<T>(tenantId: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.transactions.run(tenantId, work)
  }

  /** One transaction over all tenants: for the run queue, retention and the operator's lists only. */
  asSystem<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.transactions.run(EVERY_TENANT, work)
  }

  /** One statement of one tenant. */
  query<T = Record<string, unknown>>(tenantId: string, text: string, values?: unknown[]): Promise<T[]> {
    return this.inTenant(tenantId, (sql) => sql.query<T>(text, values))
  }

  /** The read replica, for work that goes on from there on the primary; null where there is none that is current. */
  replica(): Reads | null {
    return (this.handle.replica?.isFresh && this.ofReplica) || null
  }

  /** Whether the database answers. */
  async ping(): Promise<void> {
    await this.handle.dataSource.query('SELECT 1')
  }

  /**
   * Calls back with the payload of each NOTIFY on a channel. Notifications only speed things up, and some are missed
   * while a connection breaks: whoever listens polls too.
   */
  listen(channel: string, onPayload: (payload: string) => void): { stop: () => Promise<void> } {
    return this.notifications.listen(channel, onPayload)
  }

  async onApplicationShutdown() {
    await closeDatabase(this.handle)
  }
}

function readsBy(run: <T>(tenant: string, work: (sql: Sql) => Promise<T>) => Promise<T>): Reads {
  return {
    inTenant: run,
    asSystem: (work) => run(EVERY_TENANT, work),
    query: (tenantId, text, values) => run(tenantId, (sql) => sql.query(text, values)),
  }
}
