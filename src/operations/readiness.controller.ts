import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { ItemsService } from '../catalog/items.service.js'
import { EventsService } from '../events/events.service.js'
import { AppError } from '../platform/errors.js'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { LiveModels } from '../serving/live-models.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { EstimatesService } from '../training/estimates.service.js'
import { estimateView } from '../training/run.js'
import { RunsService } from '../training/runs.service.js'
import { nextTick } from '../training/scheduler.js'
import { EstimateView } from '../training/training.controller.js'

const Readiness = z
  .object({
    events: z.number().int(),
    users: z.number().int(),
    items: z.number().int(),
    itemsWithText: z.number().int(),
    serving: z.enum(['fine-tuned', 'base', 'popular']),
    missing: z
      .array(z.object({ what: z.string(), have: z.number(), need: z.number(), why: z.string() }))
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
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(ItemsService) private readonly items: ItemsService,
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(EstimatesService) private readonly estimates: EstimatesService,
    @Inject(LiveModels) private readonly models: LiveModels,
  ) {}

  @Route(readiness)
  async readiness(@Parsed() { tenant }: Input<typeof readiness>): Promise<z.output<typeof Readiness>> {
    const [{ settings }, { items, itemsWithText }, { events, users }, missing, serving] = await Promise.all([
      this.tenants.get(tenant),
      this.items.summary(tenant),
      this.events.summary(tenant),
      this.runs.missing(tenant),
      this.models.servingState(tenant),
    ])
    const estimate = missing.length > 0 ? null : await this.estimateOf(tenant)
    return {
      events,
      users,
      items,
      itemsWithText,
      serving,
      missing,
      nextTraining: nextTick(settings.training, new Date()),
      estimate,
    }
  }

  private async estimateOf(tenant: string) {
    try {
      return estimateView(await this.estimates.estimate(tenant))
    } catch (error) {
      if (error instanceof AppError && error.code === 'ENGINE_UNAVAILABLE') return null
      throw error
    }
  }
}
