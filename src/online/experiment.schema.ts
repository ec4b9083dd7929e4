import { z } from 'zod'
import { Id, text } from '../platform/schema.js'
import { NO_DIFFERENCE, TOO_EARLY } from './verdict.js'
import { RateView } from './online-metrics.schema.js'

export const METRICS = ['clicks', 'conversions', 'clicks-per-user', 'conversions-per-user'] as const
export type Metric = (typeof METRICS)[number]

const MAX_ARMS = 10
/** Shares are decimal fractions that a client added up. */
const ROUNDING = 1e-6

const Moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const MaybeMoment = z
  .date()
  .nullable()
  .meta({ override: { type: ['string', 'null'], format: 'date-time' } })

const ArmName = text(64)
  .min(1)
  .refine((name) => name !== TOO_EARLY && name !== NO_DIFFERENCE, 'is what a verdict says')

const ArmInput = z.strictObject({
  name: ArmName,
  modelVersion: Id.optional().meta({
    description: 'Served by this version, `base` for none; without it, by whichever is promoted.',
  }),
  scenario: Id.optional().meta({ description: 'With the defaults of this scenario in place of the experiment’s own.' }),
  share: z.number().gt(0).lt(1).meta({ description: 'Of the users; the shares of all arms add up to 1.' }),
})

const MinEffect = z.number().min(0.005).max(1)
const MinDays = z.number().min(0).max(90)

export const ExperimentInput = z
  .strictObject({
    name: text(256).min(1),
    scenario: Id.optional().meta({
      description:
        'Takes the requests that name it. Without it, the experiment takes every request that no experiment of its own scenario takes.',
    }),
    arms: z.array(ArmInput).min(2).max(MAX_ARMS),
    metric: z.enum(METRICS).meta({
      description:
        'What arms are compared by: clicks or conversions an impression, or, where arms answer with lists of different lengths, a user.',
    }),
    minEffect: MinEffect.default(0.05).meta({
      description: 'A difference of less than this share of the rate is none: 0.05 is 5 %.',
    }),
    minDays: MinDays.default(7).meta({
      description: 'No verdict before so many days: weekdays and weekends differ.',
    }),
  })
  .superRefine(({ arms, scenario }, context) => {
    const problem = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message, input: undefined })
    if (Math.abs(arms.reduce((sum, { share }) => sum + share, 0) - 1) > ROUNDING)
      problem(['arms'], 'has shares that do not add up to 1')
    arms.forEach(({ name, scenario: own }, i) => {
      if (arms.findIndex((arm) => arm.name === name) < i) problem(['arms', i, 'name'], 'is the name of another arm')
      if (own !== undefined && scenario === undefined)
        problem(['arms', i, 'scenario'], 'needs an experiment with a scenario, which it takes the place of')
    })
  })
  .meta({ id: 'ExperimentInput' })
export type ExperimentInput = z.output<typeof ExperimentInput>

export const StopInput = z
  .strictObject({
    winner: ArmName.optional().meta({
      description:
        'The arm whose version is promoted, and whose scenario’s defaults become those of the experiment’s scenario. Without it nothing changes but that everybody is served alike again.',
    }),
  })
  .prefault({})

const arm = {
  name: z.string(),
  modelVersion: z.string().nullable(),
  scenario: z.string().nullable(),
  share: z.number(),
}
const summary = {
  id: z.string(),
  kind: z.enum(['experiment', 'guard']).meta({
    description: 'guard: made by the setting `training.guard` after a promotion',
  }),
  name: z.string(),
  scenario: z.string().nullable(),
  metric: z.enum(METRICS),
  minEffect: z.number(),
  minDays: z.number(),
  state: z.enum(['running', 'stopped']),
  seed: z.string(),
  startedAt: Moment,
  stoppedAt: MaybeMoment,
  winner: z.string().nullable(),
  endReason: z.string().nullable(),
}
export const ExperimentSummary = z
  .object({ ...summary, arms: z.array(z.object(arm)) })
  .meta({ id: 'ExperimentSummary' })
export type ExperimentSummary = z.output<typeof ExperimentSummary>

export const ExperimentResult = z.object({
  arms: z.array(
    z.object({
      ...arm,
      users: z.number().int(),
      impressions: z.number().int(),
      clicks: z.number().int(),
      conversions: z.number().int(),
      rate: RateView.meta({ description: 'Of the metric, with its interval for this one look' }),
    }),
  ),
  sampleRatio: z
    .object({ pValue: z.number(), alarm: z.boolean() })
    .meta({ description: 'Whether the numbers of users fit the shares (chi-square; p below 0.001 alarms)' }),
  comparisons: z
    .array(
      z.object({
        arm: z.string(),
        against: z.string(),
        lift: z.number().nullable(),
        low: z.number().nullable(),
        high: z.number().nullable(),
        pValue: z.number(),
      }),
    )
    .meta({
      description:
        'Each arm against the first, as shares of its rate: always valid, however often one looks (mixture sequential probability ratio test)',
    }),
  verdict: z.string().meta({ description: `\`${TOO_EARLY}\`, \`${NO_DIFFERENCE}\`, or the name of the winning arm` }),
  reason: z.string(),
})
export type ExperimentResult = z.output<typeof ExperimentResult>

export const ExperimentView = z.object({ ...summary, ...ExperimentResult.shape }).meta({ id: 'Experiment' })
export type ExperimentView = z.output<typeof ExperimentView>
