import { Inject, Injectable } from '@nestjs/common'
import type { Arm } from '../online/assignment.js'
import type { ExperimentInput } from '../online/experiment.schema.js'
import type { Experiment } from '../online/experiments.service.js'
import type { Sql } from '../platform/database.js'
import { AppError } from '../platform/errors.js'
import type { Caller } from '../platform/http.js'
import { BASE_VERSION, VersionsService } from '../registry/versions.service.js'
import { ScenariosService } from './scenarios.service.js'

/** What the arms of an experiment name: it has to be there when the experiment starts, and the winner's becomes everybody's. */
@Injectable()
export class ExperimentArms {
  constructor(
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(ScenariosService) private readonly scenarios: ScenariosService,
  ) {}

  /** @throws AppError UNKNOWN_SCENARIO, UNKNOWN_MODEL_VERSION (422) */
  async check(tenantId: string, { scenario, arms }: ExperimentInput): Promise<void> {
    const scenarios = new Set([scenario, ...arms.map((arm) => arm.scenario)].flatMap((name) => name ?? []))
    for (const name of scenarios) await orUnknown('scenario', name, this.scenarios.get(tenantId, name))
    const versions = new Set(arms.flatMap(({ modelVersion }) => modelVersion ?? []))
    versions.delete(BASE_VERSION)
    for (const id of versions) await orUnknown('model version', id, this.versions.get(tenantId, id))
  }

  /**
   * Serves everybody as the winning arm was, in the transaction that stops the experiment.
   * @throws AppError UNKNOWN_SCENARIO, UNKNOWN_MODEL_VERSION (422) where it is gone since
   */
  async adopt(
    sql: Sql,
    tenantId: string,
    { scenario }: Experiment,
    winner: Arm,
    caller: Pick<Caller, 'name'>,
  ): Promise<void> {
    const { modelVersion } = winner
    if (modelVersion === BASE_VERSION) await this.versions.promoteBaseIn(sql, tenantId, caller)
    else if (modelVersion !== null)
      await orUnknown('model version', modelVersion, this.versions.promoteIn(sql, tenantId, modelVersion, caller))
    if (scenario !== null && winner.scenario !== null)
      await orUnknown('scenario', winner.scenario, this.scenarios.copyIn(sql, tenantId, winner.scenario, scenario))
  }
}

/** What is named in a body and isn't there makes the request impossible; the address itself was found. */
async function orUnknown<T>(what: 'scenario' | 'model version', id: string, found: Promise<T>): Promise<T> {
  try {
    return await found
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'NOT_FOUND')) throw error
    const code = what === 'scenario' ? 'UNKNOWN_SCENARIO' : 'UNKNOWN_MODEL_VERSION'
    throw new AppError(code, `There is no ${what} '${id}'.`, { status: 422 })
  }
}
