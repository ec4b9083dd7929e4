import { Controller, Inject } from '@nestjs/common'
import { ExperimentInput, ExperimentSummary, ExperimentView, StopInput } from '../online/experiment.schema.js'
import { ExperimentsService } from '../online/experiments.service.js'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Page, pageOf } from '../platform/schema.js'
import { AssignmentService } from './assignment.service.js'
import { ExperimentArms } from './experiment-arms.service.js'

const tag = 'Measured online'
const path = '/v1/tenants/:tenant/experiments'

const createExperiment = contract({
  method: 'POST',
  path,
  summary: 'Serve users by arms, each user always by the same, and compare what comes of it',
  tag,
  access: 'train',
  status: 201,
  errors: [409, 422],
  body: ExperimentInput,
  response: ExperimentView,
})
const listExperiments = contract({
  method: 'GET',
  path,
  summary: 'Experiments, newest first, without their figures',
  tag,
  access: 'train',
  query: Page,
  response: pageOf(ExperimentSummary),
})
const getExperiment = contract({
  method: 'GET',
  path: `${path}/:id`,
  summary: 'One experiment: rates by arm, whether users were split as meant, and the verdict',
  tag,
  access: 'train',
  response: ExperimentView,
})
const stopExperiment = contract({
  method: 'POST',
  path: `${path}/:id/stop`,
  summary: 'End an experiment, with a winner for everybody or without',
  tag,
  access: 'train',
  errors: [409, 422],
  body: StopInput,
  response: ExperimentView,
})

@Controller()
export class ExperimentsController {
  constructor(
    @Inject(ExperimentsService) private readonly experiments: ExperimentsService,
    @Inject(ExperimentArms) private readonly arms: ExperimentArms,
    @Inject(AssignmentService) private readonly assignment: AssignmentService,
  ) {}

  @Route(createExperiment)
  async create(@Parsed() { tenant, body, caller }: Input<typeof createExperiment>) {
    await this.arms.check(tenant, body)
    const made = await this.experiments.create(tenant, body, caller)
    this.assignment.forget(tenant)
    return made
  }

  @Route(listExperiments)
  list(@Parsed() { tenant, query }: Input<typeof listExperiments>) {
    return this.experiments.list(tenant, query.limit, query.cursor)
  }

  @Route(getExperiment)
  get(@Parsed() { tenant, params }: Input<typeof getExperiment>) {
    return this.experiments.get(tenant, params.id)
  }

  @Route(stopExperiment)
  async stop(@Parsed() { tenant, params, body, caller }: Input<typeof stopExperiment>) {
    const stopped = await this.experiments.stop(tenant, params.id, body.winner, caller, (sql, experiment, winner) =>
      this.arms.adopt(sql, tenant, experiment, winner, caller),
    )
    this.assignment.forget(tenant)
    return stopped
  }
}
