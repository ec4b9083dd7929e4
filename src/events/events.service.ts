import { Inject, Injectable } from '@nestjs/common'
import { setTimeout } from 'node:timers/promises'
import { anyPast } from '../platform/past.js'
import { Database, type Reads, type Sql } from '../platform/database.js'
import { notFound } from '../platform/errors.js'
import { sqlState, storeByHalving } from '../platform/halving.js'
import { Metrics } from '../platform/metrics.js'
import { parseEntries, type Rejection } from '../platform/schema.js'
import { EventTypeName } from '../tenants/settings.js'
import {
  completeEvent,
  type CountedEvent,
  Event,
  type PlacedEvent,
  type UserEvent,
  type WrittenEvent,
} from './event.js'
import { EventCountsService } from './event-counts.service.js'
import { insertEvents, readCounted, readEvents, readHistory, readItems } from './event-rows.js'
import { OTHER_TYPES } from './event-tally.js'
import { IngestMetrics } from './ingest-metrics.js'
import { eventsBefore, historyStart, newestSince } from './training-facts.js'

export interface Stored {
  accepted: number
  duplicates: number
  rejected: Rejection[]
}

const FOREIGN_KEY_VIOLATION = '23503'
const DEADLOCK = '40P01'
/** Batches never lock each other up; what is done by hand, or by an instance of an older version, may. */
const DEADLOCK_TRIES = 4

/** What users did: the same code behind the HTTP door and the Kafka door. */
@Injectable()
export class EventsService {
  private readonly metrics

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventCountsService) private readonly counts: EventCountsService,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.metrics = new IngestMetrics(metrics)
  }

  /**
   * Stores a batch as it came, each entry on its own.
   * @param entries at most 1000
   * @param source the door, for the metrics
   * @throws AppError BATCH_TOO_LARGE (413), NOT_FOUND where the tenant is gone
   */
  async ingest(tenantId: string, entries: unknown[], source = 'http'): Promise<Stored> {
    const { good, rejected } = parseEntries(entries, Event, 'INVALID_EVENT')
    for (const { index } of rejected) this.counts.add(tenantId, typeOf(entries[index]), { rejected: 1 })
    this.metrics.rejected(tenantId, source, rejected)
    const now = new Date()
    const placed = good.map(({ index, value }) => ({ index, event: completeEvent(value, now) }))
    const stored = await this.store(tenantId, placed, source)
    return { ...stored, rejected: [...rejected, ...stored.rejected].sort((a, b) => a.index - b.index) }
  }

  /**
   * Stores parsed events, of any number, in their order. Sent twice, an event changes nothing.
   * @throws AppError NOT_FOUND where the tenant is gone
   */
  async store(tenantId: string, events: PlacedEvent[], source: string): Promise<Stored> {
    const rejected: Rejection[] = []
    let accepted = 0
    await storeByHalving(
      events,
      async (part) => {
        accepted += await this.insert(tenantId, part)
      },
      ({ index, event }) => {
        rejected.push({ index, code: 'REFUSED', reason: 'The database does not take this event.' })
        this.counts.add(tenantId, event.type, { rejected: 1 })
      },
    )
    const duplicates = events.length - accepted - rejected.length
    this.metrics.stored(tenantId, source, accepted, duplicates)
    this.metrics.rejected(tenantId, source, rejected)
    return { accepted, duplicates, rejected }
  }

  /** The newest `limit` events of a user, oldest first, ties by arrival. */
  historyOf(tenantId: string, userId: string, limit: number): Promise<UserEvent[]> {
    return this.database.inTenant(tenantId, (sql) => readHistory(sql, tenantId, 'user', userId, limit))
  }

  /** The same of a session, whoever its events are of. */
  historyOfSession(tenantId: string, sessionId: string, limit: number): Promise<UserEvent[]> {
    return this.database.inTenant(tenantId, (sql) => readHistory(sql, tenantId, 'session', sessionId, limit))
  }

  /** Every item that a user has an event of, however long ago. @param types of these types only; null: of any */
  itemsOf(tenantId: string, userId: string, types: string[] | null): Promise<string[]> {
    return this.database.inTenant(tenantId, (sql) => readItems(sql, tenantId, userId, types))
  }

  /**
   * Reads what was written since an earlier call, in pages, ordered by `occurredAt`, then arrival. An event may be given
   * twice (the same `arrival`), never left out.
   * @param horizon what the earlier call returned; null: everything within the options
   * @returns the horizon for the next call
   */
  async writtenSince(
    tenantId: string,
    horizon: string | null,
    onPage: (events: WrittenEvent[]) => void | Promise<void>,
    options: { since?: Date; newest?: number } = {},
    reads: Reads = this.database,
  ): Promise<string> {
    return reads.inTenant(tenantId, async (sql) => {
      const next = await horizonOf(sql)
      await readEvents(sql, tenantId, { ...options, horizon: horizon ?? undefined }, onPage)
      return next
    })
  }

  /** Of many reads by `writtenSince` at once: whether one from that horizon on would give anything. */
  writtenPast(reads: { tenantId: string; horizon: string }[]): Promise<boolean[]> {
    return this.database.asSystem((sql) => anyPast(sql, 'events', 'written_in', reads))
  }

  /** What is written by now, as `writtenSince` gives it, in the form that counts are made from. @returns the horizon */
  async counted(
    tenantId: string,
    onPage: (events: CountedEvent[]) => void | Promise<void>,
    options: { since: Date; newest: number },
    reads: Reads = this.database,
  ): Promise<string> {
    return reads.inTenant(tenantId, async (sql) => {
      const next = await horizonOf(sql)
      await readCounted(sql, tenantId, options, onPage)
      return next
    })
  }

  /** Where the last `historyDays` of the tenant begin, counted back from its newest event. */
  historyStart(tenantId: string, historyDays: number, reads: Reads = this.database): Promise<Date> {
    return reads.inTenant(tenantId, (sql) => historyStart(sql, tenantId, historyDays))
  }

  /** Events that a run does not read: they are older than `historyDays` before the newest one. */
  outsideHistory(tenantId: string, historyDays: number): Promise<number> {
    return this.database.inTenant(tenantId, async (sql) =>
      eventsBefore(sql, tenantId, await historyStart(sql, tenantId, historyDays)),
    )
  }

  /**
   * Every event since a moment, ordered by `occurredAt`, then arrival, at constant memory and all from one moment.
   * @param most of more events the newest so many, and what else happened at the moment of the first of them
   * @returns how many were left out as too old
   */
  async streamForTraining(
    tenantId: string,
    since: Date,
    onPage: (rows: WrittenEvent[]) => void | Promise<void>,
    most?: number,
  ): Promise<number> {
    return this.database.inTenant(tenantId, async (sql) => {
      const newest = most === undefined ? null : await newestSince(sql, tenantId, since, most)
      await readEvents(sql, tenantId, { since: newest?.since ?? since }, onPage)
      return newest?.leftOut ?? 0
    })
  }

  /** Of many tenants at once, those that have an event. */
  async withEvents(tenantIds: string[]): Promise<Set<string>> {
    const rows = await this.database.asSystem((sql) =>
      sql.query<{ id: string }>(
        'SELECT t.id FROM unnest($1::text[]) AS t (id) WHERE EXISTS (SELECT FROM events WHERE tenant_id = t.id)',
        [tenantIds],
      ),
    )
    return new Set(rows.map(({ id }) => id))
  }

  /** Reads every event of the tenant: not for each request. */
  async summary(tenantId: string): Promise<{ events: number; users: number; newest: Date | null }> {
    const [row] = await this.database.query<{ events: number; users: number; newest: Date | null }>(
      tenantId,
      `SELECT coalesce(sum(events), 0)::double precision AS events, count(*)::double precision AS users, max(newest) AS newest
       FROM (SELECT count(*) AS events, max(occurred_at) AS newest FROM events WHERE tenant_id = $1 GROUP BY user_id) users`,
      [tenantId],
    )
    return row
  }

  private async insert(tenantId: string, events: PlacedEvent[]): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        const accepted = await this.database.inTenant(tenantId, (sql) => insertEvents(sql, tenantId, events))
        return this.count(tenantId, events, accepted)
      } catch (error) {
        const state = sqlState(error)
        // The only foreign key of the table.
        if (state === FOREIGN_KEY_VIOLATION) throw notFound('tenant', tenantId)
        if (state !== DEADLOCK || attempt === DEADLOCK_TRIES) throw error
        await setTimeout(Math.random() * 50 * attempt)
      }
    }
  }

  /** @returns how many of the events were new */
  private count(tenantId: string, events: PlacedEvent[], accepted: Map<string, number>): number {
    const sent = new Map<string, number>()
    for (const { event } of events) sent.set(event.type, (sent.get(event.type) ?? 0) + 1)
    for (const [type, count] of sent) {
      const fresh = accepted.get(type) ?? 0
      this.counts.add(tenantId, type, { accepted: fresh, duplicates: count - fresh })
    }
    return [...accepted.values()].reduce((sum, count) => sum + count, 0)
  }
}

/** The type that a refused entry of a batch says, where it says one. */
function typeOf(entry: unknown): string {
  const type = typeof entry === 'object' && entry !== null && 'type' in entry ? entry.type : undefined
  return EventTypeName.safeParse(type).data ?? OTHER_TYPES
}

/** To be asked for before the rows are read: what commits in between belongs to the next call too. */
async function horizonOf(sql: Sql): Promise<string> {
  const [{ next }] = await sql.query<{ next: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS next')
  return next
}
