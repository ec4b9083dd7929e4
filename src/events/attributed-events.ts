import type { Sql } from '../platform/database.js'

/** An event that names the answer that it came of. */
export interface AttributedEvent {
  eventId: string
  recommendationId: string
  itemId: string
  type: string
  value: number | null
  occurredAt: Date
  receivedAt: Date
}

/** A place in the order in which events are written: by transaction, then by id. */
export interface WrittenPosition {
  /** A decimal xid8. */
  writtenIn: string
  eventId: string
}

const COLUMNS = `e.event_id AS "eventId", e.recommendation_id AS "recommendationId", e.item_id AS "itemId", e.type, e.value,
  e.occurred_at AS "occurredAt", e.received_at AS "receivedAt"`

/**
 * The next events that name an answer, in the order in which they were written, and where to go on: an event may be given
 * twice, never left out.
 * @param after what the call before returned
 * @param settledMs younger events are left for later, and all that follow them
 */
export async function readAttributed(
  sql: Sql,
  tenantId: string,
  after: WrittenPosition,
  limit: number,
  settledMs: number,
): Promise<{ events: AttributedEvent[]; position: WrittenPosition; isMore: boolean }> {
  // Before the rows are read: of the transactions below, all rows are to be seen, of the others some may come later.
  const [{ horizon, until }] = await sql.query<{ horizon: string; until: Date }>(
    `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon, clock_timestamp() - $1 * interval '1 ms' AS until`,
    [settledMs],
  )
  const rows = await sql.query<AttributedEvent & { writtenIn: string }>(
    `SELECT ${COLUMNS}, e.written_in::text AS "writtenIn" FROM events e
     WHERE e.tenant_id = $1 AND e.recommendation_id IS NOT NULL AND (e.written_in, e.event_id) > ($2::xid8, $3)
     ORDER BY e.written_in, e.event_id LIMIT $4`,
    [tenantId, after.writtenIn, after.eventId, limit],
  )
  const young = rows.findIndex(({ receivedAt }) => receivedAt > until)
  const events = young < 0 ? rows : rows.slice(0, young)
  const last = events.at(-1)
  if (!last) return { events, position: after, isMore: false }
  const isSettled = BigInt(last.writtenIn) < BigInt(horizon)
  const position = isSettled
    ? { writtenIn: last.writtenIn, eventId: last.eventId }
    : { writtenIn: horizon, eventId: '' }
  return { events, position, isMore: isSettled && rows.length === limit && young < 0 }
}

/** Of these events those that are still there. */
export function readAttributedById(sql: Sql, tenantId: string, eventIds: string[]): Promise<AttributedEvent[]> {
  return sql.query<AttributedEvent>(
    `SELECT ${COLUMNS} FROM events e
     WHERE e.tenant_id = $1 AND e.event_id = ANY ($2::text[]) AND e.recommendation_id IS NOT NULL`,
    [tenantId, eventIds],
  )
}
