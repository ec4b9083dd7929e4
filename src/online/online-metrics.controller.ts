import { Controller, Inject } from '@nestjs/common'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { OnlineMetrics, OnlineQuery } from './online-metrics.schema.js'
import { OnlineMetricsService } from './online-metrics.service.js'

const onlineMetrics = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/metrics/online',
  summary: 'Impressions, clicks, conversions and their rates, by version, scenario and position',
  tag: 'Measured online',
  access: 'train',
  query: OnlineQuery,
  response: OnlineMetrics,
})

@Controller()
export class OnlineMetricsController {
  constructor(@Inject(OnlineMetricsService) private readonly online: OnlineMetricsService) {}

  @Route(onlineMetrics)
  metrics(@Parsed() { tenant, query }: Input<typeof onlineMetrics>) {
    return this.online.metrics(tenant, query)
  }
}
