import { randomBytes } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { hasItemsPast, itemsUpTo } from '../catalog/training-facts.js'
import { behaviourSince, erasuresSince, eventsPast, historyStart } from '../events/training-facts.js'
import { trainedSettings } from '../registry/trained-settings.js'
import { Database, type Sql } from '../platform/database.js'
import { AppError, notFound } from '../platform/errors.js'
import { cursorMoment, CursorMoment, decodeCursor, Id, toPage } from '../platform/schema.js'
import { QuotaHits } from '../tenants/quota-hits.service.js'
import { type Tenant, TenantsService } from '../tenants/tenants.service.js'
import { isLearnedAlike, learnedBy } from './learned-by.js'
import { NEEDED, type Shortage, shortages, shortageWords } from './readiness.js'
import { LIVE_RUN_COLUMNS, LIVE_STATES, type Run, RUN_COLUMNS, type RunEvent, type StartFrom } from './run.js'

const IS_LIVE = `state IN (${LIVE_STATES.map((state) => `'${state}'`).join(', ')})`

const OF_THE_QUOTA = `created_at > now() - interval '1 day' AND outcome IS DISTINCT FROM 'nothing-new'`

export interface RunRequest {
  from: StartFrom
  reason?: string
  force?: boolean
}

/** What is known of a tenant's last run that made a version. */
interface LastTraining {
  createdAt: Date
  startedAt: Date
  dataSnapshot: string | null
  versionId: string
}

const NOTHING_NEW =
  'Nothing is new since the last training run: no event, no item, and no setting that training goes by. Force it to train all the same (attune train --force).'

/** Training runs as callers see them: asked for, listed, followed, cancelled. `RunQueue` is the side that does the work. */
@Injectable()
export class RunsService {
  private readonly waiting = new Set<() => void>()

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(QuotaHits) private readonly hits: QuotaHits,
  ) {}

  /** Calls back when a run is queued here, so that a trainer in this process need not wait for its next look. */
  onQueued(callback: () => void): void {
    this.waiting.add(callback)
  }

  /**
   * Asks for a training run.
   * @returns the queued run, or one of state `skipped` where nothing is new since the last one (no setting either) and it is not forced
   * @throws AppError RUN_IN_PROGRESS (409) with the `runId` of the one that is live
   * @throws AppError NOT_ENOUGH_DATA (422) saying what is missing
   */
  async request(tenantId: string, request: RunRequest, caller: { name: string }): Promise<Run> {
    const tenant = await this.tenants.get(tenantId)
    const id = `r-${new Date().toISOString().replaceAll(/[-:]|\..*/g, '')}-${randomBytes(4).toString('hex')}`
    const run = await this.database.inTenant(tenantId, async (sql) => {
      const [live] = await sql.query<{ id: string }>(
        `SELECT run_id AS id FROM training_runs WHERE tenant_id = $1 AND ${IS_LIVE}`,
        [tenantId],
      )
      if (live) throw inProgress(live.id)
      const missing = await this.missingIn(sql, tenantId, tenant.settings.training.historyDays)
      if (missing.length > 0) throw notEnough(missing)
      // Where nothing is served yet, the base is what it goes on from.
      const from = request.from === 'active' && !(await servesVersion(sql, tenantId)) ? 'base' : request.from
      const skipped = !request.force && !(await this.hasNews(sql, tenant))
      const [made] = await sql.query<Run>(
        `INSERT INTO training_runs (tenant_id, run_id, state, start_from, reason, requested_by, outcome, status, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $7::text IS NULL THEN NULL ELSE now() END)
         ON CONFLICT DO NOTHING RETURNING ${LIVE_RUN_COLUMNS}`,
        [
          tenantId,
          id,
          skipped ? 'skipped' : 'queued',
          from,
          request.reason ?? null,
          caller.name,
          skipped ? 'nothing-new' : null,
          JSON.stringify(skipped ? { detail: NOTHING_NEW } : {}),
        ],
      )
      return made
    })
    if (!run) {
      // Another request was faster by a moment.
      const [live] = await this.database.query<{ id: string }>(
        tenantId,
        `SELECT run_id AS id FROM training_runs WHERE tenant_id = $1 AND ${IS_LIVE}`,
        [tenantId],
      )
      throw inProgress(live?.id ?? null)
    }
    if (run.state === 'queued') for (const callback of this.waiting) callback()
    return run
  }

  /**
   * Whether a caller may ask for one more run today: each is hours of a trainer, whoever pays for it.
   * @throws AppError QUOTA_EXCEEDED (429) with the seconds until the oldest of them is a day ago
   */
  async checkQuota(tenantId: string): Promise<void> {
    const { trainingRunsPerDay: most } = (await this.tenants.get(tenantId)).settings.quotas
    const [over] = await this.database.query<{ seconds: number }>(
      tenantId,
      `SELECT extract(epoch FROM created_at + interval '1 day' - now())::float8 AS seconds FROM training_runs
       WHERE tenant_id = $1 AND ${OF_THE_QUOTA}
       ORDER BY created_at DESC OFFSET $2 LIMIT 1`,
      [tenantId, most - 1],
    )
    if (!over) return
    this.hits.add(tenantId, 'training runs', 1)
    throw new AppError('QUOTA_EXCEEDED', `This tenant may have ${most} training runs a day.`, {
      status: 429,
      retryable: true,
      retryAfter: Math.max(1, Math.ceil(over.seconds)),
      extra: { quota: 'training runs' },
    })
  }

  /** The runs of the last day, as the quota counts them. */
  async countedWithinDay(tenantId: string): Promise<number> {
    const [{ runs }] = await this.database.query<{ runs: number }>(
      tenantId,
      `SELECT count(*)::integer AS runs FROM training_runs WHERE tenant_id = $1 AND ${OF_THE_QUOTA}`,
      [tenantId],
    )
    return runs
  }

  /** What a tenant lacks before a run makes sense; empty: nothing. */
  async missing(tenantId: string): Promise<Shortage[]> {
    const { settings } = await this.tenants.get(tenantId)
    return this.database.inTenant(tenantId, (sql) => this.missingIn(sql, tenantId, settings.training.historyDays))
  }

  /** Events since the data of the last run that made a version (counted up to `most`), and when that was asked for. */
  async since(tenantId: string, most: number): Promise<{ newEvents: number; last: Date | null }> {
    return this.database.inTenant(tenantId, async (sql) => {
      const last = await lastTraining(sql, tenantId)
      return {
        newEvents: await eventsPast(sql, tenantId, last?.dataSnapshot ?? null, most),
        last: last?.createdAt ?? null,
      }
    })
  }

  /** When the tenant's newest run was asked for, whatever came of it. @param by of this caller only */
  async newestAt(tenantId: string, by?: string): Promise<Date | null> {
    const [row] = await this.database.query<{ at: Date | null }>(
      tenantId,
      `SELECT max(created_at) AS at FROM training_runs WHERE tenant_id = $1 AND ($2::text IS NULL OR requested_by = $2)`,
      [tenantId, by ?? null],
    )
    return row.at
  }

  /** @throws AppError NOT_FOUND */
  async get(tenantId: string, runId: string): Promise<Run> {
    const [run] = await this.database.query<Run>(
      tenantId,
      `SELECT ${RUN_COLUMNS} FROM training_runs WHERE tenant_id = $1 AND run_id = $2`,
      [tenantId, runId],
    )
    if (!run) throw notFound('training run', runId)
    return run
  }

  /** Newest first. */
  async list(tenantId: string, limit: number, cursor?: string) {
    const [at, id] = decodeCursor(cursor, z.tuple([CursorMoment, Id])) ?? [null, null]
    const rows = await this.database.query<Run & { position: string }>(
      tenantId,
      `SELECT ${RUN_COLUMNS}, ${cursorMoment('created_at')} AS position FROM training_runs
       WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (created_at, run_id) < ($2, $3))
       ORDER BY created_at DESC, run_id DESC LIMIT $4`,
      [tenantId, at, id, limit + 1],
    )
    return toPage(rows, limit, (row) => [row.position, row.id])
  }

  /**
   * Ends a run: at once where it is queued, else as soon as its trainer sees the flag (2 s). A run that has ended stays
   * as it is.
   * @throws AppError NOT_FOUND
   */
  async cancel(tenantId: string, runId: string): Promise<Run> {
    const [run] = await this.database.query<Run>(
      tenantId,
      `UPDATE training_runs SET cancel_requested = true,
         state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
         outcome = CASE state WHEN 'queued' THEN 'cancelled' ELSE outcome END,
         status = CASE state WHEN 'queued' THEN status || '{"detail": "cancelled before it began"}' ELSE status END,
         finished_at = CASE state WHEN 'queued' THEN now() ELSE finished_at END
       WHERE tenant_id = $1 AND run_id = $2 AND ${IS_LIVE} RETURNING ${LIVE_RUN_COLUMNS}`,
      [tenantId, runId],
    )
    return run ?? this.get(tenantId, runId)
  }

  /** What a run reported after event `after` (0: all of it), in order. */
  events(tenantId: string, runId: string, after: number): Promise<RunEvent[]> {
    return this.database.query<RunEvent>(
      tenantId,
      `SELECT number, at, kind, data FROM training_run_events
       WHERE tenant_id = $1 AND run_id = $2 AND number > $3 ORDER BY number LIMIT 1000`,
      [tenantId, runId, after],
    )
  }

  private async missingIn(sql: Sql, tenantId: string, historyDays: number): Promise<Shortage[]> {
    const need = { events: NEEDED.events.need, usersWithHistory: NEEDED.usersWithHistory.need }
    const behaviour = await behaviourSince(sql, tenantId, await historyStart(sql, tenantId, historyDays), need)
    const items = await itemsUpTo(sql, tenantId, NEEDED.items.need)
    return shortages({ ...behaviour, items })
  }

  private async hasNews(sql: Sql, tenant: Tenant): Promise<boolean> {
    const { id: tenantId } = tenant
    const last = await lastTraining(sql, tenantId)
    if (!last?.dataSnapshot) return true
    if ((await eventsPast(sql, tenantId, last.dataSnapshot, 1)) > 0) return true
    if (await hasItemsPast(sql, tenantId, last.dataSnapshot)) return true
    const before = await trainedSettings(sql, tenantId, last.versionId)
    if (before !== null && !isLearnedAlike(before, learnedBy(tenant))) return true
    return (await erasuresSince(sql, tenantId, last.startedAt)) > 0
  }
}

async function lastTraining(sql: Sql, tenantId: string): Promise<LastTraining | undefined> {
  const [last] = await sql.query<LastTraining>(
    `SELECT created_at AS "createdAt", started_at AS "startedAt", data_snapshot AS "dataSnapshot",
       version_id AS "versionId" FROM training_runs
     WHERE tenant_id = $1 AND version_id IS NOT NULL ORDER BY created_at DESC LIMIT 1`,
    [tenantId],
  )
  return last
}

const inProgress = (runId: string | null) =>
  new AppError('RUN_IN_PROGRESS', `A training run of this tenant is in progress${runId ? `: ${runId}` : ''}.`, {
    status: 409,
    retryable: true,
    extra: { runId },
  })

const notEnough = (missing: Shortage[]) =>
  new AppError('NOT_ENOUGH_DATA', `There is not enough to train on yet: ${shortageWords(missing)}.`, {
    status: 422,
    errors: missing.map(({ what, have, need, why }) => ({
      path: what,
      message: `${have} of at least ${need}: ${why}`,
    })),
    extra: { missing },
  })

async function servesVersion(sql: Sql, tenantId: string): Promise<boolean> {
  const [current] = await sql.query<{ versionId: string | null }>(
    'SELECT version_id AS "versionId" FROM promotions WHERE tenant_id = $1 ORDER BY promotion_id DESC LIMIT 1',
    [tenantId],
  )
  return current !== undefined && current.versionId !== null
}
