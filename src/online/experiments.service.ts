import { randomBytes } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { Database, type Sql } from '../platform/database.js'
import { AppError, notFound } from '../platform/errors.js'
import { sqlState } from '../platform/halving.js'
import type { Caller } from '../platform/http.js'
import { cursorMoment, CursorMoment, decodeCursor, Id, toPage } from '../platform/schema.js'
import { AuditService } from '../tenants/audit.service.js'
import { type Arm, PROMOTED, type RunningExperiment } from './assignment.js'
import type { ExperimentInput, ExperimentResult, ExperimentSummary, ExperimentView } from './experiment.schema.js'
import { readUnits, resultOf } from './experiment-result.js'

export interface Experiment extends Omit<ExperimentSummary, 'state'> {
  result: ExperimentResult | null
  promotionId: string | null
  guard: GuardTerms | null
}

/** What a guard was started with. */
export interface GuardTerms {
  /** The version that was promoted. */
  modelVersion: string
  maxDrop: number
  days: number
}

/** What the caller's room does in the transaction that stops an experiment. */
export type Adopt = (sql: Sql, experiment: Experiment, winner: Arm) => Promise<void>

const UNIQUE_VIOLATION = '23505'
const COLUMNS = `experiment_id AS id, kind, name, scenario, metric, min_effect AS "minEffect", min_days AS "minDays", arms,
  seed, started_at AS "startedAt", stopped_at AS "stoppedAt", winner, end_reason AS "endReason", result,
  promotion_id::text AS "promotionId", guard`

/** Experiments of tenants, and what is known of each. */
@Injectable()
export class ExperimentsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  /** @throws AppError EXPERIMENT_RUNNING (409) with the id of the one that has these requests already */
  async create(tenantId: string, input: ExperimentInput, caller: Pick<Caller, 'name'>): Promise<ExperimentView> {
    const id = newExperimentId()
    const arms = input.arms.map(({ name, modelVersion = null, scenario = null, share }) => ({
      name,
      modelVersion,
      scenario,
      share,
    }))
    const { name, scenario = null, metric, minEffect, minDays } = input
    try {
      await this.database.inTenant(tenantId, async (sql) => {
        await sql.execute(
          `INSERT INTO experiments (tenant_id, experiment_id, kind, name, scenario, metric, min_effect, min_days, arms, seed)
           VALUES ($1, $2, 'experiment', $3, $4, $5, $6, $7, $8, $9)`,
          [tenantId, id, name, scenario, metric, minEffect, minDays, JSON.stringify(arms), newSeed()],
        )
        await this.audit.record(sql, tenantId, caller, 'experiment.create', id, { name, scenario, metric, arms })
      })
    } catch (error) {
      if (sqlState(error) !== UNIQUE_VIOLATION) throw error
      const running = await this.runningOf(tenantId)
      const other = running.find((one) => one.kind === 'experiment' && one.scenario === scenario)
      const what = scenario === null ? 'all scenarios' : `the scenario '${scenario}'`
      throw new AppError('EXPERIMENT_RUNNING', `There is an experiment on ${what} already: stop it first.`, {
        status: 409,
        ...(other && { extra: { experimentId: other.id } }),
      })
    }
    return this.get(tenantId, id)
  }

  /** Newest first, without figures. */
  async list(tenantId: string, limit: number, cursor?: string) {
    const [at, id] = decodeCursor(cursor, z.tuple([CursorMoment, Id])) ?? [null, null]
    const rows = await this.database.query<Experiment & { position: string }>(
      tenantId,
      `SELECT ${COLUMNS}, ${cursorMoment('started_at')} AS position FROM experiments
       WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (started_at, experiment_id) < ($2, $3))
       ORDER BY started_at DESC, experiment_id DESC LIMIT $4`,
      [tenantId, at, id, limit + 1],
    )
    const { data, nextCursor } = toPage(rows, limit, (row) => [row.position, row.id])
    return { data: data.map(summaryOf), nextCursor }
  }

  /** What is known now; of one that was stopped, what was known then. @throws AppError NOT_FOUND */
  get(tenantId: string, id: string): Promise<ExperimentView> {
    return this.database.inTenant(tenantId, async (sql) => {
      const experiment = await readExperiment(sql, tenantId, id)
      return viewOf(experiment, experiment.result ?? (await currentResult(sql, tenantId, experiment)))
    })
  }

  /**
   * Ends an experiment: nobody is assigned any more, and what is known stays. The same again changes nothing.
   * @param adopt makes the winner's what everybody is served, in the same transaction
   * @throws AppError NOT_FOUND, UNKNOWN_ARM (422), EXPERIMENT_STOPPED (409) where it was stopped with another winner
   */
  stop(
    tenantId: string,
    id: string,
    winner: string | undefined,
    caller: Pick<Caller, 'name'>,
    adopt: Adopt,
  ): Promise<ExperimentView> {
    return this.database.inTenant(tenantId, async (sql) => {
      const experiment = await readExperiment(sql, tenantId, id, 'FOR UPDATE')
      const arm = experiment.arms.find(({ name }) => name === winner)
      if (winner !== undefined && !arm)
        throw new AppError('UNKNOWN_ARM', `The experiment has no arm '${winner}'.`, { status: 422 })
      if (experiment.result) {
        if (experiment.winner !== (winner ?? null))
          throw new AppError('EXPERIMENT_STOPPED', 'The experiment was stopped before, with another outcome.', {
            status: 409,
          })
        return viewOf(experiment, experiment.result)
      }
      const ended = await this.end(sql, tenantId, experiment, { winner, reason: `stopped by ${caller.name}` })
      if (arm) await adopt(sql, experiment, arm)
      await this.audit.record(sql, tenantId, caller, 'experiment.stop', id, {
        winner: winner ?? null,
        verdict: ended.verdict,
      })
      return ended
    })
  }

  /** Writes the end of a running experiment in the caller's transaction. */
  async end(
    sql: Sql,
    tenantId: string,
    experiment: Experiment,
    { winner, reason }: { winner?: string; reason: string },
  ): Promise<ExperimentView> {
    const result = await currentResult(sql, tenantId, experiment)
    await sql.execute(
      `UPDATE experiments SET stopped_at = now(), winner = $3, end_reason = $4, result = $5
       WHERE tenant_id = $1 AND experiment_id = $2`,
      [tenantId, experiment.id, winner ?? null, reason, JSON.stringify(result)],
    )
    return viewOf(await readExperiment(sql, tenantId, experiment.id), result)
  }

  /** Those that requests are assigned to now. */
  runningOf(tenantId: string): Promise<RunningExperiment[]> {
    return this.database.query<RunningExperiment>(
      tenantId,
      'SELECT experiment_id AS id, kind, scenario, seed, arms FROM experiments WHERE tenant_id = $1 AND stopped_at IS NULL',
      [tenantId],
    )
  }

  /** By tenant, the versions that running experiments ask for beside the promoted one; tenants without any are missing. */
  async pinsOf(tenantIds: string[]): Promise<Map<string, Set<string>>> {
    const rows = await this.database.asSystem((sql) =>
      sql.query<{ tenantId: string; kind: string; arms: Arm[] }>(
        `SELECT tenant_id AS "tenantId", kind, arms FROM experiments WHERE tenant_id = ANY ($1::text[]) AND stopped_at IS NULL`,
        [tenantIds],
      ),
    )
    const pins = new Map<string, Set<string>>()
    for (const { tenantId, kind, arms } of rows) {
      const versions = pins.get(tenantId) ?? new Set()
      for (const { name, modelVersion } of arms)
        if (modelVersion !== null && !(kind === 'guard' && name === PROMOTED)) versions.add(modelVersion)
      pins.set(tenantId, versions)
    }
    return pins
  }
}

export const newExperimentId = () =>
  `x-${new Date().toISOString().replaceAll(/[-:]|\..*/g, '')}-${randomBytes(4).toString('hex')}`
export const newSeed = () => randomBytes(12).toString('base64url')

/** @throws AppError NOT_FOUND */
export async function readExperiment(sql: Sql, tenantId: string, id: string, lock = ''): Promise<Experiment> {
  const [row] = await sql.query<Experiment>(
    `SELECT ${COLUMNS} FROM experiments WHERE tenant_id = $1 AND experiment_id = $2 ${lock}`,
    [tenantId, id],
  )
  if (!row) throw notFound('experiment', id)
  return row
}

async function currentResult(sql: Sql, tenantId: string, experiment: Experiment): Promise<ExperimentResult> {
  return resultOf(experiment, await readUnits(sql, tenantId, experiment.id, experiment.metric), Date.now())
}

const summaryOf = ({ stoppedAt, ...experiment }: Experiment): ExperimentSummary => {
  const { id, kind, name, scenario, metric, minEffect, minDays, seed, startedAt, winner, endReason, arms } = experiment
  const state = stoppedAt ? 'stopped' : 'running'
  return {
    ...{ id, kind, name, scenario, metric, minEffect, minDays, state, seed },
    ...{ startedAt, stoppedAt, winner, endReason, arms },
  }
}

const viewOf = (experiment: Experiment, result: ExperimentResult): ExperimentView => ({
  ...summaryOf(experiment),
  ...result,
})
