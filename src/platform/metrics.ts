import { collectDefaultMetrics, Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client'
import type { Config } from './config.js'
import { TenantLabels } from './tenant-labels.js'

/** The label that names a tenant; its value is always one of `tenantLabel`, or of a list that is as short. */
const TENANT = 'tenant'

/** Prometheus metrics of this process; each room takes its own from here. No label holds an id of a user or an item. */
export class Metrics {
  readonly registry = new Registry()
  /** At most so many tenants have series of their own in any metric. */
  readonly mostTenants: number
  private readonly tenants: TenantLabels
  private readonly ofTenants: Metric[] = []

  constructor({ metricsTenants }: Pick<Config, 'metricsTenants'>, now?: () => number) {
    this.mostTenants = metricsTenants
    this.tenants = new TenantLabels(metricsTenants, (tenantId) => void this.forget(tenantId), now)
    collectDefaultMetrics({ register: this.registry })
  }

  /**
   * What a tenant is called in the label `tenant`: by its id where it is one of the busiest, else `other`.
   * @param amount of work that it has just caused: requests, events
   */
  tenantLabel(tenantId: string, amount = 1): string {
    return this.tenants.of(tenantId, amount)
  }

  counter<L extends string = never>(name: string, help: string, labelNames: L[] = []) {
    return this.watched(new Counter({ name, help, labelNames, registers: [this.registry] }), labelNames)
  }

  /** @param read sets the gauge when somebody asks; must not throw */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: L[] = [],
    read?: (gauge: Gauge<L>) => void | Promise<void>,
  ) {
    const collect = read && {
      collect: function (this: Gauge<L>) {
        return read(this)
      },
    }
    return new Gauge({ name, help, labelNames, registers: [this.registry], ...collect })
  }

  /** @param buckets upper bounds, in seconds where the metric is a time */
  histogram<L extends string = never>(name: string, help: string, labelNames: L[] = [], buckets?: number[]) {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] })
  }

  private watched<T extends string>(metric: Counter<T>, labelNames: T[]): Counter<T> {
    if ((labelNames as string[]).includes(TENANT)) this.ofTenants.push(metric)
    return metric
  }

  /** Drops the series of a tenant that is counted among the others from now on. */
  private async forget(tenantId: string): Promise<void> {
    for (const metric of this.ofTenants)
      for (const { labels } of (await metric.get()).values)
        if (TENANT in labels && labels[TENANT] === tenantId) metric.remove(labels as Record<string, string>)
  }
}
