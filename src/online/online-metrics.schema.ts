import { z } from 'zod'
import { Timestamp } from '../platform/schema.js'
import { ANSWER_KINDS } from './answers.service.js'

export const DEFAULT_DAYS = 7

const Moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })

export const OnlineQuery = z.object({
  from: Timestamp.optional().meta({
    override: { type: 'string', format: 'date-time' },
    description: `From the hour of this moment on (UTC); ${DEFAULT_DAYS} days before \`to\` unless said.`,
  }),
  to: Timestamp.optional().meta({
    override: { type: 'string', format: 'date-time' },
    description: 'Up to the hour of this moment, that hour included; now unless said.',
  }),
  by: z.enum(['hour', 'day']).optional().meta({ description: 'Adds `series`: the same by version over time, UTC.' }),
})

export const RateView = z
  .object({ value: z.number().nullable(), low: z.number().nullable(), high: z.number().nullable() })
  .meta({
    id: 'Rate',
    description:
      'With the interval in which it lies with 95 % certainty. Users are independent, not their impressions: the interval is as wide as the spread between users makes it. Null where nobody, or too few users, were counted to say.',
  })

const figures = {
  impressions: z.number().int(),
  clicks: z.number().int().meta({ description: 'Items that were clicked, each once an answer' }),
  conversions: z.number().int(),
  clickRate: RateView,
  conversionRate: RateView,
}
export const Figures = z.object(figures)
export type Figures = z.output<typeof Figures>

export const OnlineMetrics = z
  .object({
    from: Moment,
    to: Moment.meta({ description: 'The end of the last hour' }),
    total: Figures,
    versions: z.array(z.object({ modelVersion: z.string(), ...figures })),
    scenarios: z.array(z.object({ scenario: z.string().nullable(), ...figures })),
    data: z.array(
      z.object({
        modelVersion: z.string(),
        scenario: z.string().nullable(),
        kind: z.enum(ANSWER_KINDS),
        ...figures,
        positions: z
          .array(z.object({ from: z.number().int(), to: z.number().int(), ...figures }))
          .meta({ description: 'By place in the list, 1 at its top; further down places are taken together' }),
      }),
    ),
    series: z
      .array(
        z.object({
          at: Moment,
          modelVersion: z.string(),
          impressions: z.number().int(),
          clicks: z.number().int(),
          conversions: z.number().int(),
        }),
      )
      .optional(),
  })
  .meta({
    id: 'OnlineMetrics',
    description:
      'What came of answers. Everything is counted in the hour of its answer: the figures of answers that are younger than the attribution window still grow.',
  })
export type OnlineMetrics = z.output<typeof OnlineMetrics>
