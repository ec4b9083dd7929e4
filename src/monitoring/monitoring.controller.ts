import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { DriftService } from './drift.service.js'
import { FreshnessService, MOST_HOURS } from './freshness.service.js'
import { DRIFT_STATES, THRESHOLDS } from './stability.js'

const tag = 'Monitoring'
const moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const nullableMoment = { type: ['string', 'null'], format: 'date-time' } as const
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

const State = z.enum(DRIFT_STATES).nullable()
const share = z.number()
const count = z.number().int()
const measure = {
  state: State.meta({ description: 'Null: nothing can be said yet, see `missing`' }),
  value: z.number().nullable().meta({ description: 'Population stability index; of the catalogue the larger share' }),
  chance: z.number().nullable().meta({
    description: 'What the value reaches once in a thousand times where nothing has moved; what is below is stable',
  }),
  missing: z.string().nullable(),
}
const Spread = z
  .object({ from: moment, to: moment, answers: count, median: z.number().nullable(), p90: z.number().nullable() })
  .nullable()

const drift = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/drift',
  summary: 'How far events, catalogue and scores have drifted from the training window of the version that is served',
  tag,
  access: 'train',
  response: z.object({
    modelVersion: z.string().nullable().meta({ description: 'Null: the base, which was not trained on the tenant' }),
    readAt: moment.nullable().meta({ description: 'When the data of the version were read', override: nullableMoment }),
    state: State.meta({ description: 'The gravest of the three; null: nothing is known of any' }),
    thresholds: z.object({ moderate: z.number(), strong: z.number() }),
    eventMix: z
      .object({
        ...measure,
        from: moment.nullable().meta({ description: 'What came since counts as now', override: nullableMoment }),
        before: count.meta({ description: 'Events of the newest four weeks of the training window' }),
        now: count,
        types: z
          .array(z.object({ type: z.string(), before: share, now: share }))
          .meta({ description: 'Shares; `*`: all types that the training window did not have' }),
      })
      .nullable(),
    catalogue: z
      .object({ ...measure, before: count.meta({ description: 'Items at training' }), added: count, gone: count })
      .nullable(),
    scores: z
      .object({
        ...measure,
        before: Spread.meta({ description: 'Of the version’s first answers: the model’s score of the first item' }),
        now: Spread.meta({ description: 'Of its answers of the last week' }),
      })
      .nullable(),
  }),
})

@Controller()
export class MonitoringController {
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(FreshnessService) private readonly freshnessOf: FreshnessService,
    @Inject(DriftService) private readonly driftOf: DriftService,
  ) {}

  @Route(freshness)
  async freshness(@Parsed() { tenant, query }: Input<typeof freshness>) {
    await this.tenants.get(tenant)
    return this.freshnessOf.lately(tenant, query.hours)
  }

  @Route(drift)
  async drift(@Parsed() { tenant }: Input<typeof drift>): Promise<z.output<typeof drift.response>> {
    const [found] = await this.driftOf.of([tenant])
    const nothing = { readAt: null, state: null, eventMix: null, catalogue: null, scores: null }
    if (!found) return { modelVersion: null, thresholds: THRESHOLDS, ...nothing }
    const { versionId: modelVersion, readAt, state, eventMix, catalogue, scores } = found
    return { modelVersion, readAt, state, thresholds: THRESHOLDS, eventMix, catalogue, scores }
  }
}
