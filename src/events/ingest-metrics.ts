import type { Metrics } from '../platform/metrics.js'
import type { Rejection } from '../platform/schema.js'

/** What became of events, by the door they came through. */
export class IngestMetrics {
  private readonly acceptedTotal
  private readonly duplicatesTotal
  private readonly rejectedTotal

  constructor(private readonly metrics: Metrics) {
    this.acceptedTotal = metrics.counter('attune_events_accepted_total', 'New events that were stored', [
      'tenant',
      'source',
    ])
    this.duplicatesTotal = metrics.counter('attune_events_duplicates_total', 'Events that were stored before', [
      'tenant',
      'source',
    ])
    this.rejectedTotal = metrics.counter(
      'attune_events_rejected_total',
      'Events of a batch that were refused, by code; what Kafka brings and nobody can read is a dead letter',
      ['tenant', 'source', 'code'],
    )
  }

  stored(tenantId: string, source: string, accepted: number, duplicates: number): void {
    const tenant = this.metrics.tenantLabel(tenantId, accepted + duplicates)
    // A series appears with the first event: nobody needs a zero for each tenant.
    if (accepted > 0) this.acceptedTotal.inc({ tenant, source }, accepted)
    if (duplicates > 0) this.duplicatesTotal.inc({ tenant, source }, duplicates)
  }

  rejected(tenantId: string, source: string, rejections: Rejection[]): void {
    if (rejections.length === 0) return
    const tenant = this.metrics.tenantLabel(tenantId, rejections.length)
    for (const { code } of rejections) this.rejectedTotal.inc({ tenant, source, code })
  }
}
