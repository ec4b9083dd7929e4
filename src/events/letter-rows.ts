import type { IHeaders } from 'kafkajs'
import type { Sql } from '../platform/database.js'
import { cursorMoment } from '../platform/schema.js'
import { inParts, MAX_REASON, MOST_PARTITION } from './dead-letters.js'
import { type ClaimedLetter, NOBODY } from './letter-claims.js'
import { away, KEY_LEFT, momentOf, readHeaders, storable, stored } from './letter-contents.js'

/** Which of the letters are meant; all fields have to fit. */
export interface LetterChoice {
  code?: string
  /** The topic that the message came from. */
  topic?: string
  /** As the message says. */
  tenant?: string
}

/** Where a letter was first met: this names it, however often it is sent round. */
export interface LetterPlace {
  topic: string
  partition: number
  offset: string
}

export interface LetterRow extends LetterPlace {
  code: string
  reason: string
  tenant: string | null
  key: Buffer | null
  sentAt: Date | null
  failedAt: Date
  /** Since when it waits: it stays the same however often it goes round. */
  firstFailedAt: Date
  attempts: number
  bytes: number
  /** Whether the value is all there, so that the message can go round. */
  isWhole: boolean
}

export interface WholeLetter extends LetterRow {
  value: Buffer | null
  headers: IHeaders
  metAt: string
}

/** In a list: the moment as text, since a Date would lose the microseconds. */
export interface ListedRow extends LetterRow {
  at: string
}

/** SQL: whether the message is all there. */
const WHOLE = '(NOT put_away AND (value IS NOT NULL OR value_bytes = 0))'
/** SQL: bytes that a letter holds of its message. */
const HELD = '(octet_length(headers) + coalesce(octet_length(value), 0) + coalesce(octet_length(key), 0))'
/** A statement's values lie in memory several times over, as text. */
const UPSERT_BYTES = 4 * 1024 * 1024
const COLUMNS = `topic, partition, "offset"::text AS "offset", code, reason, nullif(tenant_id, '${NOBODY}') AS tenant, key,
  sent_at AS "sentAt", failed_at AS "failedAt", first_failed_at AS "firstFailedAt", attempts, value_bytes AS bytes, ${WHOLE} AS "isWhole"`
const CHOSEN = `($1::text IS NULL OR code = $1) AND ($2::text IS NULL OR topic = $2) AND ($3::text IS NULL OR tenant_id = $3)`
const chosen = ({ code, topic, tenant }: LetterChoice) => [code ?? null, topic ?? null, tenant ?? null]

const UPSERT = `
  INSERT INTO dead_letters AS d (tenant_id, topic, partition, "offset", met_at, user_id, code, reason, sent_at, key, value, value_bytes, headers, attempts, failed_at, first_failed_at, put_away)
  SELECT tenant_id, topic, partition, "offset", met_at, user_id, code, reason, sent_at, key, value, value_bytes, headers, attempts,
    coalesce(least(failed_at, now()), now()), coalesce(least(first_failed_at, now()), now()), put_away
  FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::timestamptz[], $10::bytea[], $11::bytea[], $12::int[], $13::text[], $14::int[], $15::timestamptz[], $16::timestamptz[], $17::boolean[]) AS l
    (tenant_id, topic, partition, "offset", met_at, user_id, code, reason, sent_at, key, value, value_bytes, headers, attempts, failed_at, first_failed_at, put_away)
  ORDER BY tenant_id COLLATE "C", topic COLLATE "C", partition, "offset"
  ON CONFLICT (tenant_id, topic, partition, "offset") DO `
const TOLD_ANEW = `UPDATE SET code = excluded.code, reason = excluded.reason,
  attempts = greatest(d.attempts, excluded.attempts), met_at = excluded.met_at, failed_at = excluded.failed_at`

/** @returns how many by the tenant that they name */
export const deleteChosen = (sql: Sql, choice: LetterChoice): Promise<Map<string, number>> =>
  deleteCounted(sql, `DELETE FROM dead_letters WHERE ${CHOSEN}`, chosen(choice))

/** Unless they were met again since they were read. @returns as `deleteChosen` */
export const deleteLetters = (sql: Sql, letters: WholeLetter[]): Promise<Map<string, number>> =>
  deleteCounted(
    sql,
    `DELETE FROM dead_letters d USING unnest($1::text[], $2::int[], $3::bigint[], $4::text[])
       AS l (topic, partition, "offset", met_at)
     WHERE d.topic = l.topic AND d.partition = l.partition AND d."offset" = l."offset" AND d.met_at = l.met_at`,
    [
      letters.map(({ topic }) => topic),
      letters.map(({ partition }) => partition),
      letters.map(({ offset }) => offset),
      letters.map(({ metAt }) => metAt),
    ],
  )

async function deleteCounted(sql: Sql, statement: string, values: unknown[]): Promise<Map<string, number>> {
  const rows = await sql.query<{ tenant: string; letters: number }>(
    `WITH gone AS (${statement} RETURNING tenant_id)
     SELECT tenant_id AS tenant, count(*)::int AS letters FROM gone GROUP BY tenant_id`,
    values,
  )
  return new Map(rows.map(({ tenant, letters }) => [tenant, letters]))
}

/**
 * Writes letters that were met on a partition.
 * @param known one that is known is told anew, or kept as it is
 * @returns how many were written
 */
export async function upsertLetters(
  sql: Sql,
  topic: string,
  partition: number,
  letters: ClaimedLetter[],
  known: 'told anew' | 'kept' = 'told anew',
): Promise<number> {
  // One that was sent round twice may be there twice: the later one holds.
  const byPlace = new Map(letters.map((letter) => [placeId(letter.origin), letter]))
  const rows = [...byPlace.values()].map((letter) => {
    const { message, claim } = letter
    const kept = letter.bytes === undefined && claim ? stored(message) : away(message)
    return { ...letter, stored: claim ? kept : { ...kept, key: null } }
  })
  const bytesOf = ({ stored: { key, value, headers } }: (typeof rows)[number]) =>
    (key?.length ?? 0) + (value?.length ?? 0) + headers.length
  let written = 0
  for (const part of inParts(rows, bytesOf, UPSERT_BYTES)) written += await upsertPart(part)
  return written

  function upsertPart(part: typeof rows) {
    const column = <T>(pick: (row: (typeof rows)[number]) => T) => part.map(pick)
    return sql.execute(UPSERT + (known === 'kept' ? 'NOTHING' : TOLD_ANEW), [
      column(({ claim }) => claim?.tenantId ?? NOBODY),
      column(({ origin }) => origin.topic),
      column(({ origin }) => origin.partition),
      column(({ origin }) => origin.offset),
      column(({ message }) => placeId({ topic, partition, offset: message.offset })),
      column(({ claim }) => claim?.userId ?? null),
      column(({ code }) => storable(code)),
      column(({ reason }) => storable(reason.slice(0, MAX_REASON))),
      column(({ origin }) => momentOf(Number(origin.timestamp))),
      column(({ stored }) => stored.key),
      column(({ stored }) => stored.value),
      column(({ message, bytes }) => bytes ?? message.value?.length ?? 0),
      column(({ stored }) => stored.headers),
      column(({ origin }) => (origin.attempts ?? 0) + 1),
      column(({ failedAt }) => (failedAt === undefined ? null : momentOf(failedAt))),
      column(({ origin }) => (origin.failedAt === undefined ? null : momentOf(Number(origin.failedAt)))),
      column(({ stored }) => stored.putAway),
    ])
  }
}

/**
 * Puts away what the oldest letters hold beyond so many bytes, and keeps the letters themselves: they say where it is.
 * @param each of all letters together, or of those that name one tenant
 */
export async function putAwayBeyond(sql: Sql, bytes: number, each: 'all' | 'tenant'): Promise<void> {
  await sql.execute(
    `UPDATE dead_letters SET put_away = true, value = NULL, headers = '{}', key = substring(key FROM 1 FOR ${KEY_LEFT})
     WHERE ctid = ANY (ARRAY(SELECT place FROM (
       SELECT ctid AS place, sum(${HELD})
         OVER (${each === 'tenant' ? 'PARTITION BY tenant_id' : ''} ORDER BY failed_at DESC, topic DESC, partition DESC, "offset" DESC) AS so_far
       FROM dead_letters WHERE NOT put_away) l WHERE so_far > $1))`,
    [bytes],
  )
}

/** The newest first. @param after where the page before ended */
export async function readLetters(
  sql: Sql,
  choice: LetterChoice,
  after: { at: string; topic: string; partition: number; offset: string } | null,
  limit: number,
): Promise<ListedRow[]> {
  // The planner expects next to no rows for what row-level security adds, and would sort all of them.
  await sql.query(`SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)`)
  return sql.query<ListedRow>(
    `SELECT ${COLUMNS}, ${cursorMoment('failed_at')} AS at FROM dead_letters
     WHERE ${CHOSEN} AND ($4::timestamptz IS NULL OR (failed_at, topic, partition, "offset") < ($4, $5, $6::int, $7::bigint))
     ORDER BY failed_at DESC, topic DESC, partition DESC, "offset" DESC LIMIT $8`,
    [
      ...chosen(choice),
      after?.at ?? null,
      after?.topic ?? null,
      after?.partition ?? null,
      after?.offset ?? null,
      limit,
    ],
  )
}

/** Those of these topics that are whole, met before a moment of the database, oldest first: one, or as many as fit. */
export async function readOldest(
  sql: Sql,
  choice: LetterChoice,
  topics: string[],
  before: string,
  most: { letters: number; bytes: number },
): Promise<WholeLetter[]> {
  const order = 'failed_at, topic, partition, "offset"'
  const rows = await sql.query<WholeLetter & { headers: string }>(
    `SELECT ${COLUMNS}, value, headers, met_at AS "metAt" FROM (
       SELECT *, sum(${HELD}) OVER (ORDER BY ${order}) - ${HELD} AS ahead FROM (
         SELECT * FROM dead_letters WHERE ${CHOSEN} AND topic = ANY ($4) AND failed_at < $5::timestamptz AND ${WHOLE}
         ORDER BY ${order} LIMIT $6) oldest) l
     WHERE ahead < $7 ORDER BY ${order}`,
    [...chosen(choice), topics, before, most.letters, most.bytes],
  )
  return rows.map((row) => ({ ...row, headers: readHeaders(row.headers) }))
}

/** How many others `readOldest` passes by. */
export async function countKept(sql: Sql, choice: LetterChoice, topics: string[], before: string): Promise<number> {
  const [{ kept }] = await sql.query<{ kept: number }>(
    `SELECT count(*)::int AS kept FROM dead_letters
     WHERE ${CHOSEN} AND failed_at < $5::timestamptz AND NOT (topic = ANY ($4) AND ${WHOLE})`,
    [...chosen(choice), topics, before],
  )
  return kept
}

export async function readLetter(sql: Sql, { topic, partition, offset }: LetterPlace): Promise<WholeLetter | null> {
  const [row] = await sql.query<WholeLetter & { headers: string }>(
    `SELECT ${COLUMNS}, value, headers, met_at AS "metAt" FROM dead_letters WHERE topic = $1 AND partition = $2 AND "offset" = $3`,
    [topic, partition, offset],
  )
  return row ? { ...row, headers: readHeaders(row.headers) } : null
}

/** What `topic-partition-offset` means; null: nothing. Topics may hold hyphens. */
export function readPlace(id: string): LetterPlace | null {
  const [, topic, partition, offset] = /^([\w.-]{1,249})-(\d{1,10})-(\d{1,18})$/.exec(id) ?? []
  return offset === undefined || Number(partition) > MOST_PARTITION
    ? null
    : { topic, partition: Number(partition), offset }
}

export const placeId = ({ topic, partition, offset }: LetterPlace) => `${topic}-${partition}-${offset}`
