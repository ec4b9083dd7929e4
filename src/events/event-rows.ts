import type { Sql } from '../platform/database.js'
import type { CountedEvent, PlacedEvent, UserEvent, WrittenEvent } from './event.js'

const PAGE = 5000

/**
 * The rows are numbered in the order of the batch, which is the order that breaks ties of `occurred_at`: a basket is
 * often sent with one time for all of it. They are written in the order of their ids, whichever batch holds them: who
 * waits for another's row then holds smaller ids only, so that no two batches wait for each other.
 */
const INSERT = `
  WITH inserted AS (
    INSERT INTO events (tenant_id, event_id, arrival, user_id, item_id, type, value, occurred_at, session_id, recommendation_id, properties)
    OVERRIDING SYSTEM VALUE
    SELECT $1, event_id, arrival, user_id, item_id, type, value, occurred_at, session_id, recommendation_id, properties::jsonb
    FROM (
      -- OFFSET 0 keeps the two apart: numbered as they come out of the arrays, sorted afterwards.
      SELECT nextval('events_arrival_seq') AS arrival, e.*
      FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[], $7::timestamptz[], $8::text[], $9::text[], $10::text[])
        AS e (event_id, user_id, item_id, type, value, occurred_at, session_id, recommendation_id, properties)
      OFFSET 0
    ) batch
    ORDER BY event_id COLLATE "C", arrival
    ON CONFLICT (tenant_id, event_id) DO NOTHING RETURNING type
  )
  SELECT type, count(*)::int AS count FROM inserted GROUP BY type`

/** @returns how many were new, by type */
export async function insertEvents(sql: Sql, tenantId: string, events: PlacedEvent[]): Promise<Map<string, number>> {
  const column = <T>(pick: (event: PlacedEvent['event']) => T) => events.map(({ event }) => pick(event))
  const rows = await sql.query<{ type: string; count: number }>(INSERT, [
    tenantId,
    column((e) => e.eventId),
    column((e) => e.userId),
    column((e) => e.itemId),
    column((e) => e.type),
    column((e) => e.value ?? null),
    column((e) => e.occurredAt.toISOString()),
    column((e) => e.sessionId ?? null),
    column((e) => e.recommendationId ?? null),
    column((e) => (e.properties ? JSON.stringify(e.properties) : null)),
  ])
  return new Map(rows.map(({ type, count }) => [type, count]))
}

const OWNERS = { user: 'user_id', session: 'session_id' } as const

/** The newest `limit` of a user or of a session, oldest first. */
export async function readHistory(
  sql: Sql,
  tenantId: string,
  owner: keyof typeof OWNERS,
  id: string,
  limit: number,
): Promise<UserEvent[]> {
  const rows = await sql.query<UserEvent>(
    `SELECT item_id AS "itemId", type, value, occurred_at AS "occurredAt" FROM events
     WHERE tenant_id = $1 AND ${OWNERS[owner]} = $2 ORDER BY occurred_at DESC, arrival DESC LIMIT $3`,
    [tenantId, id, limit],
  )
  return rows.reverse()
}

/** What a user has events of. @param types null: of any type */
export async function readItems(sql: Sql, tenantId: string, userId: string, types: string[] | null): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT DISTINCT item_id AS id FROM events
     WHERE tenant_id = $1 AND user_id = $2 AND ($3::text[] IS NULL OR type = ANY ($3::text[]))`,
    [tenantId, userId, types],
  )
  return rows.map(({ id }) => id)
}

const AGE = `, extract(epoch FROM clock_timestamp() - received_at)::float8 AS age`
const WRITTEN = `arrival, user_id AS "userId", item_id AS "itemId", type, value, occurred_at AS "occurredAt"`
// As Date has it: whole milliseconds.
const COUNTED = `json_build_array(arrival, user_id, item_id, type, value, floor(extract(epoch FROM occurred_at) * 1000)::float8)::text AS event`

/** What to read of the events of a tenant, in the order in which they happened, ties by arrival. */
export interface EventSelection {
  /** Written in this transaction or a later one. */
  horizon?: string
  since?: Date
  /** Only so many, the newest. */
  newest?: number
}

/** Reads through a server-side cursor: constant memory for any number of events, all from one moment. */
export function readEvents(
  sql: Sql,
  tenantId: string,
  selection: EventSelection,
  onPage: (rows: WrittenEvent[]) => void | Promise<void>,
): Promise<void> {
  return readPages(sql, tenantId, selection, selection.horizon === undefined ? WRITTEN : WRITTEN + AGE, onPage)
}

/**
 * The same of what counts take, several times as fast: a row of one column, and all rows of a page parsed as one. Rows of
 * many columns are what the driver spends its time on.
 */
export function readCounted(
  sql: Sql,
  tenantId: string,
  selection: EventSelection,
  onPage: (rows: CountedEvent[]) => void | Promise<void>,
): Promise<void> {
  return readPages<{ event: string }>(sql, tenantId, selection, COUNTED, (page) =>
    onPage(JSON.parse(`[${page.map(({ event }) => event).join(',')}]`) as CountedEvent[]),
  )
}

async function readPages<T>(
  sql: Sql,
  tenantId: string,
  { horizon, since, newest }: EventSelection,
  columns: string,
  onPage: (rows: T[]) => void | Promise<void>,
): Promise<void> {
  const values: unknown[] = [tenantId]
  const where = ['tenant_id = $1']
  if (horizon !== undefined) where.push(`written_in >= $${values.push(horizon)}::xid8`)
  if (since !== undefined) where.push(`occurred_at >= $${values.push(since)}::timestamptz`)
  const chosen = `FROM events WHERE ${where.join(' AND ')}`
  const rows =
    newest === undefined
      ? chosen
      : `FROM (SELECT * ${chosen} ORDER BY occurred_at DESC, arrival DESC LIMIT $${values.push(newest)}::bigint) chosen`
  await sql.execute(
    `DECLARE read_events NO SCROLL CURSOR FOR SELECT ${columns} ${rows} ORDER BY occurred_at, arrival`,
    values,
  )
  for (;;) {
    const page = await sql.query<T>(`FETCH ${PAGE} FROM read_events`)
    if (page.length > 0) await onPage(page)
    if (page.length < PAGE) break
  }
  await sql.execute('CLOSE read_events')
}
