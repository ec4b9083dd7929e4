import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { AppError } from '../platform/errors.js'
import type { AnswerKind } from './answers.service.js'
import { designEffect, rateOf } from './intervals.js'
import { DEFAULT_DAYS, type Figures, type OnlineMetrics } from './online-metrics.schema.js'
import { KEPT_DAYS } from './online-retention.service.js'
import { type Counts, endOfBand } from './tally.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

interface Cell {
  modelVersion: string
  /** '' stands for none. */
  scenario: string
  kind: AnswerKind
}
type GroupRow = Cell & Counts & { userGroup: number }
type PositionRow = Cell & Counts & { position: number }

interface Range {
  from: Date
  to: Date
}

const SUMS = `sum(impressions)::double precision AS impressions, sum(clicks)::double precision AS clicks,
  sum(conversions)::double precision AS conversions`
const CELL = 'model_version AS "modelVersion", scenario, kind'
const IN_RANGE = 'tenant_id = $1 AND hour >= $2 AND hour < $3'

/** Impressions, clicks and conversions of a tenant's answers, with rates and their intervals. */
@Injectable()
export class OnlineMetricsService {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * @param query moments in any order of magnitude; what is left out is the last days
   * @throws AppError VALIDATION_FAILED where the range is empty or longer than counts are kept
   */
  async metrics(tenantId: string, query: { from?: Date; to?: Date; by?: 'hour' | 'day' }): Promise<OnlineMetrics> {
    const range = rangeOf(query)
    const values = [tenantId, range.from, range.to]
    const [groups, positions, series] = await Promise.all([
      this.database.lagging.query<GroupRow>(
        tenantId,
        `SELECT ${CELL}, user_group AS "userGroup", ${SUMS} FROM online_groups WHERE ${IN_RANGE} GROUP BY 1, 2, 3, 4`,
        values,
      ),
      this.database.lagging.query<PositionRow>(
        tenantId,
        `SELECT ${CELL}, position, ${SUMS} FROM online_positions WHERE ${IN_RANGE} GROUP BY 1, 2, 3, 4 ORDER BY 4`,
        values,
      ),
      query.by && this.series(tenantId, range, query.by),
    ])
    return {
      ...range,
      total: figures(groups),
      versions: groupBy(groups, ({ modelVersion }) => modelVersion).map((rows) => ({
        modelVersion: rows[0].modelVersion,
        ...figures(rows),
      })),
      scenarios: groupBy(groups, ({ scenario }) => scenario).map((rows) => ({
        scenario: rows[0].scenario || null,
        ...figures(rows),
      })),
      data: cellsOf(groups, positions),
      ...(series && { series }),
    }
  }

  private series(tenantId: string, { from, to }: Range, by: 'hour' | 'day') {
    return this.database.lagging.query<NonNullable<OnlineMetrics['series']>[number]>(
      tenantId,
      `SELECT date_trunc($4, hour, 'UTC') AS at, model_version AS "modelVersion", ${SUMS} FROM online_positions
       WHERE ${IN_RANGE} GROUP BY 1, 2 ORDER BY 1, 2`,
      [tenantId, from, to, by],
    )
  }
}

/** Whole hours. */
function rangeOf({ from, to = new Date() }: { from?: Date; to?: Date }): Range {
  const hour = (at: number) => new Date(Math.floor(at / HOUR_MS) * HOUR_MS)
  const range = {
    from: hour(from?.getTime() ?? to.getTime() - DEFAULT_DAYS * DAY_MS),
    to: hour(to.getTime() + HOUR_MS),
  }
  const wrong = (path: string, message: string) =>
    new AppError('VALIDATION_FAILED', 'The request does not fit the contract.', { errors: [{ path, message }] })
  if (range.from >= range.to) throw wrong('query.from', 'is not before to')
  if (range.to.getTime() - range.from.getTime() > KEPT_DAYS * DAY_MS + HOUR_MS)
    throw wrong('query.from', `is more than ${KEPT_DAYS} days before to`)
  return range
}

function cellsOf(groups: GroupRow[], positions: PositionRow[]): OnlineMetrics['data'] {
  const cellOf = ({ modelVersion, scenario, kind }: Cell) => JSON.stringify([modelVersion, scenario, kind])
  const placesOf = new Map(groupBy(positions, cellOf).map((rows) => [cellOf(rows[0]), rows]))
  return groupBy(groups, cellOf).map((rows) => {
    const { modelVersion, scenario, kind } = rows[0]
    const places = placesOf.get(cellOf(rows[0])) ?? []
    return {
      modelVersion,
      scenario: scenario || null,
      kind,
      ...figures(rows),
      positions: places.map((row) => ({
        from: row.position,
        to: endOfBand(row.position),
        // The spread between users is that of the whole: a place by itself is shown to each of them seldom.
        ...figures(rows, row),
      })),
    }
  })
}

/** @param rows of groups of users, which say how far users differ @param counts those to tell of; all of the rows unless said */
function figures(rows: GroupRow[], counts: Counts = total(rows)): Figures {
  const byGroup = groupBy(rows, ({ userGroup }) => String(userGroup)).map(total)
  const { impressions, clicks, conversions } = counts
  const rate = (name: 'clicks' | 'conversions') =>
    rateOf(
      { impressions, outcomes: counts[name] },
      designEffect(byGroup.map((group) => ({ impressions: group.impressions, outcomes: group[name] }))),
    )
  return { impressions, clicks, conversions, clickRate: rate('clicks'), conversionRate: rate('conversions') }
}

function total(rows: Counts[]): Counts {
  const sum = (name: keyof Counts) => rows.reduce((all, row) => all + row[name], 0)
  return { impressions: sum('impressions'), clicks: sum('clicks'), conversions: sum('conversions') }
}

function groupBy<T>(rows: T[], keyOf: (row: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}
