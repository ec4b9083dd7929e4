import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Page, pageOf, text } from '../platform/schema.js'
import { OUTCOMES, RUN_STATES } from '../training/run.js'
import { ATTENTION_CODES, SEVERITIES } from './attention.js'
import { OverviewService } from './overview.service.js'

const tag = 'Overview'
const moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const momentOrNull = z
  .date()
  .nullable()
  .meta({ override: { type: ['string', 'null'], format: 'date-time' } })
const Figure = z
  .object({ mean: z.number(), low: z.number(), high: z.number() })
  .meta({ id: 'Figure', description: 'With its 95 % interval' })

const Attention = z
  .object({
    code: z.enum(ATTENTION_CODES),
    severity: z.enum(SEVERITIES).meta({
      description:
        'error: users get less than they should; warning: they soon may; notice: somebody could do something',
    }),
    detail: z.string(),
  })
  .meta({ id: 'Attention' })

const TenantOverview = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: moment,
    eventsPerMinute: z.number().meta({ description: 'New ones, over the last five whole minutes' }),
    eventsLastDay: z.number(),
    lastEventAt: momentOrNull.meta({ description: 'To the minute, or longer ago to the hour or day' }),
    serving: z.enum(['fine-tuned', 'base', 'popular']),
    modelVersion: z.string().nullable().meta({ description: 'Null: the base' }),
    quality: z.object({ ndcg: Figure, base: Figure.nullable(), popular: Figure.nullable() }).nullable().meta({
      description:
        'NDCG@10 of the version that is served, and of the untuned base and of popularity on the same users; null while the base is served',
    }),
    lastRun: z
      .object({
        id: z.string(),
        state: z.enum(RUN_STATES),
        outcome: z.enum(OUTCOMES).nullable(),
        reason: z.string().nullable(),
        detail: z.string().nullable(),
        progress: z.number().nullable(),
        error: z.object({ code: z.string(), message: z.string() }).nullable(),
        versionId: z.string().nullable(),
        servedAt: momentOrNull,
        createdAt: moment,
        finishedAt: momentOrNull,
      })
      .nullable(),
    nextTraining: momentOrNull.meta({ description: 'When the schedule looks next; null: only on request' }),
    attention: z.array(Attention).meta({ description: 'What may need a person, gravest first' }),
  })
  .meta({ id: 'TenantOverview' })

const ConsumerLag = z
  .object({ messages: z.number(), measuredAt: moment })
  .nullable()
  .meta({ description: 'Messages that the Kafka consumers of all tenants have not read yet; null: there is no Kafka' })

const listOverview = contract({
  method: 'GET',
  path: '/v1/overview',
  summary: 'All tenants at a glance, those first that need a person most, then by name',
  tag,
  access: 'operator',
  query: Page.extend({
    attention: z
      .enum(['any', 'none', ...ATTENTION_CODES])
      .optional()
      .meta({
        description: 'Only tenants with anything, with nothing, or with this',
      }),
    search: text(256).optional().meta({ description: 'A part of the name or of the id, in any case' }),
  }),
  response: pageOf(TenantOverview).extend({
    totals: z
      .object({
        tenants: z.number().int(),
        needAttention: z.number().int(),
        eventsPerMinute: z.number(),
        byCode: z.partialRecord(z.enum(ATTENTION_CODES), z.number().int()),
      })
      .meta({ description: 'Over all tenants, whatever was asked for' }),
    consumerLag: ConsumerLag,
  }),
})
const tenantOverview = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/overview',
  summary: 'One tenant at a glance, and what of it needs a person',
  tag,
  access: 'manage',
  response: TenantOverview.extend({ consumerLag: ConsumerLag }),
})

@Controller()
export class OverviewController {
  constructor(@Inject(OverviewService) private readonly overview: OverviewService) {}

  @Route(listOverview)
  list(@Parsed() { query }: Input<typeof listOverview>) {
    return this.overview.list(query)
  }

  @Route(tenantOverview)
  get(@Parsed() { tenant }: Input<typeof tenantOverview>) {
    return this.overview.get(tenant)
  }
}
