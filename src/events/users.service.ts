import { randomUUID } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { Database, type Reads, type Sql } from '../platform/database.js'
import { AppError, notFound } from '../platform/errors.js'
import type { Caller } from '../platform/http.js'
import { AuditService } from '../tenants/audit.service.js'
import { PERSONAL_TABLES, type PersonalTable, userHash } from './personal-data.js'

export interface Erasure {
  id: string
  state: string
  requestedAt: Date
  finishedAt: Date | null
  /** From when on no instance has anything of the user in memory; null: not yet. */
  cachesDroppedAt: Date | null
  /** Rows by table. */
  removed: Record<string, number>
  /** The first model version that neither saw the user's events nor was fine-tuned from one that did; null: none yet. */
  firstModelVersionWithout: string | null
}

/** Told to every instance when a user is erased; the payload is `{ tenantId, userId }` as JSON. */
export const ERASURES_CHANNEL = 'attune_erasures'

const Erased = z.object({ tenantId: z.string(), userId: z.string() })

/** What a notification on `ERASURES_CHANNEL` says; null where it can't be read: anybody on the database may send one. */
export function readErased(payload: string): z.infer<typeof Erased> | null {
  try {
    return Erased.parse(JSON.parse(payload))
  } catch {
    return null
  }
}

/** No instance answers from a model that knows a user for longer than this after his erasure. */
export const FORGOTTEN_WITHIN_MS = 60_000

const EXPORT_PAGE = 1000
/** Columns that are this service's own bookkeeping. */
const INTERNAL = ['tenant_id', 'arrival', 'written_in', 'unit', 'user_group']

/** The rows of one user, in every table that has some: erased, moved to another user, or handed out. */
@Injectable()
export class UsersService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  /**
   * Removes every row of a user in one transaction, and keeps a proof that holds the user's id only as a hash. A user
   * without rows is erased too: there may be some in models that were trained before.
   */
  async erase(tenantId: string, userId: string, caller: Caller): Promise<{ id: string; state: string }> {
    const id = randomUUID()
    await this.database.inTenant(tenantId, async (sql) => {
      const removed = await inEachTable((table) =>
        sql.execute(`DELETE FROM ${table.name} WHERE tenant_id = $1 AND user_id = $2`, [tenantId, userId]),
      )
      await sql.execute(
        `INSERT INTO erasures (tenant_id, erasure_id, user_hash, state, finished_at, removed)
         VALUES ($1, $2, $3, 'done', clock_timestamp(), $4)`,
        [tenantId, id, userHash(tenantId, userId), JSON.stringify(removed)],
      )
      await this.audit.record(sql, tenantId, caller, 'user.erase', id, { removed })
      await sql.query('SELECT pg_notify($1, $2)', [ERASURES_CHANNEL, JSON.stringify({ tenantId, userId })])
    })
    return { id, state: 'done' }
  }

  /** @throws AppError NOT_FOUND */
  async erasure(tenantId: string, id: string): Promise<Erasure> {
    const [row] = await this.database.query<Erasure>(
      tenantId,
      // A version's own run has to have read its data after the erasure, and so has that of each version before it.
      `WITH RECURSIVE erasure AS (SELECT * FROM erasures WHERE tenant_id = $1 AND erasure_id = $2),
       without AS (
         SELECT v.version_id, v.parent_id, v.created_at FROM erasure e
         JOIN training_runs r ON r.tenant_id = $1 AND pg_visible_in_snapshot(e.done_in, r.data_snapshot::pg_snapshot)
         JOIN model_versions v ON v.tenant_id = $1 AND v.run_id = r.run_id
       ),
       clean AS (
         SELECT version_id, created_at FROM without WHERE parent_id IS NULL
         UNION
         SELECT w.version_id, w.created_at FROM without w JOIN clean c ON c.version_id = w.parent_id
       )
       SELECT erasure_id AS id, state, requested_at AS "requestedAt", finished_at AS "finishedAt", removed,
         CASE WHEN clock_timestamp() >= finished_at + $3 * interval '1 ms' THEN finished_at + $3 * interval '1 ms' END
           AS "cachesDroppedAt",
         (SELECT version_id FROM clean ORDER BY created_at LIMIT 1) AS "firstModelVersionWithout"
       FROM erasure`,
      [tenantId, id, FORGOTTEN_WITHIN_MS],
    )
    if (!row) throw notFound('erasure', id)
    return row
  }

  /**
   * This moment, for `erasedSince`: a `pg_snapshot`. That of a replica says where open transactions begin and not which
   * they are: from there on none counts as seen.
   */
  async moment(tenantId: string, reads: Reads = this.database): Promise<string> {
    const [{ moment }] = await reads.query<{ moment: string }>(
      tenantId,
      `SELECT CASE WHEN pg_is_in_recovery() THEN first || ':' || first || ':' ELSE snapshot::text END AS moment
       FROM (SELECT snapshot, pg_snapshot_xmin(snapshot)::text AS first FROM pg_current_snapshot() AS snapshot) s`,
    )
    return moment
  }

  /**
   * Which of these read what was erased since: a read that began at `moment` may have seen users who are gone now.
   * @returns for each read, how long ago the first such erasure was, milliseconds; null: there was none
   */
  async erasedSince(reads: { tenantId: string; moment: string }[]): Promise<(number | null)[]> {
    if (reads.length === 0) return []
    const rows = await this.database.asSystem((sql) =>
      sql.query<{ read: number; ago: number }>(
        `SELECT r.number::int AS read,
           (1000 * extract(epoch FROM clock_timestamp() - min(e.finished_at)))::double precision AS ago
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r (tenant_id, moment, number)
         JOIN erasures e ON e.tenant_id = r.tenant_id AND NOT pg_visible_in_snapshot(e.done_in, r.moment::pg_snapshot)
         GROUP BY r.number`,
        [reads.map(({ tenantId }) => tenantId), reads.map(({ moment }) => moment)],
      ),
    )
    const ago = new Map(rows.map((row) => [row.read, row.ago]))
    return reads.map((_, i) => ago.get(i + 1) ?? null)
  }

  /**
   * Moves every row of a user to another, as when a visitor signs in. What comes later under the old id stays there.
   * @returns rows by table
   * @throws AppError SAME_USER (422)
   */
  async merge(tenantId: string, userId: string, into: string, caller: Caller): Promise<Record<string, number>> {
    if (userId === into)
      throw new AppError('SAME_USER', 'A user can not be merged into itself.', { status: 422, retryable: false })
    return this.database.inTenant(tenantId, async (sql) => {
      const moved = await inEachTable((table) =>
        sql.execute(`UPDATE ${table.name} SET user_id = $3 WHERE tenant_id = $1 AND user_id = $2`, [
          tenantId,
          userId,
          into,
        ]),
      )
      const [from, to] = [userId, into].map((id) => userHash(tenantId, id).toString('hex'))
      // The log outlives an erasure: it knows users by their hash only.
      await this.audit.record(sql, tenantId, caller, 'user.merge', `sha256:${to}`, { from: `sha256:${from}`, moved })
      return moved
    })
  }

  /** Everything that is kept of a user, one JSON object a line, at constant memory. */
  async *export(tenantId: string, userId: string): AsyncGenerator<string> {
    for (const table of PERSONAL_TABLES) {
      let after: ExportedRow | undefined
      for (;;) {
        // A page a transaction: the pace is the client's, and a slow one must not hold a connection.
        const position = after
        const rows = await this.database.inTenant(tenantId, (sql) => readRows(sql, table, tenantId, userId, position))
        if (rows.length > 0) yield rows.map(({ row }) => `${JSON.stringify(exported(table, row))}\n`).join('')
        if (rows.length < EXPORT_PAGE) break
        after = rows[rows.length - 1]
      }
    }
  }
}

interface ExportedRow {
  row: Record<string, unknown>
  at: string
  key: string
}

function readRows(sql: Sql, table: PersonalTable, tenantId: string, userId: string, after: ExportedRow | undefined) {
  return sql.query<ExportedRow>(
    `SELECT to_jsonb(r) - $5::text[] AS row, ${table.at}::text AS at, ${table.key} AS key FROM ${table.name} r
     WHERE tenant_id = $1 AND user_id = $2
       AND ($3::timestamptz IS NULL OR (${table.at}, ${table.key}) > ($3::timestamptz, $4::text))
     ORDER BY ${table.at}, ${table.key} LIMIT ${EXPORT_PAGE}`,
    [tenantId, userId, after?.at ?? null, after?.key ?? null, INTERNAL],
  )
}

function exported(table: PersonalTable, row: Record<string, unknown>) {
  const told = Object.entries(row).filter(([, value]) => value !== null)
  const camel = (name: string) => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  // `kind` says what the row is; a column of that name is told as `recommendationKind`.
  const nameOf = (column: string) => camel(column === 'kind' ? `${table.kind}_kind` : column)
  return { kind: table.kind, ...Object.fromEntries(told.map(([column, value]) => [nameOf(column), value])) }
}

async function inEachTable(work: (table: PersonalTable) => Promise<number>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of PERSONAL_TABLES) counts[table.name] = await work(table)
  return counts
}
