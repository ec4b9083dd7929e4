import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { Metrics } from '../platform/metrics.js'

/** Past this many runs in a row a further one is no news. */
const LOOKED_BACK = 10

/** How training goes for one tenant. */
export interface TrainingState {
  tenantId: string
  /** How its last runs ended, the newest first; those that were cancelled are left out. */
  states: string[]
  /** Seconds since a version was last promoted, or where none ever was, since the first run was asked for. */
  unpromotedSeconds: number | null
  /** Whether a run ended since then: training goes on, and nothing comes of it. */
  tried: boolean
}

// A few index look-ups a tenant: ten thousand of them take some tenths of a second.
const STATES = `
  SELECT t.tenant_id AS "tenantId", r.states, r.newest > p.at AS tried,
    extract(epoch FROM now() - p.at)::float8 AS "unpromotedSeconds"
  FROM tenants t
  CROSS JOIN LATERAL (
    SELECT array_agg(state ORDER BY created_at DESC) AS states, max(created_at) AS newest
    FROM (SELECT state, created_at FROM training_runs
      WHERE tenant_id = t.tenant_id AND finished_at IS NOT NULL AND state <> 'cancelled'
      ORDER BY created_at DESC LIMIT ${LOOKED_BACK}) newest_runs) r
  CROSS JOIN LATERAL (
    SELECT coalesce(
      (SELECT promoted_at FROM promotions WHERE tenant_id = t.tenant_id ORDER BY promotion_id DESC LIMIT 1),
      (SELECT min(created_at) FROM training_runs WHERE tenant_id = t.tenant_id)) AS at) p
  WHERE t.deleted_at IS NULL AND r.states IS NOT NULL`

/** How many runs failed one after the other, up to now. */
export function failuresInARow(states: string[]): number {
  const end = states.findIndex((state) => state !== 'failed')
  return end < 0 ? states.length : end
}

/** What needs a person's eye about training: of each, the tenants that are worst off. */
@Injectable()
export class TrainingWatch {
  private readonly failures
  private readonly unpromoted

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {
    this.failures = metrics.gauge(
      'attune_training_failures_in_a_row',
      `Runs of a tenant that failed one after the other, up to ${LOOKED_BACK}; only tenants whose last run failed, the worst ones`,
      ['tenant'],
    )
    this.unpromoted = metrics.gauge(
      'attune_training_unpromoted_seconds',
      'Time since a version of the tenant was last promoted, although runs have ended since; the longest ones',
      ['tenant'],
    )
  }

  /** Looks at all tenants once. */
  async look(): Promise<void> {
    const states = await this.database.asSystem((sql) => sql.query<TrainingState>(STATES))
    this.tell(
      this.failures,
      states.map(({ tenantId, states }) => [tenantId, failuresInARow(states)]),
    )
    this.tell(
      this.unpromoted,
      states.map(({ tenantId, tried, unpromotedSeconds }) => [tenantId, tried ? (unpromotedSeconds ?? 0) : 0]),
    )
  }

  /** Sets a gauge for the tenants of the largest values above zero. */
  private tell(gauge: TrainingWatch['failures'], values: [tenantId: string, value: number][]): void {
    const worst = values.filter(([, value]) => value > 0).sort(([, a], [, b]) => b - a)
    gauge.reset()
    for (const [tenant, value] of worst.slice(0, this.metrics.mostTenants)) gauge.set({ tenant }, value)
  }
}
