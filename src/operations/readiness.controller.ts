import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { EstimateView } from '../training/training.controller.js'
import { ReadinessService } from './readiness.service.js'

const Readiness = z
  .object({
    events: z.number().int(),
    eventsOutsideHistory: z.number().int().meta({
      description: 'Of these, how many are older than `historyDays` before the newest one: no run reads them',
    }),
    users: z.number().int(),
    items: z.number().int(),
    itemsWithText: z.number().int(),
    countedAt: z.date().meta({
      override: { type: 'string', format: 'date-time' },
      description: 'Of these counts and of the estimate: a large tenant is counted now and then only',
    }),
    serving: z.enum(['fine-tuned', 'base', 'popular']),
    missing: z
      .array(
        z.object({
          what: z.string(),
          words: z.string().meta({ description: 'What it is called, where people read it' }),
          have: z.number(),
          need: z.number(),
          why: z.string(),
        }),
      )
      .meta({ description: 'What a first training lacks; empty: nothing' }),
    nextTraining: z
      .date()
      .nullable()
      .meta({
        override: { type: ['string', 'null'], format: 'date-time' },
        description: 'When the schedule looks next whether a training is due; null: only on request',
      }),
    estimate: EstimateView.nullable().meta({
      description: 'What a run that is started now would take; null: something is missing, or there is no engine',
    }),
  })
  .meta({ id: 'Readiness' })

const readiness = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/readiness',
  summary: 'What is there, what is served, and what a training lacks',
  tag: 'Tenants and keys',
  access: 'manage',
  response: Readiness,
})

@Controller()
export class ReadinessController {
  constructor(@Inject(ReadinessService) private readonly ready: ReadinessService) {}

  @Route(readiness)
  readiness(@Parsed() { tenant }: Input<typeof readiness>): Promise<z.output<typeof Readiness>> {
    return this.ready.of(tenant)
  }
}
