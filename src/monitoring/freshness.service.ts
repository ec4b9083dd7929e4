import { Inject, Injectable } from '@nestjs/common'
import { Metrics } from '../platform/metrics.js'
import { addCounts, binAmong, quantile, shareWithin, type SketchKind, total } from './sketch.js'
import { SketchesService } from './sketches.service.js'

/** Seconds; both of the contract's promises are among them, so that what was late can be told exactly. */
export const BOUNDS = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300]

export const FRESH_KINDS = ['event', 'item'] as const
export type FreshKind = (typeof FRESH_KINDS)[number]

/** Within how many seconds of its acceptance a row has to count in recommendations. */
export const PROMISED_SECONDS: Record<FreshKind, number> = { event: 1, item: 5 }

/** Longer than anybody looks back here; Prometheus keeps the rest. */
const KEPT_DAYS = 3
export const MOST_HOURS = 24 * KEPT_DAYS

const kindOf = (name: string): SketchKind => ({
  name,
  grain: 'hour',
  keptDays: KEPT_DAYS,
  bins: BOUNDS.length + 1,
  binOf: binAmong(BOUNDS),
})
const SKETCHES: Record<FreshKind, SketchKind> = { event: kindOf('freshness.event'), item: kindOf('freshness.item') }

/** How soon rows of one kind were taken in; seconds. */
export interface Freshness {
  measured: number
  promisedSeconds: number
  /** The share that was taken in as soon as is promised. */
  withinPromise: number | null
  p50: number | null
  p95: number | null
  p99: number | null
}

/**
 * How long it takes from the acceptance of an event until it counts in recommendations, and of an item until it can be
 * recommended: measured where a live model takes the row in.
 */
@Injectable()
export class FreshnessService {
  private readonly seconds
  private readonly late

  constructor(
    @Inject(SketchesService) private readonly sketches: SketchesService,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {
    this.seconds = metrics.histogram(
      'attune_freshness_seconds',
      'From the acceptance of an event until it counts in recommendations, of an item until it can be recommended; only while its tenant is asked for',
      ['kind'],
      BOUNDS,
    )
    this.late = metrics.counter(
      'attune_freshness_late_total',
      'Events and items taken in later than is promised: 1 s and 5 s',
      ['kind', 'tenant'],
    )
  }

  /** A live model has taken a row in. @param seconds since it was accepted */
  taken(kind: FreshKind, tenantId: string, seconds: number): void {
    this.seconds.observe({ kind }, seconds)
    this.sketches.add(SKETCHES[kind], tenantId, seconds)
    if (seconds > PROMISED_SECONDS[kind]) this.late.inc({ kind, tenant: this.metrics.tenantLabel(tenantId, 0) })
  }

  /** Of the last hours, over all instances. @param hours at most `MOST_HOURS` */
  async lately(tenantId: string, hours: number, now = Date.now()) {
    const since = new Date(now - hours * 3_600_000)
    const [events, items] = await Promise.all(
      FRESH_KINDS.map((kind) => this.sketches.list(SKETCHES[kind], tenantId, since)),
    )
    const moments = [...new Set([...events, ...items].map(({ at }) => at.getTime()))].sort((a, b) => a - b)
    const countsAt = (rows: typeof events, at: number) => rows.find((row) => row.at.getTime() === at)?.counts ?? []
    return {
      hours,
      events: summary('event', sum(events)),
      items: summary('item', sum(items)),
      byHour: moments.map((at) => ({
        at: new Date(at),
        events: summary('event', countsAt(events, at)),
        items: summary('item', countsAt(items, at)),
      })),
    }
  }
}

const sum = (rows: { counts: number[] }[]) => rows.reduce((all, { counts }) => addCounts(all, counts), [] as number[])

function summary(kind: FreshKind, counts: number[]): Freshness {
  const promisedSeconds = PROMISED_SECONDS[kind]
  const at = (share: number) => quantile(BOUNDS, counts, share)
  return {
    measured: total(counts),
    promisedSeconds,
    withinPromise: shareWithin(BOUNDS, counts, promisedSeconds),
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
  }
}
