import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common'
import { Database, type Sql } from '../platform/database.js'
import { isPassing } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Metrics } from '../platform/metrics.js'
import { detached } from '../platform/work-context.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { addCounts, addUnits } from './count-rows.js'
import { type CountedAnswer, Tally, userGroupOf } from './tally.js'

/** What was asked for. */
export const ANSWER_KINDS = ['recommendations', 'rankings', 'similar', 'trending'] as const
export type AnswerKind = (typeof ANSWER_KINDS)[number]

/** What was answered to whom, by which version. */
export interface Answered {
  recommendationId: string
  userId: string | null
  sessionId: string | null
  modelVersion: string
  source: string
  kind: AnswerKind
  scenario: string | null
  items: string[]
  /** The experiment that it counts for: it was served as the arm says. */
  experiment: { id: string; arm: string; unit: string } | null
}

type Waiting = Answered & { at: string }

// An answer does not wait for its row. Once a second is seldom enough for the counters that a row is added to, and no
// more than a killed process may lose.
const FLUSH_AFTER_MS = 1000
const MAX_ROWS_A_STATEMENT = 2000
// Some seconds of a busy instance: past it the database is down, and answering matters more than counting.
const MAX_WAITING = 50_000
const RETRY_AFTER_MS = 1000

/**
 * Keeps which version and scenario made each answer, and counts impressions, behind the answers: rows wait in memory and
 * are written in batches. A row and what it counts for are one transaction, so that an answer whose row is there already
 * counts no second time.
 */
@Injectable()
export class AnswersService implements BeforeApplicationShutdown, OnApplicationShutdown {
  private waiting = new Map<string, Waiting[]>()
  private count = 0
  private timer: NodeJS.Timeout | undefined
  private flushing: Promise<void> = Promise.resolve()
  /** What is being written at this moment. */
  private underWay: { tenantId: string; rows: Waiting[] } | undefined
  private dropped = 0
  private stopping = false
  private readonly droppedTotal

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.droppedTotal = metrics.counter(
      'attune_attributions_dropped_total',
      'Answers whose row in recommendations was given up',
    )
  }

  record(tenantId: string, answered: Answered): void {
    if (this.count >= MAX_WAITING) return this.drop(1, 'the buffer is full')
    const rows = this.waiting.get(tenantId)
    const row = { ...answered, at: new Date().toISOString() }
    if (rows) rows.push(row)
    else this.waiting.set(tenantId, [row])
    this.count++
    this.schedule(this.stopping ? 0 : FLUSH_AFTER_MS)
  }

  /** Gives up what waits for an erased user, and takes back what is being written: no row may be there after the erasure. */
  async forget(tenantId: string, userId: string): Promise<void> {
    const written = this.underWay?.tenantId === tenantId ? this.underWay.rows : []
    this.giveUp(tenantId, userId)
    const late = written.filter((row) => row.userId === userId).map(({ recommendationId }) => recommendationId)
    if (late.length === 0) return
    await this.flushing
    // Where the writing failed, it waits again.
    this.giveUp(tenantId, userId)
    await this.database.inTenant(tenantId, async (sql) => {
      await sql.execute('DELETE FROM recommendations WHERE tenant_id = $1 AND recommendation_id = ANY ($2::text[])', [
        tenantId,
        late,
      ])
      await sql.execute('DELETE FROM experiment_units WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId])
    })
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
    // One tenant at a time, so that what waits can still be given up.
    for (const tenantId of [...this.waiting.keys()]) {
      const rows = this.waiting.get(tenantId) ?? []
      this.waiting.delete(tenantId)
      this.count -= rows.length
      this.underWay = { tenantId, rows }
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
      this.underWay = undefined
    }
  }

  private async insert(tenantId: string, rows: Waiting[]) {
    const { settings } = await this.tenants.get(tenantId)
    const { impressions } = settings
    const answers: AnswerOfTenant[] = rows.map(({ experiment, ...row }) => ({
      ...row,
      experimentId: experiment?.id ?? null,
      arm: experiment?.arm ?? null,
      unit: experiment?.unit ?? null,
      impressions,
      userGroup: userGroupOf(tenantId, row.userId ?? row.sessionId ?? row.recommendationId),
    }))
    await this.database.inTenant(tenantId, async (sql) => {
      const made = await insertAnswers(sql, tenantId, answers)
      const tally = new Tally()
      for (const answer of answers) {
        if (!made.has(answer.recommendationId)) continue
        const counted = { ...answer, servedAt: new Date(answer.at) }
        tally.addUnit(counted)
        if (impressions === 'served') tally.addImpressions(counted, answer.items.length)
      }
      await addCounts(sql, tenantId, tally)
      await addUnits(sql, tenantId, tally)
    })
  }

  private giveUp(tenantId: string, userId: string) {
    const rows = this.waiting.get(tenantId) ?? []
    const kept = rows.filter((row) => row.userId !== userId)
    if (kept.length === rows.length) return
    this.count -= rows.length - kept.length
    this.waiting.set(tenantId, kept)
  }

  private putBack(tenantId: string, rows: Waiting[]) {
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

type AnswerOfTenant = Omit<Waiting, 'experiment'> & Omit<CountedAnswer, 'servedAt'> & { impressions: string }

/** @returns the ids of the answers whose row was not there before */
async function insertAnswers(sql: Sql, tenantId: string, rows: AnswerOfTenant[]): Promise<Set<string>> {
  const made = await sql.query<{ id: string }>(
    `INSERT INTO recommendations (tenant_id, recommendation_id, user_id, session_id, model_version, source, scenario,
       items, created_at, kind, impressions, user_group, experiment_id, arm, unit)
     SELECT $1, r."recommendationId", r."userId", r."sessionId", r."modelVersion", r.source, r.scenario, r.items, r.at,
       r.kind, r.impressions, r."userGroup", r."experimentId", r.arm, r.unit
     FROM jsonb_to_recordset($2::jsonb) AS r("recommendationId" text, "userId" text, "sessionId" text,
       "modelVersion" text, source text, scenario text, items text[], at timestamptz, kind text, impressions text,
       "userGroup" smallint, "experimentId" text, arm text, unit text)
     ON CONFLICT DO NOTHING RETURNING recommendation_id AS id`,
    [tenantId, JSON.stringify(rows)],
  )
  return new Set(made.map(({ id }) => id))
}
