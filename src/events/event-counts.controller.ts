import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { AppError } from '../platform/errors.js'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Timestamp } from '../platform/schema.js'
import { EventCountsService, FLUSH_EVERY_MS, KEPT_MS } from './event-counts.service.js'
import { GRAIN_MS, GRAINS, OTHER_TYPES } from './event-tally.js'

const moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })

/** Grains that are told without a `from`: an hour, two days, a month. */
const USUAL = { minute: 60, hour: 48, day: 31 } as const
/** A chart has no more pixels; a day by minute, and a quarter by hour, fit. */
const MOST_GRAINS = 2500

const countEvents = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/events/counts',
  summary: 'How many events came, by when they came and by type',
  tag: 'Events',
  access: 'manage',
  errors: [422],
  query: z
    .object({
      from: Timestamp.optional().meta({
        override: { type: 'string', format: 'date-time' },
        description: 'From the grain on that holds it; the last 60 minutes, 48 hours or 31 days unless said',
      }),
      to: Timestamp.optional().meta({
        override: { type: 'string', format: 'date-time' },
        description: 'Before this; now unless said',
      }),
      by: z.enum(GRAINS).default('hour').meta({ description: 'In UTC' }),
    })
    .refine(({ from, to }) => !from || !to || from < to, { path: ['to'], error: 'has to be after from' }),
  response: z
    .object({
      by: z.enum(GRAINS),
      from: moment,
      to: moment,
      keptSince: moment.meta({ description: 'Counts by this grain go no further back: what is older was deleted' }),
      delaySeconds: z.number().meta({
        description:
          'What came within the last seconds may be missing yet; a process that is killed loses that much for good',
      }),
      data: z.array(
        z.object({
          at: moment.meta({ description: 'Where the grain begins; those without an event are missing' }),
          type: z.string().meta({
            description: `'${OTHER_TYPES}': what was refused without a type, and types past the hundredth of a day`,
          }),
          accepted: z.number().int(),
          duplicates: z.number().int(),
          rejected: z.number().int(),
        }),
      ),
    })
    .meta({ id: 'EventCounts' }),
})

@Controller()
export class EventCountsController {
  constructor(@Inject(EventCountsService) private readonly counts: EventCountsService) {}

  @Route(countEvents)
  async list(@Parsed() { tenant, query }: Input<typeof countEvents>) {
    const { by, to = new Date() } = query
    const grain = GRAIN_MS[by]
    const start = query.from?.getTime() ?? to.getTime() - USUAL[by] * grain
    const from = new Date(Math.floor(start / grain) * grain)
    if ((to.getTime() - from.getTime()) / grain > MOST_GRAINS)
      throw new AppError('RANGE_TOO_LONG', `At most ${MOST_GRAINS} of a grain are told at once: ask by a larger one.`, {
        status: 422,
      })
    const data = await this.counts.list(tenant, by, from, to)
    return { by, from, to, keptSince: new Date(Date.now() - KEPT_MS[by]), delaySeconds: FLUSH_EVERY_MS / 1000, data }
  }
}
