import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Metrics } from '../platform/metrics.js'
import { type CountRow, EventTally, type Grain, GRAIN_MS, GRAINS, rollUp, type Tally } from './event-tally.js'

/** What is counted here waits so long at most; a process that is killed loses that, and nothing else does. */
export const FLUSH_EVERY_MS = 2000
const MAX_ROWS_A_STATEMENT = 5000
/** Counts by minute that may wait while the database is away: past it the oldest are worth less than the memory. */
const MOST_WAITING = 100_000
const HOUR_MS = GRAIN_MS.hour
const DAY_MS = GRAIN_MS.day

/** How long the rows of a grain are kept: a chart of a day by minute, of a quarter by hour, of three years by day. */
export const KEPT_MS: Record<Grain, number> = { minute: DAY_MS, hour: 92 * DAY_MS, day: 1096 * DAY_MS }
const SWEPT_AT_ONCE = 5000

const UPSERT = `
  INSERT INTO event_counts AS c (tenant_id, grain, at, type, accepted, duplicates, rejected)
  SELECT r.tenant_id, r.grain, r.at, r.type, r.accepted, r.duplicates, r.rejected
  FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS r (tenant_id, grain, at, type, accepted, duplicates, rejected)
  -- What is left of a tenant that is gone meanwhile is nobody's.
  JOIN tenants t ON t.tenant_id = r.tenant_id AND t.deleted_at IS NULL
  ORDER BY r.tenant_id COLLATE "C", r.grain COLLATE "C", r.at, r.type COLLATE "C"
  ON CONFLICT (tenant_id, grain, at, type) DO UPDATE SET accepted = c.accepted + excluded.accepted,
    duplicates = c.duplicates + excluded.duplicates, rejected = c.rejected + excluded.rejected`

/** Its conditions twice: a row's place is its own only within one table of one server, not among shards. */
const CLEAN = `
  DELETE FROM event_counts WHERE grain = $1 AND at < $2 AND ctid = ANY (ARRAY(
    SELECT old.ctid FROM tenants t
    CROSS JOIN LATERAL (SELECT c.ctid FROM event_counts c WHERE c.tenant_id = t.tenant_id AND c.grain = $1 AND c.at < $2
      LIMIT ${SWEPT_AT_ONCE}) old
    LIMIT ${SWEPT_AT_ONCE}))`

const newest = (grain: Grain) => `(SELECT max(at) FROM event_counts WHERE tenant_id = t.id AND grain = '${grain}')`

/** $2 to $3: the last whole minutes; $4 and $5: the hour and the day that go on. */
const RECENT = `
  SELECT t.id AS "tenantId", m.accepted / 5 AS "eventsPerMinute", h."lastHour", h."rejectedLastHour", h."lastHours",
    h."sameHoursBefore", h."lastDay", d."usualDay",
    coalesce(${newest('minute')}, ${newest('hour')}, ${newest('day')}) AS "lastEventAt"
  FROM unnest($1::text[]) AS t (id)
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(accepted::float8), 0) AS accepted FROM event_counts
    WHERE tenant_id = t.id AND grain = 'minute' AND at >= $2 AND at < $3) m
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(accepted::float8) FILTER (WHERE at >= $4::timestamptz - interval '1 h'), 0) AS "lastHour",
      coalesce(sum(rejected::float8) FILTER (WHERE at >= $4::timestamptz - interval '1 h'), 0) AS "rejectedLastHour",
      coalesce(sum(accepted::float8) FILTER (WHERE at >= $4::timestamptz - interval '5 h'), 0) AS "lastHours",
      coalesce(sum(accepted::float8) FILTER (WHERE at <= $4::timestamptz - interval '24 h'), 0) AS "sameHoursBefore",
      coalesce(sum(accepted::float8) FILTER (WHERE at >= $4::timestamptz - interval '23 h'), 0) AS "lastDay"
    FROM event_counts WHERE tenant_id = t.id AND grain = 'hour' AND at >= $4::timestamptz - interval '29 h') h
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(accepted::float8), 0) / 7 AS "usualDay" FROM event_counts
    WHERE tenant_id = t.id AND grain = 'day' AND at >= $5::timestamptz - interval '7 days' AND at < $5) d`

/** One grain of time and one type, as it is stored. */
export interface EventCount extends Tally {
  at: Date
  type: string
}

/** How much came for a tenant lately. */
export interface RecentEvents {
  tenantId: string
  /** New events a minute, over the last five whole minutes. */
  eventsPerMinute: number
  /** New events by when they came: of the last hour and the one that goes on, and what was refused of them. */
  lastHour: number
  rejectedLastHour: number
  /** Of the last six hours, and of the same six hours a day before. */
  lastHours: number
  sameHoursBefore: number
  /** Of the last 24 hours, and a day on average over the week before. */
  lastDay: number
  usualDay: number
  /** The newest moment of which a count is kept, to the minute or, longer ago, to the hour or day. */
  lastEventAt: Date | null
}

/**
 * Counts of events by when they came: a rollup by minute, hour and day that ingest fills on the side. Each process counts in
 * memory and writes every two seconds, in one sorted upsert, so that the events themselves wait for nothing.
 */
@Injectable()
export class EventCountsService implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly tally = new EventTally()
  private readonly loop: Loop
  private writing: Promise<void> = Promise.resolve()
  private readonly lost

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.lost = metrics.counter('attune_events_uncounted_total', 'Events that are stored and missing in their rollup')
    this.loop = new Loop(
      () => this.flush(),
      FLUSH_EVERY_MS,
      (error) => this.logger.warn({ err: error }, 'could not write the counts of events; trying again'),
    ).start()
  }

  /** Counts what became of events of one type, now. */
  add(tenantId: string, type: string, tally: Partial<Tally>): void {
    this.tally.add(tenantId, type, tally, Date.now())
  }

  /** Writes all that waits. @throws what may pass: nothing is lost by it */
  flush(): Promise<void> {
    return (this.writing = this.writing.catch(() => undefined).then(() => this.write()))
  }

  /** What came between two moments, oldest first; grains without an event are missing. */
  list(tenantId: string, grain: Grain, from: Date, to: Date): Promise<EventCount[]> {
    return this.database.lagging.query<EventCount>(
      tenantId,
      `SELECT at, type, accepted::float8 AS accepted, duplicates::float8 AS duplicates, rejected::float8 AS rejected
       FROM event_counts WHERE tenant_id = $1 AND grain = $2 AND at >= $3 AND at < $4 ORDER BY at, type`,
      [tenantId, grain, from, to],
    )
  }

  /** New events by type of many tenants at once, each from the beginning of a day (UTC) on. */
  async byTypeSince(windows: { tenantId: string; since: Date }[]): Promise<Map<string, Map<string, number>>> {
    const rows = await this.database.lagging.asSystem((sql) =>
      sql.query<{ tenantId: string; type: string; accepted: number }>(
        `SELECT c.tenant_id AS "tenantId", c.type, sum(c.accepted::float8) AS accepted
         FROM unnest($1::text[], $2::timestamptz[]) AS w (tenant_id, since)
         JOIN event_counts c ON c.tenant_id = w.tenant_id AND c.grain = 'day' AND c.at >= w.since
         GROUP BY c.tenant_id, c.type HAVING sum(c.accepted) > 0`,
        [windows.map(({ tenantId }) => tenantId), windows.map(({ since }) => since)],
      ),
    )
    const counts = new Map(windows.map(({ tenantId }) => [tenantId, new Map<string, number>()]))
    for (const { tenantId, type, accepted } of rows) counts.get(tenantId)?.set(type, accepted)
    return counts
  }

  /** Of many tenants at once; each is told. */
  async recent(tenantIds: string[], now = Date.now()): Promise<Map<string, RecentEvents>> {
    const minute = now - (now % GRAIN_MS.minute)
    const hour = now - (now % HOUR_MS)
    const day = now - (now % DAY_MS)
    const rows = await this.database.lagging.asSystem((sql) =>
      sql.query<RecentEvents>(RECENT, [
        tenantIds,
        new Date(minute - 5 * GRAIN_MS.minute),
        new Date(minute),
        new Date(hour),
        new Date(day),
      ]),
    )
    return new Map(rows.map((row) => [row.tenantId, row]))
  }

  /** Deletes what is older than it is kept, in bounded batches. */
  async sweep(now: number, stopping: () => boolean): Promise<void> {
    for (const grain of GRAINS) {
      const before = new Date(now - KEPT_MS[grain])
      let removed: number
      do {
        removed = await this.database.asSystem((sql) => sql.execute(CLEAN, [grain, before]))
      } while (removed === SWEPT_AT_ONCE && !stopping())
    }
  }

  async beforeApplicationShutdown() {
    await this.loop.stop()
  }

  /** The last requests have been answered by now. */
  async onApplicationShutdown() {
    await this.flush().catch((error: unknown) => this.logger.warn({ err: error }, 'the last counts of events are lost'))
  }

  private async write(): Promise<void> {
    const minutes = this.tally.take()
    if (minutes.length === 0) return
    const rows = rollUp(minutes)
    try {
      // All or nothing: what was written must not be counted again.
      await this.database.asSystem(async (sql) => {
        for (let from = 0; from < rows.length; from += MAX_ROWS_A_STATEMENT)
          await sql.execute(UPSERT, columnsOf(rows.slice(from, from + MAX_ROWS_A_STATEMENT)))
      })
    } catch (error) {
      if (this.tally.size + minutes.length <= MOST_WAITING) this.tally.putBack(minutes)
      else this.lost.inc(minutes.reduce((sum, { accepted }) => sum + accepted, 0))
      throw error
    }
  }
}

const columnsOf = (rows: CountRow[]) => [
  rows.map(({ tenantId }) => tenantId),
  rows.map(({ grain }) => grain),
  rows.map(({ at }) => new Date(at).toISOString()),
  rows.map(({ type }) => type),
  rows.map(({ accepted }) => accepted),
  rows.map(({ duplicates }) => duplicates),
  rows.map(({ rejected }) => rejected),
]
