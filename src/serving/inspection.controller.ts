import { Controller, Inject } from '@nestjs/common'
import { BASE_VERSION } from '../registry/versions.service.js'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Answer, RecommendationRequest } from './recommend.schema.js'
import { RecommendService } from './recommend.service.js'

const inspect = contract({
  method: 'POST',
  path: '/v1/tenants/:tenant/model-versions/:id/recommendations',
  summary: `What a version would recommend, promoted or not, and because of what; '${BASE_VERSION}' for the untuned base. Counts as no impression`,
  tag: 'Training and versions',
  access: 'train',
  errors: [422],
  body: RecommendationRequest,
  response: Answer.omit({ recommendationId: true, experiment: true }).meta({ id: 'Inspection' }),
})

/** To look inside: what one version or another would do for somebody. */
@Controller()
export class InspectionController {
  constructor(@Inject(RecommendService) private readonly recommendations: RecommendService) {}

  @Route(inspect)
  inspect(@Parsed() { tenant, params, body }: Input<typeof inspect>) {
    return this.recommendations.inspect(tenant, params.id, body)
  }
}
