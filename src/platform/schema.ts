import { z } from 'zod'
import { AppError } from './errors.js'

/** PostgreSQL stores no U+0000, and a lone surrogate would be stored as another string than was sent. */
export const storable = (value: string) => !value.includes('\u0000') && value.isWellFormed()
export const NOT_STORABLE = 'has a NUL or a broken surrogate pair'

/** An opaque id of 1 to 256 characters; any character but NUL. */
export const Id = z.string().min(1).max(256).refine(storable, NOT_STORABLE)

/** Free text that can be stored. */
export const text = (max: number) => z.string().max(max).refine(storable, NOT_STORABLE)

/** An RFC 3339 moment, parsed to a Date. */
export const Timestamp = z.iso
  .datetime({ offset: true, error: 'has to be an RFC 3339 date and time with a zone' })
  .transform((value) => new Date(value))
  // What PostgreSQL reads back: with its zone taken off, a moment may leave the four-digit years.
  .refine((value) => value.getUTCFullYear() >= 1 && value.getUTCFullYear() <= 9999, 'is not a real moment')
  .meta({ override: { type: 'string', format: 'date-time' } })

/** How deep a free-form JSON value may nest: enough for any real use, far from the stack's end. */
const MAX_DEPTH = 16

/** Whether a JSON value nests at most `limit` deep. Iterative, so that no input can exhaust the stack. */
export function isShallow(value: unknown, limit = MAX_DEPTH): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return false
    level = level.flatMap((v) => (typeof v === 'object' && v !== null ? (Object.values(v) as unknown[]) : []))
  }
  return true
}

/** A JSON object of the client's own, at most `maxBytes` as text. */
export const freeForm = (maxBytes: number) =>
  z
    .record(z.string(), z.unknown())
    // Ends here where it fails: what comes next walks the value by recursion.
    .refine((value) => isShallow(value), { error: `nests deeper than ${MAX_DEPTH}`, abort: true })
    .refine((value) => {
      const json = JSON.stringify(value)
      return json.length <= maxBytes && !/\\u0000|\\ud[89ab]|\\ud[c-f]/.test(json)
    }, `is larger than ${maxBytes} bytes, or ${NOT_STORABLE}`)

/** `?limit=&cursor=` of every list. */
export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(4096).optional(),
})

export const pageOf = <T extends z.ZodType>(entry: T) =>
  z.object({ data: z.array(entry), nextCursor: z.string().nullable() })

/** A moment in a cursor: a Date would lose the microseconds that keep two rows apart. `cursorMoment` writes it. */
export const CursorMoment = z.iso.datetime({ precision: 6 }).refine((value) => !value.startsWith('0000'))
/** SQL that gives a timestamptz column as a `CursorMoment`, whatever the session's zone and date style are. */
export const cursorMoment = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** A positive bigint of PostgreSQL in a cursor, as its driver gives it. */
export const CursorNumber = z
  .string()
  .regex(/^\d{1,19}$/)
  .refine((value) => BigInt(value) <= 2n ** 63n - 1n)

/** Opaque cursor of a keyset page. */
export const encodeCursor = (position: unknown[]) => Buffer.from(JSON.stringify(position)).toString('base64url')

/** @throws AppError INVALID_CURSOR where the cursor was not made by `encodeCursor` for this list */
export function decodeCursor<T extends z.ZodType>(cursor: string | undefined, position: T): z.infer<T> | undefined {
  if (cursor === undefined) return undefined
  try {
    return position.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
  } catch {
    throw new AppError('INVALID_CURSOR', 'This cursor is not one that this list gave.')
  }
}

/** Turns `limit + 1` rows into a page. */
export function toPage<T>(
  rows: T[],
  limit: number,
  position: (last: T) => unknown[],
): { data: T[]; nextCursor: string | null } {
  const data = rows.slice(0, limit)
  return { data, nextCursor: rows.length > limit ? encodeCursor(position(data[data.length - 1])) : null }
}

export const MAX_BATCH = 1000

export interface Rejection {
  index: number
  code: string
  reason: string
}

/** What a batch answers beside its counts. */
export const Rejected = z.array(z.object({ index: z.number().int(), code: z.string(), reason: z.string() }))

/** @throws AppError BATCH_TOO_LARGE (413) above 1000 entries */
export function checkBatchSize(entries: unknown[]): void {
  if (entries.length > MAX_BATCH)
    throw new AppError(
      'BATCH_TOO_LARGE',
      `A batch holds at most ${MAX_BATCH} entries; this one has ${entries.length}.`,
      { status: 413 },
    )
}

/**
 * Parses each entry of a batch on its own: a bad one never takes the good ones with it.
 * @returns the good entries with their place in the batch, and why each other one was refused
 * @throws AppError BATCH_TOO_LARGE (413) above 1000 entries
 */
export function parseEntries<T extends z.ZodType>(entries: unknown[], schema: T, code: string) {
  checkBatchSize(entries)
  const good: { index: number; value: z.output<T> }[] = []
  const rejected: Rejection[] = []
  entries.forEach((entry, index) => {
    const parsed = schema.safeParse(entry)
    if (parsed.success) good.push({ index, value: parsed.data })
    else rejected.push({ index, code, reason: describe(parsed.error) })
  })
  return { good, rejected }
}

/** All problems of a value in one line. */
export const describe = (error: z.ZodError) =>
  error.issues
    .slice(0, 10)
    .map((issue) => (issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message))
    .join('; ')

/** Whether a JSON value is an object: neither null nor an array. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
