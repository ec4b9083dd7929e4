import type { Sql } from '../platform/database.js'

/**
 * Where the last `historyDays` of a tenant begin, counted back from its newest event: a history that was imported counts
 * whole, however long ago it happened.
 */
export async function historyStart(sql: Sql, tenantId: string, historyDays: number): Promise<Date> {
  const [{ start }] = await sql.query<{ start: Date }>(
    `SELECT coalesce(max(occurred_at), now()) - make_interval(days => $2) AS start FROM events WHERE tenant_id = $1`,
    [tenantId, historyDays],
  )
  return start
}

/**
 * Since when a tenant's newest `most` events happened, and how many after `since` are older; null where there are no
 * more than that.
 */
export async function newestSince(
  sql: Sql,
  tenantId: string,
  since: Date,
  most: number,
): Promise<{ since: Date; leftOut: number } | null> {
  const [first] = await sql.query<{ at: Date }>(
    `SELECT occurred_at AS at FROM events WHERE tenant_id = $1 AND occurred_at >= $2
     ORDER BY occurred_at DESC OFFSET $3 LIMIT 1`,
    [tenantId, since, most - 1],
  )
  if (!first) return null
  const [{ count }] = await sql.query<{ count: number }>(
    `SELECT count(*)::double precision AS count FROM events
     WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at < $3`,
    [tenantId, since, first.at],
  )
  return { since: first.at, leftOut: count }
}

/** Events that happened before a moment: of many the index alone is read. */
export async function eventsBefore(sql: Sql, tenantId: string, moment: Date): Promise<number> {
  const [{ count }] = await sql.query<{ count: number }>(
    'SELECT count(*)::double precision AS count FROM events WHERE tenant_id = $1 AND occurred_at < $2',
    [tenantId, moment],
  )
  return count
}

/**
 * Whether there is enough behaviour to learn from. Counts stop at what is asked for: a tenant with a hundred million
 * events is answered as fast as one with a thousand.
 * @param need how far to count each
 */
export async function behaviourSince(
  sql: Sql,
  tenantId: string,
  since: Date,
  need: { events: number; usersWithHistory: number },
): Promise<{ events: number; usersWithHistory: number }> {
  const [row] = await sql.query<{ events: number; usersWithHistory: number }>(
    `SELECT
       (SELECT count(*)::int FROM (SELECT 1 FROM events e WHERE e.tenant_id = $1 AND e.occurred_at >= $2
          AND EXISTS (SELECT FROM items i WHERE i.tenant_id = $1 AND i.item_id = e.item_id AND i.deleted_at IS NULL)
          LIMIT $3) some_rows) AS events,
       (SELECT count(*)::int FROM (SELECT 1 FROM events e WHERE e.tenant_id = $1 AND e.occurred_at >= $2
          GROUP BY e.user_id HAVING min(e.occurred_at) < max(e.occurred_at) LIMIT $4) some_users) AS "usersWithHistory"`,
    [tenantId, since, need.events, need.usersWithHistory],
  )
  return row
}

/**
 * Events that a snapshot (`pg_current_snapshot()::text` of an earlier reader) did not show, counted up to `most`; all
 * of them where there is no snapshot.
 */
export async function eventsPast(sql: Sql, tenantId: string, snapshot: string | null, most: number): Promise<number> {
  const [{ count }] = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM (SELECT 1 FROM events WHERE tenant_id = $1
       AND ($2::pg_snapshot IS NULL
         OR (written_in >= pg_snapshot_xmin($2::pg_snapshot) AND NOT pg_visible_in_snapshot(written_in, $2::pg_snapshot)))
       LIMIT $3) some_rows`,
    [tenantId, snapshot, most],
  )
  return count
}

/** Erasures finished since a moment: what was trained before still knows those users. */
export async function erasuresSince(sql: Sql, tenantId: string, since: Date): Promise<number> {
  const [{ count }] = await sql.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM erasures WHERE tenant_id = $1 AND finished_at >= $2',
    [tenantId, since],
  )
  return count
}

/** What a training run over a tenant's events would read. */
export interface BehaviourSize {
  events: number
  /** Users with events at two moments or more. */
  usersWithHistory: number
  /** Events of users who have 50 and more of them. */
  longEvents: number
}

/** The size of a tenant's behaviour since a moment, whole: one pass over those events. */
export async function behaviourSize(sql: Sql, tenantId: string, since: Date): Promise<BehaviourSize> {
  const [size] = await sql.query<BehaviourSize>(
    `SELECT coalesce(sum(events), 0)::double precision AS events,
       count(*) FILTER (WHERE first < last)::double precision AS "usersWithHistory",
       coalesce(sum(events) FILTER (WHERE events >= 50), 0)::double precision AS "longEvents"
     FROM (SELECT count(*) AS events, min(occurred_at) AS first, max(occurred_at) AS last
       FROM events WHERE tenant_id = $1 AND occurred_at >= $2 GROUP BY user_id) users`,
    [tenantId, since],
  )
  return size
}
