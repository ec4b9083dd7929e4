import { Controller, Header, Inject } from '@nestjs/common'
import { z } from 'zod'
import { AppError } from '../platform/errors.js'
import { contract, Route } from '../platform/http.js'
import { Metrics } from '../platform/metrics.js'
import { HealthService } from './health.service.js'

const tag = 'Operations'
const live = contract({
  method: 'GET',
  path: '/health/live',
  summary: 'Whether the process works; restart it where not',
  tag,
  access: 'public',
  response: z.object({ status: z.literal('live') }),
})
const ready = contract({
  method: 'GET',
  path: '/health/ready',
  summary: 'Whether requests may be sent here: the database answers, Kafka is consumed, models are warm',
  tag,
  access: 'public',
  response: z.object({
    status: z.literal('ready'),
    checks: z.record(z.string(), z.string()),
    training: z.object({ engine: z.string(), fallback: z.boolean() }).nullable().meta({
      description:
        'The tensor engine of training runs here, and whether a better one or a GPU could not be used (the log says why)',
    }),
  }),
})
const metrics = contract({
  method: 'GET',
  path: '/metrics',
  summary: 'Prometheus metrics',
  tag,
  access: 'public',
  produces: 'text/plain',
  response: z.string(),
})

@Controller()
export class HealthController {
  constructor(
    @Inject(HealthService) private readonly health: HealthService,
    @Inject(Metrics) private readonly metricsOfProcess: Metrics,
  ) {}

  @Route(live)
  live() {
    const broken = this.health.broken()
    if (broken) throw new AppError('NOT_LIVE', broken, { status: 503 })
    return { status: 'live' }
  }

  @Route(ready)
  async ready() {
    const { ready, checks } = await this.health.check()
    if (!ready) throw new AppError('NOT_READY', 'Not ready yet.', { status: 503, extra: { checks } })
    return { status: 'ready', checks, training: this.health.training() }
  }

  @Route(metrics)
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics() {
    return this.metricsOfProcess.registry.metrics()
  }
}
