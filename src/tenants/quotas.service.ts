import { Inject, Injectable } from '@nestjs/common'
import { AppError } from '../platform/errors.js'
import { type Quota, QuotaHits } from './quota-hits.service.js'

interface Bucket {
  tokens: number
  at: number
}

/** Seconds of its rate that a tenant may use at once. */
const BURST_SECONDS = 10

/** Token buckets by tenant and kind, in this process: each instance grants the whole rate. */
@Injectable()
export class QuotasService {
  private readonly buckets = new Map<string, Bucket>()

  constructor(@Inject(QuotaHits) private readonly hits: QuotaHits) {}

  /**
   * Takes `amount` from a tenant's bucket. A single call larger than the whole bucket passes when the bucket is full,
   * and is paid off afterwards: otherwise it could never pass.
   * @throws AppError QUOTA_EXCEEDED (429) with the seconds until it would pass
   */
  take(tenantId: string, kind: Exclude<Quota, 'items'>, ratePerSecond: number, amount = 1, now = Date.now()): void {
    const key = `${kind}:${tenantId}`
    const size = ratePerSecond * BURST_SECONDS
    const bucket = this.buckets.get(key) ?? { tokens: size, at: now }
    const tokens = Math.min(size, bucket.tokens + ((now - bucket.at) / 1000) * ratePerSecond)
    const needed = Math.min(amount, size)
    if (tokens < needed) {
      this.buckets.set(key, { tokens, at: now })
      this.hits.add(tenantId, kind, amount)
      const retryAfter = Math.max(1, Math.ceil((needed - tokens) / ratePerSecond))
      throw new AppError('QUOTA_EXCEEDED', `This tenant may use ${ratePerSecond} ${kind} a second.`, {
        status: 429,
        retryable: true,
        retryAfter,
        extra: { quota: kind },
      })
    }
    if (this.buckets.size > 100_000) this.buckets.clear()
    this.buckets.set(key, { tokens: tokens - amount, at: now })
  }
}
