import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { Database } from '../platform/database.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Metrics } from '../platform/metrics.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { EventCountsService } from './event-counts.service.js'
import { PERSONAL_TABLES } from './personal-data.js'
import { WaitingLetters } from './waiting-letters.service.js'

const EVERY_MS = 3_600_000
/** Rows deleted in one transaction: few enough to hold no lock for long. */
const BATCH = 5000
const DAY_MS = 86_400_000

/** Deletes what is older than its tenant wants kept. */
@Injectable()
export class RetentionService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private loop?: Loop
  private stopping = false
  private readonly deleted
  private readonly swept

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(EventCountsService) private readonly counts: EventCountsService,
    @Inject(WaitingLetters) private readonly letters: WaitingLetters,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.deleted = metrics.counter(
      'attune_retention_deleted_rows_total',
      'Rows past their retention that were deleted',
      ['table'],
    )
    this.swept = metrics.gauge(
      'attune_retention_swept_timestamp_seconds',
      'When all tenants were last cleaned to the end of what is past their retention; 0: not since the start, or not here',
    )
  }

  onApplicationBootstrap() {
    if (!this.config.roles.includes('ingest')) return
    this.loop = new Loop(
      () => this.sweep(Date.now()),
      EVERY_MS,
      (error) => this.logger.warn({ err: error }, 'could not delete what is past its retention'),
    ).start()
  }

  beforeApplicationShutdown() {
    this.stopping = true
    return this.loop?.stop()
  }

  /**
   * Goes through all tenants that have a retention, and through the counts of events, in bounded batches.
   * @param now ms since the epoch
   */
  async sweep(now: number): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.tenants.list(100, cursor)
      for (const { id, settings } of page.data)
        if (settings.retentionDays !== null) await this.clean(id, new Date(now - settings.retentionDays * DAY_MS))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined && !this.stopping)
    await this.counts.sweep(now, () => this.stopping)
    await this.letters.sweep()
    if (!this.stopping) this.swept.setToCurrentTime()
  }

  private async clean(tenantId: string, before: Date): Promise<void> {
    for (const { name, at } of PERSONAL_TABLES) {
      const isOld = `tenant_id = $1 AND ${at} < $2`
      // Said twice: a row's place is its own only within one table of one server, not among partitions or shards.
      const statement = `DELETE FROM ${name} WHERE ${isOld}
        AND ctid = ANY (ARRAY(SELECT ctid FROM ${name} WHERE ${isOld} LIMIT ${BATCH}))`
      let removed: number
      do {
        removed = await this.database.inTenant(tenantId, (sql) => sql.execute(statement, [tenantId, before]))
        this.deleted.inc({ table: name }, removed)
      } while (removed === BATCH && !this.stopping)
    }
  }
}
