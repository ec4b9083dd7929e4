import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { FreshnessService, MOST_HOURS } from './freshness.service.js'

const tag = 'Monitoring'
const moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const seconds = z.number().nullable()

const FreshnessView = z
  .object({
    measured: z.number().int(),
    promisedSeconds: z.number(),
    withinPromise: z
      .number()
      .nullable()
      .meta({ description: 'The share that was there as soon as is promised; null: nothing was measured' }),
    p50: seconds,
    p95: seconds,
    p99: seconds.meta({ description: 'Seconds; 300 stands for that and more' }),
  })
  .meta({ id: 'Freshness' })
const both = {
  events: FreshnessView.meta({ description: 'From the acceptance of an event until it counts in recommendations' }),
  items: FreshnessView.meta({ description: 'From the acceptance of an item until it can be recommended' }),
}

const freshness = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/freshness',
  summary: 'How soon events count and items can be recommended, while recommendations are asked for',
  tag,
  access: 'manage',
  query: z.object({ hours: z.coerce.number().int().min(1).max(MOST_HOURS).default(24) }),
  response: z.object({
    hours: z.number().int(),
    ...both,
    byHour: z.array(z.object({ at: moment, ...both })).meta({ description: 'Hours in which something was measured' }),
  }),
})

@Controller()
export class MonitoringController {
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(FreshnessService) private readonly freshnessOf: FreshnessService,
  ) {}

  @Route(freshness)
  async freshness(@Parsed() { tenant, query }: Input<typeof freshness>) {
    await this.tenants.get(tenant)
    return this.freshnessOf.lately(tenant, query.hours)
  }
}
