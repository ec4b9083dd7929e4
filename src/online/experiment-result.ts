import type { Sql } from '../platform/database.js'
import type { Arm } from './assignment.js'
import type { ExperimentResult, Metric } from './experiment.schema.js'
import type { UserSums } from './sequential.js'
import type { Counts } from './tally.js'
import { judge } from './verdict.js'

/** What was counted in an arm: over all users, and as the metric reads each. */
export interface ArmUnits extends Counts, UserSums {
  arm: string
}

const DAY_MS = 86_400_000

/** What a metric divides, and by what, of each user. */
const READINGS: Record<Metric, { x: string; y: string }> = {
  clicks: { x: 'impressions', y: 'clicks' },
  conversions: { x: 'impressions', y: 'conversions' },
  'clicks-per-user': { x: '1', y: 'clicks' },
  'conversions-per-user': { x: '1', y: 'conversions' },
}

/** The users of an experiment by arm; arms that nobody is in are missing. */
export function readUnits(sql: Sql, tenantId: string, experimentId: string, metric: Metric): Promise<ArmUnits[]> {
  const { x, y } = READINGS[metric]
  return sql.query<ArmUnits>(
    `SELECT arm, count(*)::double precision AS users, sum(x) AS x, sum(y) AS y,
       sum(x * x) AS xx, sum(x * y) AS xy, sum(y * y) AS yy,
       sum(impressions)::double precision AS impressions, sum(clicks)::double precision AS clicks,
       sum(conversions)::double precision AS conversions
     FROM (SELECT *, ${x}::double precision AS x, ${y}::double precision AS y FROM experiment_units
       WHERE tenant_id = $1 AND experiment_id = $2) units GROUP BY arm`,
    [tenantId, experimentId],
  )
}

const NOBODY = { users: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0, impressions: 0, clicks: 0, conversions: 0 }

/** What can be said of an experiment. @param now ms since the epoch */
export function resultOf(
  experiment: { arms: Arm[]; minEffect: number; minDays: number; startedAt: Date },
  units: ArmUnits[],
  now: number,
): ExperimentResult {
  const { arms, minEffect, minDays, startedAt } = experiment
  const of = new Map(units.map((row) => [row.arm, row]))
  const counted = arms.map((arm) => ({ arm, counts: of.get(arm.name) ?? { ...NOBODY, arm: arm.name } }))
  const { rates, ...judged } = judge(
    counted.map(({ arm: { name, share }, counts }) => ({ name, share, sums: counts })),
    { minEffect, minDays, days: (now - startedAt.getTime()) / DAY_MS },
  )
  return {
    arms: counted.map(({ arm, counts: { users, impressions, clicks, conversions } }, i) => ({
      ...arm,
      ...{ users, impressions, clicks, conversions },
      rate: rates[i],
    })),
    ...judged,
  }
}
