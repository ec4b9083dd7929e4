import type { Metrics } from '../platform/metrics.js'
import type { ModelCache } from './model-cache.js'

/** Seconds. */
const BUCKETS = [0.1, 0.3, 1, 3, 10, 30, 100]

/** What the models in memory cost, and what it costs to have them there. */
export class LiveModelMetrics {
  private readonly buildSeconds
  private readonly buildFailures
  private readonly evictions

  constructor(metrics: Metrics, cache: ModelCache, budget: number) {
    metrics.gauge(
      'attune_live_models',
      'Models in memory: one for each tenant that is served, and one for each further version in an experiment',
      [],
      (gauge) => gauge.set(cache.loaded().length),
    )
    metrics.gauge('attune_live_model_bytes', 'Estimated memory of the live models', [], (gauge) =>
      gauge.set(cache.bytes),
    )
    metrics.gauge('attune_live_model_budget_bytes', 'Memory that the live models may take: MODEL_MEMORY_MB').set(budget)
    this.buildSeconds = metrics.histogram(
      'attune_live_model_build_seconds',
      'How long it took to build a live model: `cold` while requests of its tenant waited, `rebuild` beside the old one',
      ['kind'],
      BUCKETS,
    )
    this.buildFailures = metrics.counter('attune_live_model_failures_total', 'Live models that could not be built')
    this.evictions = metrics.counter(
      'attune_live_model_evictions_total',
      'Models put away because memory was short: the next request of their tenant waits for a cold load',
    )
  }

  built(ms: number, cold: boolean): void {
    this.buildSeconds.observe({ kind: cold ? 'cold' : 'rebuild' }, ms / 1000)
  }

  failed(): void {
    this.buildFailures.inc()
  }

  evicted(): void {
    this.evictions.inc()
  }
}
