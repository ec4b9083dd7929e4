import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { BURST_SECONDS } from './quota-bucket.js'
import type { RateQuota } from './quotas.service.js'

const USED = `
  SELECT quota, greatest(0, rate * ${BURST_SECONDS} - level
    - rate * greatest(0, extract(epoch FROM clock_timestamp() - at)))::float8 AS used
  FROM quota_levels WHERE tenant_id = $1`

/** What tenants use of the quotas that are rates, for people. Nothing is decided by it: that is up to `QuotasService`. */
@Injectable()
export class QuotaLevels {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Of the seconds of its rate that a tenant may use at once, as much as is used up at this moment, as far as instances have told. */
  async usedBy(tenantId: string): Promise<Map<RateQuota, number>> {
    const rows = await this.database.query<{ quota: RateQuota; used: number }>(tenantId, USED, [tenantId])
    return new Map(rows.map(({ quota, used }) => [quota, Math.round(used)]))
  }
}
