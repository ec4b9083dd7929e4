import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { isPassing } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Metrics } from '../platform/metrics.js'
import { detached } from '../platform/work-context.js'

/** What was answered to whom, by which version. */
export interface Served {
  recommendationId: string
  userId: string | null
  sessionId: string | null
  modelVersion: string
  source: string
  scenario: string | null
  items: string[]
}

// An answer does not wait for its row; an event that names it comes later than this.
const FLUSH_AFTER_MS = 200
const MAX_ROWS_A_STATEMENT = 2000
// Some seconds of a busy instance: past it the database is down, and answering matters more than counting.
const MAX_WAITING = 50_000
const RETRY_AFTER_MS = 1000

/** Keeps which version and scenario made each answer, behind the answers: rows wait in memory and are written in batches. */
@Injectable()
export class AttributionService implements BeforeApplicationShutdown, OnApplicationShutdown {
  private waiting = new Map<string, (Served & { at: string })[]>()
  private count = 0
  private timer: NodeJS.Timeout | undefined
  private flushing: Promise<void> = Promise.resolve()
  private dropped = 0
  private stopping = false
  private readonly droppedTotal

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.droppedTotal = metrics.counter(
      'attune_attributions_dropped_total',
      'Answers whose row in recommendations was given up',
    )
  }

  record(tenantId: string, served: Served): void {
    if (this.count >= MAX_WAITING) return this.drop(1, 'the buffer is full')
    const rows = this.waiting.get(tenantId)
    const row = { ...served, at: new Date().toISOString() }
    if (rows) rows.push(row)
    else this.waiting.set(tenantId, [row])
    this.count++
    this.schedule(this.stopping ? 0 : FLUSH_AFTER_MS)
  }

  /** Gives up what waits for an erased user: it must not be written after the erasure. */
  forget(tenantId: string, userId: string): void {
    const rows = this.waiting.get(tenantId)
    if (!rows) return
    const kept = rows.filter((row) => row.userId !== userId)
    this.count -= rows.length - kept.length
    this.waiting.set(tenantId, kept)
  }

  /** Writes all that waits. */
  flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    return (this.flushing = this.flushing.then(() => this.write()))
  }

  /** Which of the tenants were answered last, newest first. */
  async servedLast(tenantIds: string[], limit: number): Promise<string[]> {
    const rows = await this.database.asSystem((sql) =>
      sql.query<{ id: string }>(
        `SELECT t.id FROM unnest($1::text[]) AS t (id)
         CROSS JOIN LATERAL (SELECT created_at FROM recommendations WHERE tenant_id = t.id ORDER BY created_at DESC LIMIT 1) r
         ORDER BY r.created_at DESC LIMIT $2`,
        [tenantIds, limit],
      ),
    )
    return rows.map(({ id }) => id)
  }

  async beforeApplicationShutdown() {
    this.stopping = true
    await this.flush()
  }

  /** The last requests have been answered by now. */
  async onApplicationShutdown() {
    await this.flush()
  }

  private schedule(delay: number) {
    this.timer ??= detached(() => setTimeout(() => void this.flush(), delay).unref())
  }

  private async write(): Promise<void> {
    const batches = this.waiting
    this.waiting = new Map()
    this.count = 0
    for (const [tenantId, rows] of batches) {
      for (let from = 0; from < rows.length; from += MAX_ROWS_A_STATEMENT) {
        const part = rows.slice(from, from + MAX_ROWS_A_STATEMENT)
        try {
          await this.insert(tenantId, part)
        } catch (error) {
          // A tenant that is gone takes its rows with it; a database that is away for a moment gets them again.
          if (isPassing(error) && !this.stopping) this.putBack(tenantId, part)
          else this.drop(part.length, error)
        }
      }
    }
  }

  private async insert(tenantId: string, rows: (Served & { at: string })[]) {
    await this.database.inTenant(tenantId, (sql) =>
      sql.execute(
        `INSERT INTO recommendations
           (tenant_id, recommendation_id, user_id, session_id, model_version, source, scenario, items, created_at)
         SELECT $1, r."recommendationId", r."userId", r."sessionId", r."modelVersion", r.source, r.scenario, r.items, r.at
         FROM jsonb_to_recordset($2::jsonb) AS r("recommendationId" text, "userId" text, "sessionId" text,
           "modelVersion" text, source text, scenario text, items text[], at timestamptz)
         ON CONFLICT DO NOTHING`,
        [tenantId, JSON.stringify(rows)],
      ),
    )
  }

  private putBack(tenantId: string, rows: (Served & { at: string })[]) {
    const room = rows.slice(0, Math.max(0, MAX_WAITING - this.count))
    this.waiting.set(tenantId, [...room, ...(this.waiting.get(tenantId) ?? [])])
    this.count += room.length
    if (room.length < rows.length) this.drop(rows.length - room.length, 'the buffer is full')
    this.schedule(RETRY_AFTER_MS)
  }

  private drop(rows: number, reason: unknown) {
    this.droppedTotal.inc(rows)
    // Once for each power of two: a database that is down must not fill the log as well.
    const before = this.dropped
    this.dropped += rows
    if (Math.floor(Math.log2(this.dropped)) > Math.floor(Math.log2(before)) || before === 0)
      this.logger.error(
        { dropped: this.dropped, ...(reason instanceof Error ? { err: reason } : { reason }) },
        'answers are given without attribution',
      )
  }
}
