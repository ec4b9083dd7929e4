// What it costs to let events go: rows deleted in batches, as the service does it, beside what storing them takes; and
// what it would be with events partitioned by month, whose ids a table of their own would have to keep apart.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { MIGRATIONS } from '../migrations/index.js'
import { insertEvents } from '../src/events/event-rows.js'
import { readConfig } from '../src/platform/config.js'
import { closeDatabase, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/logger.js'
import type { Bench } from './report.js'

const { values } = parseArgs({ options: { events: { type: 'string', default: '400000' } } })
const EVENTS = Number(values.events)
const BATCH = 5000
const TENANTS = 20
const DAYS = 400
const DAY_MS = 86_400_000

const folder = await mkdtemp(join(tmpdir(), 'attune-bench-'))
const handle = await openDatabase(readConfig({ DATA_DIR: folder }), createLogger('silent'), MIGRATIONS)
const owner = new pg.Client({ connectionString: handle.directUrl })
await owner.connect()
const sql = {
  query: async <T>(text: string, given?: unknown[]) => (await owner.query(text, given)).rows as T[],
  execute: async (text: string, given?: unknown[]) => (await owner.query(text, given)).rowCount ?? 0,
}

const now = Date.now()
const eventAt = (i: number) => ({
  eventId: `event-${i * 7919}-${i}`,
  userId: `user-${(i * 31) % 5000}`,
  itemId: `item-${(i * 104_729) % 2000}`,
  type: 'view',
  occurredAt: new Date(now - DAYS * DAY_MS * (1 - i / EVENTS)),
})
type Stored = (tenant: string, events: ReturnType<typeof eventAt>[]) => Promise<unknown>

/** Seconds and bytes of log that some work takes. */
async function costOf(work: () => Promise<unknown>) {
  const place = async () =>
    Number((await sql.query<{ at: string }>(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text AS at`))[0].at)
  await owner.query('CHECKPOINT')
  const before = await place()
  const started = performance.now()
  await work()
  return { seconds: (performance.now() - started) / 1000, bytes: (await place()) - before }
}

/** Events in the order of time, a batch of one tenant after that of another. */
const storeAll = (store: Stored) => async () => {
  for (let from = 0; from < EVENTS; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, EVENTS - from) }, (_, i) => eventAt(from + i))
    await store(`tenant-${(from / BATCH) % TENANTS}`, batch)
  }
}

for (let i = 0; i < TENANTS; i++)
  await owner.query(`INSERT INTO tenants (tenant_id, name, base_model, settings) VALUES ($1, $1, 'shops', '{}')`, [
    `tenant-${i}`,
  ])

const stored = await costOf(
  storeAll((tenant, events) =>
    insertEvents(
      sql,
      tenant,
      events.map((event, index) => ({ index, event })),
    ),
  ),
)

// A quarter of them is old.
const before = new Date(now - DAYS * 0.75 * DAY_MS)
let deletedRows = 0
const deleted = await costOf(async () => {
  const isOld = 'tenant_id = $1 AND occurred_at < $2'
  for (let i = 0; i < TENANTS; i++)
    for (let removed = BATCH; removed === BATCH; deletedRows += removed)
      removed = await sql.execute(
        `DELETE FROM events WHERE ${isOld} AND ctid = ANY (ARRAY(SELECT ctid FROM events WHERE ${isOld} LIMIT ${BATCH}))`,
        [`tenant-${i}`, before],
      )
})
const vacuumed = await costOf(() => owner.query('VACUUM events'))

// The same columns and indexes by month. No key without the month can be unique there, so the ids are told apart beside.
await owner.query(`
  CREATE TABLE monthly (LIKE events INCLUDING DEFAULTS INCLUDING IDENTITY) PARTITION BY RANGE (occurred_at);
  ALTER TABLE monthly ADD PRIMARY KEY (tenant_id, event_id, occurred_at);
  CREATE INDEX ON monthly (tenant_id, user_id, occurred_at, arrival);
  CREATE INDEX ON monthly (tenant_id, written_in);
  CREATE INDEX ON monthly (tenant_id, occurred_at);
  CREATE INDEX ON monthly (tenant_id, session_id, occurred_at, arrival) WHERE session_id IS NOT NULL;
  CREATE INDEX ON monthly (tenant_id, written_in, event_id) WHERE recommendation_id IS NOT NULL;
  CREATE TABLE event_ids (tenant_id text, event_id text, occurred_at timestamptz, PRIMARY KEY (tenant_id, event_id));
  CREATE INDEX ON event_ids (tenant_id, occurred_at)`)
const quarter = (n: number) => new Date(now - DAYS * (1 - n / 4) * DAY_MS).toISOString()
const bounds = ['MINVALUE', ...[1, 2, 3].map((n) => `'${quarter(n)}'`), 'MAXVALUE']
for (let n = 0; n < 4; n++)
  await owner.query(
    `CREATE TABLE monthly_${n} PARTITION OF monthly FOR VALUES FROM (${bounds[n]}) TO (${bounds[n + 1]})`,
  )
const partitioned = await costOf(
  storeAll((tenant, events) =>
    owner.query(
      `WITH fresh AS (
         INSERT INTO event_ids SELECT $1, e.id, e.at FROM unnest($2::text[], $3::timestamptz[]) AS e (id, at)
         ORDER BY e.id COLLATE "C" ON CONFLICT DO NOTHING RETURNING event_id)
       INSERT INTO monthly (tenant_id, event_id, user_id, item_id, type, occurred_at)
       SELECT $1, e.id, e.user_id, e.item_id, 'view', e.at
       FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[]) AS e (id, at, user_id, item_id)
       JOIN fresh ON fresh.event_id = e.id`,
      [
        tenant,
        events.map(({ eventId }) => eventId),
        events.map(({ occurredAt }) => occurredAt),
        events.map(({ userId }) => userId),
        events.map(({ itemId }) => itemId),
      ],
    ),
  ),
)
const dropped = await costOf(() => owner.query('DROP TABLE monthly_0'))
let deletedIds = 0
const deletedOfIds = await costOf(async () => {
  for (let i = 0; i < TENANTS; i++)
    deletedIds += await sql.execute('DELETE FROM event_ids WHERE tenant_id = $1 AND occurred_at < $2', [
      `tenant-${i}`,
      before,
    ])
})
const sizes = await sql.query<{ events: number; ids: number }>(
  `SELECT pg_total_relation_size('events')::float8 AS events, pg_total_relation_size('event_ids')::float8 AS ids`,
)
await owner.end()
await closeDatabase(handle)
await rm(folder, { recursive: true, force: true })

const micros = (seconds: number, rows: number) => Math.round((seconds * 1e7) / rows) / 10
const line: Bench = {
  bench: 'retention',
  events: EVENTS,
  asItIs: {
    storeMicrosAnEvent: micros(stored.seconds, EVENTS),
    storeLogBytesAnEvent: Math.round(stored.bytes / EVENTS),
    deleteMicrosAnEvent: micros(deleted.seconds, deletedRows),
    deleteLogBytesAnEvent: Math.round(deleted.bytes / deletedRows),
    vacuumMicrosAnEvent: micros(vacuumed.seconds, deletedRows),
    deletedRows,
  },
  byMonth: {
    storeMicrosAnEvent: micros(partitioned.seconds, EVENTS),
    storeLogBytesAnEvent: Math.round(partitioned.bytes / EVENTS),
    dropSeconds: Math.round(dropped.seconds * 1000) / 1000,
    deleteIdMicrosAnEvent: micros(deletedOfIds.seconds, deletedIds),
    deleteIdLogBytesAnEvent: Math.round(deletedOfIds.bytes / deletedIds),
    idBytesAnEvent: Math.round(sizes[0].ids / EVENTS),
  },
}
console.log(JSON.stringify(line))
