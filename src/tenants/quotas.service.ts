import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { AppError } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Metrics } from '../platform/metrics.js'
import { BURST_SECONDS, QuotaBucket } from './quota-bucket.js'
import { type Quota, QuotaHits } from './quota-hits.service.js'

export type RateQuota = Extract<Quota, 'requests' | 'events'>

const SHARE_EVERY_MS = 100
/** Past this an instance that could not share goes by what it counts itself, and says so. */
const APART_AFTER_MS = 5000
const MOST_BUCKETS = 100_000
const MOST_SHARED = 5000

/** The stored level follows the rate, less what this instance used since it last told. Times are the database's own. */
const SHARE = `
  INSERT INTO quota_levels AS q (tenant_id, quota, rate, level, at)
  SELECT u.tenant_id, u.quota, u.rate, u.rate * ${BURST_SECONDS} - u.used, clock_timestamp()
  FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[]) AS u (tenant_id, quota, rate, used)
  JOIN tenants t ON t.tenant_id = u.tenant_id AND t.deleted_at IS NULL
  ORDER BY u.tenant_id COLLATE "C", u.quota COLLATE "C"
  ON CONFLICT (tenant_id, quota) DO UPDATE SET rate = excluded.rate, at = clock_timestamp(),
    level = excluded.level - excluded.rate * ${BURST_SECONDS} + least(excluded.rate * ${BURST_SECONDS},
      q.level + excluded.rate * greatest(0, extract(epoch FROM clock_timestamp() - q.at)))
  RETURNING tenant_id AS "tenantId", quota, level`

interface Kept {
  tenantId: string
  quota: RateQuota
  rate: number
  bucket: QuotaBucket
}

/**
 * Quotas by tenant and kind that hold over all instances. Each counts by itself (`QuotaBucket`), tells the database what
 * was used and learns what the others used, in one statement for all tenants and beside all requests. Within t seconds n
 * instances let in at most t times the rate and n bursts of ten seconds of it, mostly one burst: another one only
 * where they are all asked within the tenth of a second in which they don't know of each other. With the database away
 * each grants the whole rate.
 */
@Injectable()
export class QuotasService implements BeforeApplicationShutdown {
  private readonly kept = new Map<string, Kept>()
  /** Where something was used that may have to be told. */
  private readonly used = new Map<string, Kept>()
  private sharedAt = Date.now()
  private readonly sharing: Loop
  private readonly refused

  constructor(
    @Inject(QuotaHits) private readonly hits: QuotaHits,
    @Inject(Database) private readonly database: Database,
    @Inject(Metrics) metrics: Metrics,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.refused = metrics.counter('attune_quota_refused_total', 'Calls that were refused for a quota, by which one', [
      'quota',
    ])
    metrics.gauge(
      'attune_quotas_apart',
      'Whether this instance could not share what tenants used for seconds, and grants each its whole rate',
      [],
      (gauge) => gauge.set(this.isApart() ? 1 : 0),
    )
    this.sharing = new Loop(
      () => this.share(),
      SHARE_EVERY_MS,
      (error) => {
        if (this.isApart()) logger.warn({ err: error }, 'could not share what tenants used of their quotas')
      },
    ).start()
  }

  /**
   * Takes `amount` from a tenant's bucket; see `QuotaBucket.take`.
   * @throws AppError QUOTA_EXCEEDED (429) with the seconds until it would pass
   */
  take(tenantId: string, quota: RateQuota, rate: number, amount = 1, now = Date.now()): void {
    const key = keyOf(tenantId, quota)
    let kept = this.kept.get(key)
    if (!kept) {
      if (this.kept.size > MOST_BUCKETS) this.forgetIdle(now)
      kept = { tenantId, quota, rate, bucket: new QuotaBucket(rate, now) }
      this.kept.set(key, kept)
    }
    kept.rate = rate
    const wait = kept.bucket.take(amount, rate, now)
    if (wait > 0) throw this.refusal(kept, wait, amount)
    this.used.set(key, kept)
  }

  /** Nothing at all can be taken at this moment. */
  isEmpty(tenantId: string, quota: RateQuota, now = Date.now()): boolean {
    return this.kept.get(keyOf(tenantId, quota))?.bucket.isEmpty(now) ?? false
  }

  /** The refusal of a call for an empty bucket, counted as one. */
  refuse(tenantId: string, quota: RateQuota, amount: number, now = Date.now()): AppError | null {
    const kept = this.kept.get(keyOf(tenantId, quota))
    return kept ? this.refusal(kept, kept.bucket.wait(now), amount) : null
  }

  /** Tells the others what was used here, and learns what they used. */
  async share(now = Date.now()): Promise<void> {
    const told: (Kept & { amount: number })[] = []
    for (const [key, kept] of this.used) {
      const amount = kept.bucket.due(now)
      if (kept.bucket.isIdle(now)) this.used.delete(key)
      if (amount === 0 || told.length === MOST_SHARED) continue
      kept.bucket.reporting(amount, now)
      told.push({ ...kept, amount })
    }
    if (told.length === 0) return void (this.sharedAt = now)
    try {
      const levels = await this.database.asSystem((sql) =>
        sql.query<{ tenantId: string; quota: RateQuota; level: number }>(SHARE, [
          told.map(({ tenantId }) => tenantId),
          told.map(({ quota }) => quota),
          told.map(({ rate }) => rate),
          told.map(({ amount }) => amount),
        ]),
      )
      this.sharedAt = Date.now()
      for (const { tenantId, quota, level } of levels)
        this.kept.get(keyOf(tenantId, quota))?.bucket.know(level, this.sharedAt)
    } catch (error) {
      for (const { bucket, amount } of told) bucket.notReported(amount)
      throw error
    }
  }

  async beforeApplicationShutdown() {
    await this.sharing.stop()
  }

  private isApart(): boolean {
    return Date.now() - this.sharedAt > APART_AFTER_MS
  }

  private refusal({ tenantId, quota, rate }: Kept, retryAfter: number, amount: number): AppError {
    this.hits.add(tenantId, quota, amount)
    this.refused.inc({ quota })
    return new AppError('QUOTA_EXCEEDED', `This tenant may use ${rate} ${quota} a second.`, {
      status: 429,
      retryable: true,
      retryAfter,
      extra: { quota },
    })
  }

  private forgetIdle(now: number): void {
    for (const [key, { bucket }] of this.kept) if (bucket.isIdle(now)) this.kept.delete(key)
    // Ids of tenants come from outside only where they exist: so many at once are no mistake, and are counted anew.
    if (this.kept.size > MOST_BUCKETS) this.kept.clear()
  }
}

const keyOf = (tenantId: string, quota: RateQuota) => `${quota}:${tenantId}`
