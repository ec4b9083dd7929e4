import type pg from 'pg'
import type { DataSource } from 'typeorm'
import { AppError, isPassing } from './errors.js'
import { sqlState } from './halving.js'
import type { Metrics } from './metrics.js'
import type { Replica } from './replica.js'

/** Seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30]
const OPERATIONS = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'WITH', 'DECLARE', 'FETCH', 'CLOSE'])

/** How the pool of connections is used, how long statements take, and what goes wrong with them. */
export class DatabaseMetrics {
  private readonly wait
  private readonly seconds
  private readonly errors

  constructor(metrics: Metrics, dataSource: DataSource, replica?: Replica) {
    const pool = (): pg.Pool => (dataSource.driver as unknown as { master: pg.Pool }).master
    metrics.gauge('attune_database_connections', 'Connections of the pool, by state', ['state'], (gauge) => {
      const { totalCount, idleCount } = pool()
      gauge.set({ state: 'used' }, totalCount - idleCount)
      gauge.set({ state: 'idle' }, idleCount)
    })
    metrics.gauge(
      'attune_database_connections_max',
      'Connections that the pool may have: DATABASE_POOL_SIZE',
      [],
      (gauge) => gauge.set(pool().options.max),
    )
    metrics.gauge('attune_database_waiting', 'Units of work that wait for a connection', [], (gauge) =>
      gauge.set(pool().waitingCount),
    )
    metrics.gauge(
      'attune_database_replica_lag_seconds',
      'How old what the read replica shows may be, at most; above 5 the primary is asked instead, +Inf: it is away. Only with DATABASE_READ_URL',
      [],
      (gauge) => (replica ? gauge.set(replica.lag / 1000) : gauge.remove()),
    )
    this.wait = metrics.histogram('attune_database_wait_seconds', 'Waiting for a connection of the pool', [], BUCKETS)
    this.seconds = metrics.histogram(
      'attune_database_query_seconds',
      'Statements, by what they begin with',
      ['operation'],
      BUCKETS,
    )
    this.errors = metrics.counter(
      'attune_database_errors_total',
      'Transactions that failed in the database, by class of SQLSTATE (its first two characters), or `connection`',
      ['class'],
    )
  }

  waited<T>(connect: () => Promise<T>): Promise<T> {
    const end = this.wait.startTimer()
    return connect().finally(end)
  }

  timed<T>(statement: string, run: () => Promise<T>): Promise<T> {
    const end = this.seconds.startTimer({ operation: operationOf(statement) })
    return run().finally(end)
  }

  /** Counts an error where it is one of the database. */
  failed(error: unknown): void {
    if (error instanceof AppError) return
    const state = sqlState(error)
    // With a digit: EPIPE is none.
    if (/^(?=.*\d)[0-9A-Z]{5}$/.test(state)) this.errors.inc({ class: state.slice(0, 2) })
    else if (isPassing(error)) this.errors.inc({ class: 'connection' })
  }
}

/** What a statement begins with, as a value with few possibilities. */
function operationOf(statement: string): string {
  const word = /^[\s(]*(\w+)/.exec(statement)?.[1].toUpperCase() ?? ''
  return OPERATIONS.has(word) ? word : 'other'
}

/** The gist of a statement: what it does first, and the first table that it names. */
export function summaryOf(statement: string): { operation: string; table?: string } {
  const table = /\b(?:FROM|INTO|UPDATE|JOIN)\s+([a-z_][a-z0-9_]*)\b(?![.(])/.exec(statement)?.[1]
  return { operation: operationOf(statement), ...(table && { table }) }
}
