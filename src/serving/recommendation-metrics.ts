import type { Metrics } from '../platform/metrics.js'
import type { Source } from './recommend.schema.js'

export type Kind = 'recommendations' | 'rankings' | 'similar' | 'trending'

/** Seconds. */
const BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5]

/** What is told of an answer. */
interface Answered {
  kind: Kind
  tenantId: string
  source: Source
  /** Items that were asked for, and that there are. */
  asked: number
  items: number
  seconds: number
}

/** How fast recommendations are, where they come from, and whether lists are as long as was asked. */
export class RecommendationMetrics {
  private readonly seconds
  private readonly ofTenants
  private readonly short

  constructor(private readonly metrics: Metrics) {
    this.seconds = metrics.histogram(
      'attune_recommendation_seconds',
      'From a parsed request to its answer',
      ['kind', 'source'],
      BUCKETS,
    )
    this.ofTenants = metrics.counter('attune_recommendations_total', 'Answers with a list, by tenant and source', [
      'tenant',
      'source',
    ])
    this.short = metrics.counter(
      'attune_recommendations_short_total',
      'Lists with fewer items than were asked for (`short`), or with none (`empty`)',
      ['tenant', 'extent'],
    )
  }

  answered({ kind, tenantId, source, asked, items, seconds }: Answered): void {
    this.seconds.observe({ kind, source }, seconds)
    const tenant = this.metrics.tenantLabel(tenantId)
    this.ofTenants.inc({ tenant, source })
    if (items < asked) this.short.inc({ tenant, extent: items === 0 ? 'empty' : 'short' })
  }
}
