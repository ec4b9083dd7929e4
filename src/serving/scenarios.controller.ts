import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Options } from './recommend.schema.js'
import { ScenariosService } from './scenarios.service.js'

const tag = 'Recommendations'
const path = '/v1/tenants/:tenant/scenarios/:name'
const ScenarioView = z
  .object({
    name: z.string(),
    defaults: Options,
    updatedAt: z.date().meta({ override: { type: 'string', format: 'date-time' } }),
  })
  .meta({ id: 'Scenario' })

const put = contract({
  method: 'PUT',
  path,
  summary: 'Make or replace a named placement with its defaults',
  tag,
  access: 'recommend',
  body: Options,
  response: ScenarioView,
})
const get = contract({
  method: 'GET',
  path,
  summary: 'A named placement',
  tag,
  access: 'recommend',
  response: ScenarioView,
})
const remove = contract({
  method: 'DELETE',
  path,
  summary: 'Remove a named placement',
  tag,
  access: 'recommend',
  status: 204,
})

@Controller()
export class ScenariosController {
  constructor(@Inject(ScenariosService) private readonly scenarios: ScenariosService) {}

  @Route(put)
  put(@Parsed() { tenant, params, body }: Input<typeof put>) {
    return this.scenarios.put(tenant, params.name, body)
  }

  @Route(get)
  get(@Parsed() { tenant, params }: Input<typeof get>) {
    return this.scenarios.get(tenant, params.name)
  }

  @Route(remove)
  remove(@Parsed() { tenant, params }: Input<typeof remove>) {
    return this.scenarios.remove(tenant, params.name)
  }
}
