import { Controller, Headers, Inject, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Page, pageOf, text } from '../platform/schema.js'
import { estimateView, OUTCOMES, type Run, RUN_STATES } from './run.js'
import { RunStream } from './run-stream.js'
import { RunsService } from './runs.service.js'

const tag = 'Training and versions'
const moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const momentOrNull = z
  .date()
  .nullable()
  .meta({ override: { type: ['string', 'null'], format: 'date-time' } })
export const EstimateView = z
  .object({
    seconds: z.number().meta({ description: 'From the start to the end, without waiting in the queue' }),
    memoryBytes: z.number().int().meta({ description: 'At the peak, in the training process and for it' }),
    engine: z.string(),
    basis: z.string().meta({ description: 'What it was reckoned from, in words' }),
  })
  .meta({ id: 'TrainingEstimate' })
const RunView = z
  .object({
    id: z.string(),
    state: z.enum(RUN_STATES).meta({
      description:
        '`promoted`: its version is served. `rejected`: the gate said no; the version is kept. `skipped`: what is served was left as it is, see `outcome`.',
    }),
    outcome: z.enum(OUTCOMES).nullable().meta({
      description:
        '`awaiting-promotion`: the version passed the gate, and the tenant promotes by hand (`autoPromote: false`); such a run ends as `skipped`.',
    }),
    detail: z.string().nullable(),
    from: z.enum(['base', 'active']),
    reason: z.string().nullable(),
    requestedBy: z.string(),
    createdAt: moment,
    startedAt: momentOrNull,
    finishedAt: momentOrNull,
    attempt: z.number().int(),
    cancelRequested: z.boolean(),
    progress: z.number().nullable(),
    epoch: z.number().nullable(),
    step: z.number().nullable(),
    tokensPerSecond: z.number().nullable(),
    etaSeconds: z.number().nullable().meta({ description: 'With all epochs; less where it stops early' }),
    loss: z.number().nullable(),
    validation: z.number().nullable().meta({ description: 'Best NDCG@10 on the validation window so far' }),
    engine: z.string().nullable(),
    engineReasons: z
      .record(z.string(), z.string())
      .nullable()
      .meta({ description: 'Why each better engine was not used' }),
    estimate: EstimateView.nullable().meta({ description: 'Made by the trainer before it starts the run' }),
    quality: z.looseObject({}).nullable().meta({ description: 'Events read, dropped and why' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    modelVersion: z.string().nullable(),
    servedAt: momentOrNull.meta({
      description:
        'When its version was first served, by the decision of the gate or, later, by hand; null where it never was',
    }),
  })
  .meta({ id: 'TrainingRun' })

/** The column is an integer of four bytes. */
const MAX_EVENT_NUMBER = 2 ** 31 - 1

const base = '/v1/tenants/:tenant/training-runs'
const requestRun = contract({
  method: 'POST',
  path: base,
  summary: 'Train a new version from the base or the active one; 200 with state `skipped` where nothing is new',
  tag,
  access: 'train',
  status: 202,
  alsoAnswers: [200],
  errors: [409, 422],
  body: z
    .strictObject({
      from: z.enum(['base', 'active']).default('active'),
      reason: text(500).optional(),
      force: z
        .boolean()
        .default(false)
        .meta({ description: 'Also where nothing is new: no event, item or setting that training goes by' }),
    })
    .prefault({}),
  response: RunView,
})
const listRuns = contract({
  method: 'GET',
  path: base,
  summary: 'Training runs, newest first',
  tag,
  access: 'train',
  query: Page,
  response: pageOf(RunView),
})
const getRun = contract({
  method: 'GET',
  path: `${base}/:id`,
  summary: 'One training run',
  tag,
  access: 'train',
  response: RunView,
})
const followRun = contract({
  method: 'GET',
  path: `${base}/:id/events`,
  summary:
    'Server-sent events of a run: attempt, estimate, state, progress, epoch, quality, metrics, and `end` when it has ended',
  tag,
  access: 'train',
  response: z.string(),
  produces: 'text/event-stream',
})
const cancelRun = contract({
  method: 'POST',
  path: `${base}/:id/cancel`,
  summary: 'End a run; one that has ended stays as it is',
  tag,
  access: 'train',
  response: RunView,
})

@Controller()
export class TrainingController {
  constructor(
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(RunStream) private readonly stream: RunStream,
  ) {}

  @Route(requestRun)
  async request(@Parsed() { tenant, body, caller }: Input<typeof requestRun>, @Res() reply: FastifyReply) {
    await this.runs.checkQuota(tenant)
    const run = await this.runs.request(tenant, body, caller)
    return reply.status(run.state === 'skipped' ? 200 : 202).send(view(run))
  }

  @Route(listRuns)
  async list(@Parsed() { tenant, query }: Input<typeof listRuns>) {
    const page = await this.runs.list(tenant, query.limit, query.cursor)
    return { ...page, data: page.data.map(view) }
  }

  @Route(getRun)
  async get(@Parsed() { tenant, params }: Input<typeof getRun>) {
    return view(await this.runs.get(tenant, params.id))
  }

  @Route(followRun)
  async follow(
    @Parsed() { tenant, params }: Input<typeof followRun>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    const { id } = await this.runs.get(tenant, params.id)
    const last = Number(lastEventId)
    // One that no event can have is not ours: all is told again.
    this.stream.follow(tenant, id, Number.isInteger(last) && last > 0 && last <= MAX_EVENT_NUMBER ? last : 0, reply)
  }

  @Route(cancelRun)
  async cancel(@Parsed() { tenant, params }: Input<typeof cancelRun>) {
    return view(await this.runs.cancel(tenant, params.id))
  }
}

function view(run: Run): z.output<typeof RunView> {
  const { status, versionId, ...rest } = run
  return {
    id: rest.id,
    state: rest.state,
    outcome: rest.outcome,
    detail: status.detail ?? null,
    from: rest.from,
    reason: rest.reason,
    requestedBy: rest.requestedBy,
    createdAt: rest.createdAt,
    startedAt: rest.startedAt,
    finishedAt: rest.finishedAt,
    attempt: rest.attempt,
    cancelRequested: rest.cancelRequested,
    progress: status.progress ?? null,
    epoch: status.epoch ?? null,
    step: status.step ?? null,
    tokensPerSecond: status.tokensPerSecond ?? null,
    etaSeconds: status.etaSeconds ?? null,
    loss: status.loss ?? null,
    validation: status.validation ?? null,
    engine: status.engine ?? null,
    engineReasons: status.engineReasons ?? null,
    estimate: rest.estimate && estimateView(rest.estimate),
    quality: rest.quality as Record<string, unknown> | null,
    error: rest.error,
    modelVersion: versionId,
    servedAt: rest.servedAt,
  }
}
