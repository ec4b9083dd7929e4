import { Inject, Injectable } from '@nestjs/common'
import { itemsUpTo } from '../catalog/training-facts.js'
import { behaviourSize, historyStart } from '../events/training-facts.js'
import { TEXT_LENGTH } from '../model/text-encoder.js'
import { CONFIG, type Config } from '../platform/config.js'
import { Database, type Sql } from '../platform/database.js'
import type { Engine } from '../platform/tensorflow.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { threadsOf } from './capacity.js'
import { estimateRun, type Experience, type TrainingSize } from './estimate.js'
import type { Estimate } from './run.js'
import { TrainerEngine } from './trainer-engine.js'

const EVERY_ITEM = 2 ** 31 - 1

/** What an estimate is made from. */
export interface EstimateFacts {
  size: TrainingSize
  engine: Engine
  experience: Experience | undefined
}

/** What a tenant's next run will take. */
@Injectable()
export class EstimatesService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(TrainerEngine) private readonly engine: TrainerEngine,
  ) {}

  /** For a run that would start now. @throws AppError ENGINE_UNAVAILABLE where this process trains and has no engine */
  async estimate(tenantId: string): Promise<Estimate> {
    const trains = this.config.roles.includes('trainer')
    const here = trains ? (await this.engine.find()).engine : undefined
    const { size, engine, experience } = await this.facts(tenantId, here)
    // How many threads a trainer elsewhere has is not known here.
    return estimateRun(size, engine, here ? threadsOf(here, 1, this.config) : 1, experience)
  }

  /** @param here the engine of this process, where it trains */
  async facts(tenantId: string, here: Engine | undefined): Promise<EstimateFacts> {
    const { settings, embeddingLength } = await this.tenants.get(tenantId)
    return this.database.inTenant(tenantId, async (sql) => {
      const since = await historyStart(sql, tenantId, settings.training.historyDays)
      const size: TrainingSize = {
        items: await itemsUpTo(sql, tenantId, EVERY_ITEM),
        textLength: embeddingLength ?? TEXT_LENGTH,
        ...(await behaviourSize(sql, tenantId, since)),
      }
      const engine = here ?? (await lastEngine(sql, tenantId)) ?? this.assumed()
      return { size, engine, experience: await experienceOf(sql, tenantId, engine) }
    })
  }

  /** Trainers are elsewhere, and none has worked for this tenant yet: no more than wasm is certain to be there. */
  private assumed(): Engine {
    return this.config.backend === 'auto' ? 'wasm' : this.config.backend
  }
}

/** The engine of the tenant's newest run that had one. */
async function lastEngine(sql: Sql, tenantId: string): Promise<Engine | undefined> {
  const [last] = await sql.query<{ engine: Engine }>(
    `SELECT estimate->>'engine' AS engine FROM training_runs WHERE tenant_id = $1 AND estimate IS NOT NULL
     ORDER BY created_at DESC LIMIT 1`,
    [tenantId],
  )
  return last?.engine
}

/** How long the tenant's newest run that went through at the first attempt took, beside what was expected. */
async function experienceOf(sql: Sql, tenantId: string, engine: Engine): Promise<Experience | undefined> {
  const [last] = await sql.query<Experience>(
    `SELECT extract(epoch FROM finished_at - started_at)::double precision AS seconds,
       (estimate->>'uncorrectedSeconds')::double precision AS "uncorrectedSeconds"
     FROM training_runs WHERE tenant_id = $1 AND version_id IS NOT NULL AND attempt = 1 AND started_at IS NOT NULL
       AND estimate->>'engine' = $2 ORDER BY created_at DESC LIMIT 1`,
    [tenantId, engine],
  )
  return last
}
