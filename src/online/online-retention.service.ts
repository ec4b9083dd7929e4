import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { REMEMBERED_MS } from './attribution-rule.js'

/** Rows deleted in one transaction: few enough to hold no lock for long. */
const BATCH = 5000
const DAY_MS = 86_400_000
/** Counts are of nobody in particular: a year and a month of them, so that a month can be held against that of last year. */
export const KEPT_DAYS = 400

/** What goes, by its table: `$2` is the moment. */
const OLD: { table: string; where: string; afterMs: number }[] = [
  { table: 'attributions', where: 'served_at < $2', afterMs: REMEMBERED_MS },
  { table: 'online_positions', where: 'hour < $2', afterMs: KEPT_DAYS * DAY_MS },
  // The result of an experiment that was stopped is kept with it.
  {
    table: 'experiment_units',
    where: `experiment_id IN (SELECT experiment_id FROM experiments WHERE tenant_id = $1 AND stopped_at < $2)`,
    afterMs: 30 * DAY_MS,
  },
  { table: 'online_groups', where: 'hour < $2', afterMs: KEPT_DAYS * DAY_MS },
]

/** Deletes what is no longer needed to count, or too old to be looked at. */
@Injectable()
export class OnlineRetentionService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
  ) {}

  /** Goes through all tenants, in bounded batches. @param now ms since the epoch */
  async sweep(now: number, stopping: () => boolean): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.tenants.list(100, cursor)
      for (const { id } of page.data) await this.clean(id, now, stopping)
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined && !stopping())
  }

  private async clean(tenantId: string, now: number, stopping: () => boolean): Promise<void> {
    for (const { table, where, afterMs } of OLD) {
      const isOld = `tenant_id = $1 AND ${where}`
      // Said twice: a row's place is its own only within one table of one server, not among partitions or shards.
      const statement = `DELETE FROM ${table} WHERE ${isOld}
        AND ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${isOld} LIMIT ${BATCH}))`
      let removed: number
      do {
        removed = await this.database.inTenant(tenantId, (sql) =>
          sql.execute(statement, [tenantId, new Date(now - afterMs)]),
        )
      } while (removed === BATCH && !stopping())
    }
  }
}
