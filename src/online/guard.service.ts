import { Inject, Injectable } from '@nestjs/common'
import { Database, type Sql } from '../platform/database.js'
import { AppError } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Metrics } from '../platform/metrics.js'
import { BASE_VERSION, VersionsService } from '../registry/versions.service.js'
import { AuditService } from '../tenants/audit.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { readUnits } from './experiment-result.js'
import { type Experiment, ExperimentsService, newExperimentId, newSeed, readExperiment } from './experiments.service.js'
import { HOLDBACK, PROMOTED } from './assignment.js'
import { GUARD_EFFECT, type GuardDecision, guardDecision } from './guard-rule.js'
import { ratioOf, type UserSums } from './sequential.js'

/** Between two looks at a guard's figures, which read every user who is in it. */
const LOOK_EVERY_MS = 60_000
/** A promotion that nobody noticed for longer is none to hold users back from any more. */
const NOTICED_WITHIN = '1 day'
const DAY_MS = 86_400_000
const GUARD = { name: 'guard' }
const NOBODY: UserSums = { users: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 }

interface Unguarded {
  tenantId: string
  promotionId: string
  versionId: string
  previous: string | null
}

/**
 * Where a tenant wishes it, some users stay with what was served before a promotion, for some days. A promoted version that
 * does significantly worse than that is rolled back, once: promoted again by hand, it is left alone.
 */
@Injectable()
export class GuardService {
  private readonly lookedAt = new Map<string, number>()
  private readonly rollbacks

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(ExperimentsService) private readonly experiments: ExperimentsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.rollbacks = metrics.counter(
      'attune_online_guard_rollbacks_total',
      'Versions that were rolled back by their guard',
    )
  }

  /** Ends guards that are over, looks at the figures of the others, and starts those of new promotions. */
  async round(stopping: () => boolean, lookEveryMs = LOOK_EVERY_MS): Promise<void> {
    for (const { tenantId, id, isOver } of await this.running()) {
      if (stopping()) return
      if (!isOver && Date.now() - (this.lookedAt.get(id) ?? 0) < lookEveryMs) continue
      this.lookedAt.set(id, Date.now())
      await this.tried(tenantId, () => this.look(tenantId, id))
    }
    for (const promotion of await this.unguarded()) {
      if (stopping()) return
      await this.tried(promotion.tenantId, () => this.start(promotion))
    }
  }

  /** One tenant's trouble is not that of the others. */
  private async tried(tenantId: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'NOT_FOUND') return
      this.logger.warn({ err: error, tenant: tenantId }, 'could not guard a promotion')
    })
  }

  private async running() {
    const rows = await this.database.asSystem((sql) =>
      sql.query<{ tenantId: string; id: string; isOver: boolean }>(
        `SELECT e.tenant_id AS "tenantId", e.experiment_id AS id,
           e.promotion_id IS DISTINCT FROM (SELECT max(promotion_id) FROM promotions p WHERE p.tenant_id = e.tenant_id)
             AS "isOver"
         FROM experiments e WHERE e.kind = 'guard' AND e.stopped_at IS NULL`,
      ),
    )
    const ids = new Set(rows.map(({ id }) => id))
    for (const id of this.lookedAt.keys()) if (!ids.has(id)) this.lookedAt.delete(id)
    return rows
  }

  private unguarded(): Promise<Unguarded[]> {
    return this.database.asSystem((sql) =>
      sql.query<Unguarded>(
        `SELECT t.tenant_id AS "tenantId", p.promotion_id::text AS "promotionId", p.version_id AS "versionId", before.version_id AS previous
         FROM tenants t
         CROSS JOIN LATERAL (SELECT * FROM promotions WHERE tenant_id = t.tenant_id ORDER BY promotion_id DESC LIMIT 1) p
         LEFT JOIN LATERAL (SELECT version_id FROM promotions WHERE tenant_id = t.tenant_id AND promotion_id < p.promotion_id
           ORDER BY promotion_id DESC LIMIT 1) before ON true
         WHERE t.deleted_at IS NULL AND jsonb_typeof(t.settings->'training'->'guard') = 'object'
           AND p.kind <> 'rollback' AND p.version_id IS NOT NULL AND p.version_id IS DISTINCT FROM before.version_id
           AND p.promoted_at > now() - interval '${NOTICED_WITHIN}'
           AND NOT EXISTS (SELECT FROM experiments e WHERE e.tenant_id = t.tenant_id AND e.kind = 'guard'
             AND (e.promotion_id = p.promotion_id OR e.stopped_at IS NULL
               OR (e.guard->>'modelVersion' = p.version_id AND e.winner = $1)))`,
        [HOLDBACK],
      ),
    )
  }

  private async start({ tenantId, promotionId, versionId, previous }: Unguarded): Promise<void> {
    const { settings } = await this.tenants.get(tenantId)
    const { guard } = settings.training
    if (!guard) return
    const { metric, holdback, days, maxDrop } = guard
    const id = newExperimentId()
    const old = previous ?? BASE_VERSION
    const arms = [
      { name: PROMOTED, modelVersion: versionId, scenario: null, share: 1 - holdback },
      { name: HOLDBACK, modelVersion: old, scenario: null, share: holdback },
    ]
    await this.database.inTenant(tenantId, async (sql) => {
      const made = await sql.execute(
        `INSERT INTO experiments (tenant_id, experiment_id, kind, name, metric, min_effect, min_days, arms, seed, promotion_id, guard)
         VALUES ($1, $2, 'guard', $3, $4, $5, 0, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
        [
          tenantId,
          id,
          `guard of ${versionId}`,
          metric,
          GUARD_EFFECT,
          JSON.stringify(arms),
          newSeed(),
          promotionId,
          JSON.stringify({ modelVersion: versionId, maxDrop, days }),
        ],
      )
      // Another instance was faster.
      if (made === 0) return
      await this.audit.record(sql, tenantId, GUARD, 'experiment.create', id, { modelVersion: versionId, previous: old })
      this.logger.info(
        { tenant: tenantId, version: versionId, previous: old, experiment: id, holdback },
        'guarding a promotion',
      )
    })
  }

  private async look(tenantId: string, id: string): Promise<void> {
    const { settings } = await this.tenants.get(tenantId)
    const current = await this.versions.current(tenantId)
    await this.database.inTenant(tenantId, async (sql) => {
      const experiment = await readExperiment(sql, tenantId, id, 'FOR UPDATE')
      const { guard, arms, metric, promotionId, startedAt, stoppedAt } = experiment
      if (stoppedAt || !guard) return
      const end = (reason: string, winner?: string) => this.end(sql, tenantId, experiment, reason, winner)
      if (current?.promotionId !== promotionId) return end('Something else was promoted, or it was rolled back.')
      if (!settings.training.guard) return end('The guard was switched off.')
      const units = await readUnits(sql, tenantId, id, metric)
      const sumsOf = (name: string) => units.find(({ arm }) => arm === name) ?? NOBODY
      const [promoted, old] = [sumsOf(PROMOTED), sumsOf(HOLDBACK)]
      const found = guardDecision(promoted, old, guard.maxDrop, arms[1].share)
      if (found.decision === 'worse')
        return this.rollBack(sql, tenantId, experiment, inWords(experiment, promoted, old, found))
      if (found.decision === 'better') return end('The promoted version does significantly better.', PROMOTED)
      if (Date.now() - startedAt.getTime() > guard.days * DAY_MS)
        return end(`The promoted version was not found to do worse within ${guard.days} days.`)
    })
  }

  private async rollBack(sql: Sql, tenantId: string, experiment: Experiment, reason: string): Promise<void> {
    const { id, promotionId, guard } = experiment
    const done = await this.versions.rollbackIn(sql, tenantId, GUARD, { reason, promotionId })
    if (!done) return
    await this.end(sql, tenantId, experiment, reason, HOLDBACK)
    this.rollbacks.inc()
    this.logger.error(
      {
        tenant: tenantId,
        version: guard?.modelVersion,
        served: done.versionId ?? BASE_VERSION,
        experiment: id,
        reason,
      },
      'A VERSION WAS ROLLED BACK BY ITS GUARD',
    )
  }

  private async end(sql: Sql, tenantId: string, experiment: Experiment, reason: string, winner?: string) {
    const { verdict } = await this.experiments.end(sql, tenantId, experiment, { winner, reason })
    const { id, guard } = experiment
    await this.audit.record(sql, tenantId, GUARD, 'experiment.stop', id, { winner: winner ?? null, verdict, reason })
    this.logger.info({ tenant: tenantId, version: guard?.modelVersion, experiment: id, reason }, 'a guard has ended')
  }
}

function inWords(
  { id, metric, arms }: Experiment,
  promoted: UserSums,
  old: UserSums,
  { comparison }: GuardDecision,
): string {
  const [now, before] = [ratioOf(promoted)?.value ?? 0, ratioOf(old)?.value ?? 0]
  const figure = (value: number) => Number(value.toPrecision(3))
  const percent = (value: number) => `${Math.round((100 * value) / before)} %`
  const { difference = 0, high = 0 } = comparison ?? {}
  return (
    `Significantly fewer ${metric}: ${figure(now)} for each impression, beside ` +
    `${figure(before)} for the users who stayed with ${arms[1].modelVersion}: ${percent(-difference)} fewer, ` +
    `at least ${percent(-high)} with 95 % certainty (experiment ${id}).`
  )
}
