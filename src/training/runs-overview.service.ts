import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { NEEDED, type Shortage, shortages } from './readiness.js'
import type { Outcome, Run, RunState } from './run.js'

export interface RunOutline {
  id: string
  state: RunState
  outcome: Outcome | null
  /** Why it was asked for. */
  reason: string | null
  /** What came of it or what it is at, in words. */
  detail: string | null
  progress: number | null
  error: Run['error']
  versionId: string | null
  servedAt: Date | null
  createdAt: Date
  finishedAt: Date | null
}

/** What is known of a tenant's runs, in short. */
export interface RunsOutline {
  tenantId: string
  last: RunOutline | null
  /** Runs that failed since the last one that did not, counted up to five; cancelled ones do not count. */
  failedInARow: number
}

const MOST_COUNTED = 5

/**
 * Their newest runs, newest first: found by the index alone, tenant by tenant. What row-level security adds to a statement
 * makes the planner expect next to no rows; left to itself it reads all of them to sort them.
 */
const NEWEST = `
  SELECT t.id AS "tenantId", r.* FROM unnest($1::text[]) AS t (id)
  CROSS JOIN LATERAL (
    SELECT r.run_id AS id, r.state, r.outcome, r.reason, r.status ->> 'detail' AS detail,
      (r.status ->> 'progress')::float8 AS progress, r.error, r.version_id AS "versionId",
      (SELECT min(promoted_at) FROM promotions p WHERE p.tenant_id = t.id AND p.version_id = r.version_id) AS "servedAt",
      r.created_at AS "createdAt",
      r.finished_at AS "finishedAt"
    FROM (SELECT run_id FROM training_runs WHERE tenant_id = t.id
      ORDER BY created_at DESC, run_id LIMIT ${MOST_COUNTED}) ids
    JOIN training_runs r ON r.tenant_id = t.id AND r.run_id = ids.run_id
    ORDER BY r.created_at DESC, r.run_id OFFSET 0) r`

/** As `behaviourSince` and `itemsUpTo` count for one tenant: no further than what is needed. */
const FACTS = `
  SELECT t.id AS "tenantId",
    (SELECT count(*)::int FROM (SELECT 1 FROM items WHERE tenant_id = t.id AND deleted_at IS NULL LIMIT $3) some_items)
      AS items,
    (SELECT count(*)::int FROM (SELECT 1 FROM events e WHERE e.tenant_id = t.id AND e.occurred_at >= s.since
       AND EXISTS (SELECT FROM items i WHERE i.tenant_id = t.id AND i.item_id = e.item_id AND i.deleted_at IS NULL)
       LIMIT $4) some_rows) AS events,
    (SELECT count(*)::int FROM (SELECT 1 FROM events e WHERE e.tenant_id = t.id AND e.occurred_at >= s.since
       GROUP BY e.user_id HAVING min(e.occurred_at) < max(e.occurred_at) LIMIT $5) some_users) AS "usersWithHistory"
  FROM unnest($1::text[], $2::int[]) AS t (id, history_days)
  CROSS JOIN LATERAL (SELECT max(occurred_at) - make_interval(days => t.history_days) AS since FROM events
    WHERE tenant_id = t.id) s`

/** What a tenant lacks does not come in a moment: its events are read anew no more often. */
const MISSING_MS = 10_000

/** The runs of many tenants at once. */
@Injectable()
export class RunsOverview {
  private readonly known = new Map<string, { missing: Shortage[]; until: number }>()

  constructor(@Inject(Database) private readonly database: Database) {}

  /** Each of the tenants is told. */
  async of(tenantIds: string[]): Promise<Map<string, RunsOutline>> {
    const rows = await this.database.lagging.asSystem((sql) =>
      sql.query<RunOutline & { tenantId: string }>(NEWEST, [tenantIds]),
    )
    const newest = new Map<string, RunOutline[]>(tenantIds.map((id) => [id, []]))
    for (const { tenantId, ...run } of rows) newest.get(tenantId)?.push(run)
    return new Map([...newest].map(([tenantId, runs]) => [tenantId, { tenantId, ...outline(runs) }]))
  }

  /** What each of the tenants lacks before a first run, as of some seconds ago at most. */
  async missing(tenants: { id: string; historyDays: number }[]): Promise<Map<string, Shortage[]>> {
    const now = Date.now()
    const asked = tenants.filter(({ id }) => (this.known.get(id)?.until ?? 0) <= now)
    if (asked.length > 0) {
      const need = [NEEDED.items.need, NEEDED.events.need, NEEDED.usersWithHistory.need]
      const rows = await this.database.lagging.asSystem((sql) =>
        sql.query<{ tenantId: string; items: number; events: number; usersWithHistory: number }>(FACTS, [
          asked.map(({ id }) => id),
          asked.map(({ historyDays }) => historyDays),
          ...need,
        ]),
      )
      if (this.known.size > 100_000) this.known.clear()
      for (const { tenantId, ...facts } of rows)
        this.known.set(tenantId, { missing: shortages(facts), until: now + MISSING_MS })
    }
    return new Map(tenants.map(({ id }) => [id, this.known.get(id)?.missing ?? []]))
  }
}

/** @param runs newest first */
function outline(runs: RunOutline[]): Pick<RunsOutline, 'last' | 'failedInARow'> {
  const ended = runs.filter(({ outcome }) => outcome !== null && outcome !== 'cancelled' && outcome !== 'nothing-new')
  const success = ended.findIndex(({ outcome }) => outcome !== 'failed')
  return { last: runs.at(0) ?? null, failedInARow: success < 0 ? ended.length : success }
}
