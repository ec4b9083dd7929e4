import { cursorMoment } from '../platform/schema.js'
import type { Sql } from '../platform/database.js'

/** A user, as his newest event tells of him. */
export interface ActiveUser {
  userId: string
  lastEventAt: Date
  lastType: string
  lastItemId: string
}

/** Where a list by activity goes on: after this event, towards older ones. */
export interface ActivityPosition {
  at: string
  arrival: string
}

/** Events looked at for one page: a robot may have made all of the newest. */
const SCANNED = 5000
/** Ids looked at for one page by prefix. */
const STEPS = 2000
/** Sorts behind every character that an id is likely to go on with. */
const LAST_CHARACTER = String.fromCodePoint(0x10ffff)

/**
 * Who did something last, newest first. Reads a bounded number of events, so that a page may be short, or empty, and the
 * list still go on.
 * @param after events at or after this position were told of by earlier pages
 */
export async function readActiveUsers(
  sql: Sql,
  tenantId: string,
  after: ActivityPosition | null,
  limit: number,
): Promise<{ users: ActiveUser[]; next: ActivityPosition | null }> {
  // The planner expects next to no rows for what row-level security adds, and would sort all of them.
  await sql.query(`SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)`)
  const scanned = await sql.query<ActiveUser & ActivityPosition>(
    `SELECT user_id AS "userId", occurred_at AS "lastEventAt", type AS "lastType", item_id AS "lastItemId",
       ${cursorMoment('occurred_at')} AS at, arrival::text AS arrival
     FROM events WHERE tenant_id = $1
       AND ($2::timestamptz IS NULL OR occurred_at <= $2) AND ($2::timestamptz IS NULL OR (occurred_at, arrival) < ($2, $3::bigint))
     ORDER BY occurred_at DESC, arrival DESC LIMIT ${SCANNED}`,
    [tenantId, after?.at ?? null, after?.arrival ?? null],
  )
  const newest = new Map<string, (typeof scanned)[number]>()
  for (const event of scanned) if (!newest.has(event.userId)) newest.set(event.userId, event)
  const told = after ? await activeSince(sql, tenantId, [...newest.keys()], after) : new Set<string>()
  const fresh = [...newest.values()].filter(({ userId }) => !told.has(userId))
  const page = fresh.slice(0, limit)
  const last = fresh.length > limit ? page[limit - 1] : scanned.length === SCANNED ? scanned[SCANNED - 1] : null
  return {
    users: page.map(({ userId, lastEventAt, lastType, lastItemId }) => ({ userId, lastEventAt, lastType, lastItemId })),
    next: last && { at: last.at, arrival: last.arrival },
  }
}

/** Those of the users who have an event at or after a position. */
async function activeSince(sql: Sql, tenantId: string, userIds: string[], { at, arrival }: ActivityPosition) {
  const rows = await sql.query<{ userId: string }>(
    `SELECT u.user_id AS "userId" FROM unnest($2::text[]) AS u (user_id) WHERE EXISTS (
       SELECT FROM events e WHERE e.tenant_id = $1 AND e.user_id = u.user_id AND e.occurred_at >= $3
         AND (e.occurred_at, e.arrival) >= ($3, $4::bigint))`,
    [tenantId, userIds, at, arrival],
  )
  return new Set(rows.map(({ userId }) => userId))
}

/**
 * Users whose ids begin so, in the database's own order. Goes from id to id by the index, whatever the number of events of
 * each; where the order is not that of the bytes, ids of other beginnings may lie between, and are passed over.
 * @param after the last id of the page before
 */
export async function readUsersByPrefix(
  sql: Sql,
  tenantId: string,
  prefix: string,
  after: string | null,
  limit: number,
): Promise<{ users: ActiveUser[]; next: string | null }> {
  const rows = await sql.query<ActiveUser & { step: number; isMatch: boolean }>(
    `WITH RECURSIVE ids AS (
       SELECT * FROM (SELECT user_id, 1 AS step, starts_with(user_id, $2)::int AS matches FROM events
         WHERE tenant_id = $1 AND user_id >= coalesce($3, $2) AND user_id IS DISTINCT FROM $3 AND user_id <= $4
         ORDER BY user_id LIMIT 1) first
       UNION ALL
       SELECT n.user_id, i.step + 1, i.matches + starts_with(n.user_id, $2)::int FROM ids i
       CROSS JOIN LATERAL (SELECT e.user_id FROM events e WHERE e.tenant_id = $1 AND e.user_id > i.user_id AND e.user_id <= $4
         ORDER BY e.user_id LIMIT 1) n
       WHERE i.step < ${STEPS} AND i.matches <= $5
     )
     SELECT i.user_id AS "userId", i.step, starts_with(i.user_id, $2) AS "isMatch", l.* FROM ids i
     CROSS JOIN LATERAL (SELECT occurred_at AS "lastEventAt", type AS "lastType", item_id AS "lastItemId" FROM events e
       WHERE e.tenant_id = $1 AND e.user_id = i.user_id ORDER BY occurred_at DESC, arrival DESC LIMIT 1) l
     ORDER BY i.step`,
    [tenantId, prefix, after, prefix + LAST_CHARACTER, limit],
  )
  const matches = rows.filter(({ isMatch }) => isMatch)
  const page = matches.slice(0, limit)
  const last = matches.length > limit ? page[limit - 1] : rows.length === STEPS ? rows[STEPS - 1] : null
  return {
    users: page.map(({ userId, lastEventAt, lastType, lastItemId }) => ({ userId, lastEventAt, lastType, lastItemId })),
    next: last?.userId ?? null,
  }
}
