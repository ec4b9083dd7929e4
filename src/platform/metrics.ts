import { Injectable } from '@nestjs/common'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Prometheus metrics of this process; each room takes its own from here. */
@Injectable()
export class Metrics {
  readonly registry = new Registry()

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  counter<L extends string = never>(name: string, help: string, labelNames: L[] = []) {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }

  gauge<L extends string = never>(name: string, help: string, labelNames: L[] = []) {
    return new Gauge({ name, help, labelNames, registers: [this.registry] })
  }

  /** @param buckets upper bounds, in seconds where the metric is a time */
  histogram<L extends string = never>(name: string, help: string, labelNames: L[] = [], buckets?: number[]) {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] })
  }
}
