import { Inject, Injectable } from '@nestjs/common'
import { BURST_SECONDS } from '../tenants/quota-bucket.js'
import { type Quota, QuotaHits } from '../tenants/quota-hits.service.js'
import { QuotaLevels } from '../tenants/quota-levels.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { RunsService } from '../training/runs.service.js'
import { ReadinessService } from './readiness.service.js'

export interface QuotaUse {
  quota: Quota
  limit: number
  per: 'second' | 'day' | null
  used: number
  /** Beyond this is refused. */
  most: number
  refused: number
  refusedSince: Date | null
  lastRefusedAt: Date | null
}

/** What a tenant's quotas are, how near to them it is, and what they refused lately. */
@Injectable()
export class QuotaUseService {
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(QuotaHits) private readonly hits: QuotaHits,
    @Inject(QuotaLevels) private readonly levels: QuotaLevels,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(ReadinessService) private readonly readiness: ReadinessService,
  ) {}

  /** @throws AppError NOT_FOUND */
  async of(tenantId: string): Promise<QuotaUse[]> {
    const { quotas } = (await this.tenants.get(tenantId)).settings
    const [hits, levels, runs, items] = await Promise.all([
      this.hits.of([tenantId]),
      this.levels.usedBy(tenantId),
      this.runs.countedWithinDay(tenantId),
      this.readiness.itemsCounted(tenantId),
    ])
    const use = (quota: Quota, limit: number, per: QuotaUse['per'], used: number, most = limit): QuotaUse => {
      const hit = hits.find((one) => one.quota === quota)
      const refused = {
        refused: hit?.refused ?? 0,
        refusedSince: hit?.since ?? null,
        lastRefusedAt: hit?.lastAt ?? null,
      }
      return { quota, limit, per, used, most, ...refused }
    }
    const rate = (quota: 'requests' | 'events', limit: number) =>
      use(quota, limit, 'second', levels.get(quota) ?? 0, limit * BURST_SECONDS)
    return [
      rate('requests', quotas.requestsPerSecond),
      rate('events', quotas.eventsPerSecond),
      use('items', quotas.items, null, items),
      use('training runs', quotas.trainingRunsPerDay, 'day', runs),
    ]
  }
}
