import { Inject, Injectable } from '@nestjs/common'
import { turnoverSince } from '../catalog/training-facts.js'
import { EventCountsService } from '../events/event-counts.service.js'
import { Database } from '../platform/database.js'
import { Metrics } from '../platform/metrics.js'
import type { Baseline } from '../registry/version-report.js'
import { servedBaselines } from '../registry/served-baselines.js'
import {
  type CatalogueDrift,
  catalogueDrift,
  type EventMixDrift,
  eventMixDrift,
  FIRST_DAYS,
  NOW_DAYS,
  type ScoreDrift,
  scoreDrift,
  SCORES,
} from './drift.js'
import { SketchesService } from './sketches.service.js'
import { type DriftState, worstOf } from './stability.js'

const DAY_MS = 86_400_000

export const DRIFTING = ['eventMix', 'catalogue', 'scores'] as const

/** How far a tenant has drifted from what the version that serves it was trained on. */
export interface Drift {
  tenantId: string
  versionId: string
  /** When the version's data were read; null where that was not kept. */
  readAt: Date | null
  /** The gravest of all. */
  state: DriftState | null
  eventMix: EventMixDrift
  catalogue: CatalogueDrift
  scores: ScoreDrift
}

/**
 * Drift of events, of the catalogue and of scores. Made of rollups and of the items that changed: what it costs goes with the
 * number of tenants and of days, not of events.
 */
@Injectable()
export class DriftService {
  private readonly drift
  private readonly tenants

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventCountsService) private readonly events: EventCountsService,
    @Inject(SketchesService) private readonly sketches: SketchesService,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {
    this.drift = metrics.gauge(
      'attune_drift',
      'How far a tenant has drifted from the training window of its version: stability index, or share of the catalogue; of each kind the tenants that have drifted most',
      ['kind', 'tenant'],
    )
    this.tenants = metrics.gauge(
      'attune_drift_tenants',
      'Tenants served by a trained version, by how far they have drifted: stable, moderate, strong, or unknown',
      ['kind', 'state'],
    )
  }

  /** Notes the model's score of the first item of an answer. A few map look-ups. */
  served(tenantId: string, versionId: string, score: number): void {
    this.sketches.add(SCORES, tenantId, score, versionId)
  }

  /** Of many tenants at once; those that no trained version serves are missing. */
  async of(tenantIds: string[], now = new Date()): Promise<Drift[]> {
    const served = await this.database.lagging.asSystem((sql) => servedBaselines(sql, tenantIds))
    if (served.length === 0) return []
    const windows = served.map(({ tenantId, firstMadeAt }) => ({ tenantId, since: nowFrom(firstMadeAt, now) }))
    const reads = served.flatMap(({ tenantId, baseline }) =>
      baseline ? [{ tenantId, snapshot: baseline.snapshot, readAt: baseline.readAt }] : [],
    )
    const [counts, turnovers, scores] = await Promise.all([
      this.events.byTypeSince(windows),
      this.database.lagging.asSystem((sql) => turnoverSince(sql, reads)),
      this.sketches.listOf(SCORES, served, { first: FIRST_DAYS, since: new Date(now.getTime() - NOW_DAYS * DAY_MS) }),
    ])
    const turnoverOf = new Map(turnovers.map((turnover) => [turnover.tenantId, turnover]))
    return served.map(({ tenantId, versionId, baseline }, i): Drift => {
      const eventMix = eventMixDrift(baseline, windows[i].since, counts.get(tenantId), now)
      const catalogue = catalogueDrift(baseline, turnoverOf.get(tenantId) ?? { added: 0, gone: 0 })
      const ofScores = scoreDrift(scores.get(tenantId) ?? [], now)
      const state = worstOf([eventMix.state, catalogue.state, ofScores.state])
      return { tenantId, versionId, readAt: readAt(baseline), state, eventMix, catalogue, scores: ofScores }
    })
  }

  /** Sets the metrics. @param all of all tenants */
  tell(all: Drift[]): void {
    this.drift.reset()
    this.tenants.reset()
    for (const kind of DRIFTING) {
      for (const state of ['stable', 'moderate', 'strong', null] as const)
        this.tenants.set({ kind, state: state ?? 'unknown' }, all.filter((one) => one[kind].state === state).length)
      const known = all.flatMap(({ tenantId, [kind]: { value } }) => (value === null ? [] : [{ tenantId, value }]))
      known.sort((a, b) => b.value - a.value)
      for (const { tenantId, value } of known.slice(0, this.metrics.mostTenants))
        this.drift.set({ kind, tenant: tenantId }, value)
    }
  }
}

const readAt = (baseline: Baseline | null) => baseline && new Date(baseline.readAt)

/**
 * The first day of what counts as now: of the last week, and after the day of the tenant's first training, since what was
 * imported until then is history, whenever it came.
 */
function nowFrom(firstMadeAt: Date, now: Date): Date {
  const dayAfter = (at: number) => Math.floor(at / DAY_MS) * DAY_MS + DAY_MS
  return new Date(Math.max(dayAfter(now.getTime() - NOW_DAYS * DAY_MS), dayAfter(firstMadeAt.getTime())))
}
