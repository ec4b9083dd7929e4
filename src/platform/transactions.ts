import pg from 'pg'
import type { DataSource } from 'typeorm'
import { type DatabaseMetrics, summaryOf } from './database-metrics.js'
import type { Tracing } from './tracing.js'

/** The role that every transaction of the service takes on: row-level security binds it (the migrations make it). */
export const SERVICE_ROLE = 'attune_service'

/** Longer than anything takes that is meant to end: what is past this holds rows that others wait for. */
const STATEMENT_TIMEOUT = '120s'
const IDLE_TIMEOUT = '60s'

/** What one unit of work runs SQL with. */
export interface Sql {
  /** The rows, of any statement with RETURNING too. */
  query<T = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>
  /** How many rows were changed. */
  execute(text: string, values?: unknown[]): Promise<number>
}

/**
 * Units of work on a pool of connections. All that a transaction needs of its connection it says itself and for itself:
 * behind a pooler in transaction mode (PgBouncer) the next one may come by another connection, and this one goes to
 * somebody else.
 */
export class Transactions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly metrics: DatabaseMetrics,
    private readonly tracing: Tracing,
  ) {}

  /** @param tenant what row-level security holds the work to */
  async run<T>(
    tenant: string,
    work: (sql: Sql) => Promise<T>,
    access: 'READ WRITE' | 'READ ONLY' = 'READ WRITE',
  ): Promise<T> {
    const runner = this.dataSource.createQueryRunner()
    const run = (text: string, values?: unknown[]) =>
      // The structured result: TypeORM's plain one has another shape for UPDATE and DELETE than for the rest.
      this.traced(text, () => this.metrics.timed(text, () => runner.query(text, values, true)))
    try {
      await this.metrics.waited(() => runner.connect())
      await runner.query(opening(tenant, access))
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
}

/**
 * In one message: this opens every request's work, and each trip to the database counts there. By SET LOCAL, which Citus
 * hands on to its workers (`citus.propagate_set_commands = 'local'`), and not by set_config(), of which it knows nothing.
 */
const opening = (tenant: string, access: string) =>
  [
    `BEGIN ${access}`,
    `SET LOCAL ROLE ${SERVICE_ROLE}`,
    `SET LOCAL statement_timeout = '${STATEMENT_TIMEOUT}'`,
    `SET LOCAL idle_in_transaction_session_timeout = '${IDLE_TIMEOUT}'`,
    `SET LOCAL attune.tenant = ${pg.escapeLiteral(tenant)}`,
  ].join('; ')
