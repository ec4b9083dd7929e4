import { Inject, Injectable } from '@nestjs/common'
import {
  type AttributedEvent,
  readAttributed,
  readAttributedById,
  type WrittenPosition,
} from '../events/attributed-events.js'
import { Database, type Sql } from '../platform/database.js'
import { AppError } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Metrics } from '../platform/metrics.js'
import type { Settings } from '../tenants/settings.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { type AnswerRow, attribute, type Attributed } from './attribute.js'
import { outcomeReader } from './attribution-rule.js'
import { addCounts, addToUnits } from './count-rows.js'
import { Tally } from './tally.js'

/** Events of one transaction: a tenth of a second of work. */
const BATCH = 5000
/** An event is looked at when the row of its answer has had the time to be written: it would wait for it otherwise. */
const SETTLED_MS = 1500
/** An instance that can't write its rows holds them for less than this. */
const WAIT_MS = 5 * 60_000
/** Ids of answers that never were may come in any number: of more than these, the newest are not waited for. */
const MAX_WAITING = 5000

const FIRST: WrittenPosition = { writtenIn: '0', eventId: '' }

/**
 * Attributes events to the answers that they name: behind the events, by reading what was written since. Where it got to,
 * what it has counted and the counts are one transaction: killed at any moment, it goes on where it was, and nothing is
 * lost or double.
 */
@Injectable()
export class AttributionService {
  private readonly attributed
  private readonly given

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.attributed = metrics.counter(
      'attune_attributions_outcomes_total',
      'Outcomes of answers that events were counted as',
      ['outcome'],
    )
    this.given = metrics.counter(
      'attune_attributions_without_answer_total',
      'Events given up because no answer was ever made under the id that they name',
    )
  }

  /**
   * Goes through all tenants with something to attribute.
   * @param stopping ends it between two batches @param settledMs younger events are left to a later round
   */
  async round(stopping: () => boolean, settledMs = SETTLED_MS): Promise<void> {
    for (const tenantId of await this.tenantsWithNews()) {
      try {
        while (!stopping() && (await this.attribute(tenantId, settledMs)));
      } catch (error) {
        // Deleted since; the rest of the tenants have nothing to do with this one's trouble.
        if (error instanceof AppError && error.code === 'NOT_FOUND') continue
        this.logger.warn({ err: error, tenant: tenantId }, 'could not attribute events')
      }
      if (stopping()) return
    }
  }

  private async tenantsWithNews(): Promise<string[]> {
    const rows = await this.database.asSystem((sql) =>
      sql.query<{ id: string }>(
        `SELECT t.tenant_id AS id FROM tenants t LEFT JOIN attribution_progress p ON p.tenant_id = t.tenant_id
         WHERE t.deleted_at IS NULL AND (
           EXISTS (SELECT FROM attribution_waiting w WHERE w.tenant_id = t.tenant_id)
           OR EXISTS (SELECT FROM events e WHERE e.tenant_id = t.tenant_id AND e.recommendation_id IS NOT NULL
             AND (e.written_in, e.event_id) > (coalesce(p.written_in, '0'::xid8), coalesce(p.event_id, ''))))`,
      ),
    )
    return rows.map(({ id }) => id)
  }

  /** One batch. @returns whether there is more to do at once */
  private async attribute(tenantId: string, settledMs: number): Promise<boolean> {
    const { settings } = await this.tenants.get(tenantId)
    return this.database.inTenant(tenantId, async (sql) => {
      const position = await lockProgress(sql, tenantId)
      // Another instance is at it.
      if (!position) return false
      const waiting = await readWaiting(sql, tenantId)
      const { events, position: next, isMore } = await readAttributed(sql, tenantId, position, BATCH, settledMs)
      const missing = await this.count(sql, tenantId, [...waiting, ...events], settings)
      await this.wait(sql, tenantId, waiting, missing)
      await sql.execute('UPDATE attribution_progress SET written_in = $2::xid8, event_id = $3 WHERE tenant_id = $1', [
        tenantId,
        next.writtenIn,
        next.eventId,
      ])
      return isMore
    })
  }

  /** @returns the events whose answer is not there */
  private async count(
    sql: Sql,
    tenantId: string,
    events: AttributedEvent[],
    settings: Settings,
  ): Promise<AttributedEvent[]> {
    if (events.length === 0) return []
    const answers = await readAnswers(sql, tenantId, new Set(events.map(({ recommendationId }) => recommendationId)))
    const { attributed, missing } = attribute(events, answers, {
      outcomeOf: outcomeReader(settings),
      windowHours: settings.attribution.windowHours,
    })
    const fresh = await remember(sql, tenantId, attributed)
    const tally = new Tally()
    for (const { answer, place, outcome } of fresh) {
      tally.add(answer, place, outcome)
      this.attributed.inc({ outcome })
    }
    await addCounts(sql, tenantId, tally)
    await addToUnits(sql, tenantId, tally)
    return missing
  }

  /** Keeps the events whose answer may yet come, and no others. */
  private async wait(sql: Sql, tenantId: string, before: AttributedEvent[], missing: AttributedEvent[]): Promise<void> {
    const now = Date.now()
    const kept = missing.filter(({ receivedAt }) => now - receivedAt.getTime() < WAIT_MS).slice(0, MAX_WAITING)
    this.given.inc(missing.length - kept.length)
    if (before.length === 0 && kept.length === 0) return
    const ids = kept.map(({ eventId }) => eventId)
    await sql.execute('DELETE FROM attribution_waiting WHERE tenant_id = $1 AND NOT event_id = ANY ($2::text[])', [
      tenantId,
      ids,
    ])
    await sql.execute(
      `INSERT INTO attribution_waiting (tenant_id, event_id, received_at)
       SELECT $1, * FROM unnest($2::text[], $3::timestamptz[]) ON CONFLICT DO NOTHING`,
      [tenantId, ids, kept.map(({ receivedAt }) => receivedAt)],
    )
  }
}

async function lockProgress(sql: Sql, tenantId: string): Promise<WrittenPosition | undefined> {
  await sql.execute(
    `INSERT INTO attribution_progress (tenant_id, written_in, event_id) VALUES ($1, $2::xid8, $3) ON CONFLICT DO NOTHING`,
    [tenantId, FIRST.writtenIn, FIRST.eventId],
  )
  const [position] = await sql.query<WrittenPosition>(
    `SELECT written_in::text AS "writtenIn", event_id AS "eventId" FROM attribution_progress
     WHERE tenant_id = $1 FOR UPDATE SKIP LOCKED`,
    [tenantId],
  )
  return position
}

async function readWaiting(sql: Sql, tenantId: string): Promise<AttributedEvent[]> {
  const rows = await sql.query<{ id: string }>(
    'SELECT event_id AS id FROM attribution_waiting WHERE tenant_id = $1 ORDER BY received_at',
    [tenantId],
  )
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  return readAttributedById(sql, tenantId, ids)
}

async function readAnswers(sql: Sql, tenantId: string, ids: ReadonlySet<string>): Promise<Map<string, AnswerRow>> {
  const rows = await sql.query<AnswerRow>(
    `SELECT recommendation_id AS "recommendationId", created_at AS "servedAt", model_version AS "modelVersion", kind,
       scenario, experiment_id AS "experimentId", arm, unit, user_id AS "userId", coalesce(user_group, 0) AS "userGroup", impressions, items
     FROM recommendations WHERE tenant_id = $1 AND recommendation_id = ANY ($2::text[])`,
    [tenantId, [...ids]],
  )
  return new Map(rows.map((row) => [row.recommendationId, row]))
}

/** @returns those that were not counted before */
async function remember(sql: Sql, tenantId: string, attributed: Attributed[]): Promise<Attributed[]> {
  if (attributed.length === 0) return []
  const column = <T>(pick: (one: Attributed) => T) => attributed.map(pick)
  const rows = await sql.query<{ id: string; itemId: string; outcome: string }>(
    `INSERT INTO attributions (tenant_id, recommendation_id, item_id, outcome, served_at)
     SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) ON CONFLICT DO NOTHING
     RETURNING recommendation_id AS id, item_id AS "itemId", outcome`,
    [
      tenantId,
      column(({ answer }) => answer.recommendationId),
      column(({ itemId }) => itemId),
      column(({ outcome }) => outcome),
      column(({ answer }) => answer.servedAt),
    ],
  )
  const fresh = new Set(rows.map(({ id, itemId, outcome }) => JSON.stringify([id, itemId, outcome])))
  return attributed.filter(({ answer, itemId, outcome }) =>
    fresh.has(JSON.stringify([answer.recommendationId, itemId, outcome])),
  )
}
