import { Controller, Inject } from '@nestjs/common'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import {
  Answer,
  CountQuery,
  RankingAnswer,
  RankingRequest,
  RecommendationRequest,
  TrendingQuery,
  UserQuery,
} from './recommend.schema.js'
import { RecommendService } from './recommend.service.js'

const tag = 'Recommendations'
const recommend = contract({
  method: 'POST',
  path: '/v1/tenants/:tenant/recommendations',
  summary: 'Items for a user, for a history, or for anybody',
  tag,
  access: 'recommend',
  body: RecommendationRequest,
  response: Answer,
})
const forUser = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/users/:userId/recommendations',
  summary: 'Items for a user: the plain case',
  tag,
  access: 'recommend',
  query: UserQuery,
  response: Answer,
})
const rank = contract({
  method: 'POST',
  path: '/v1/tenants/:tenant/rankings',
  summary: 'Put given items in order for a user or a history',
  tag,
  access: 'recommend',
  body: RankingRequest,
  response: RankingAnswer,
})
const similar = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/items/:itemId/similar',
  summary: 'More like this item',
  tag,
  access: 'recommend',
  query: CountQuery,
  response: Answer,
})
const trending = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/trending',
  summary: 'What is wanted now',
  tag,
  access: 'recommend',
  query: TrendingQuery,
  response: Answer,
})

@Controller()
export class RecommendController {
  constructor(@Inject(RecommendService) private readonly recommendations: RecommendService) {}

  @Route(recommend)
  recommend(@Parsed() { tenant, body }: Input<typeof recommend>) {
    return this.recommendations.recommend(tenant, body)
  }

  @Route(forUser)
  forUser(@Parsed() { tenant, params, query }: Input<typeof forUser>) {
    return this.recommendations.recommend(tenant, { userId: params.userId, ...query })
  }

  @Route(rank)
  rank(@Parsed() { tenant, body }: Input<typeof rank>) {
    return this.recommendations.order(tenant, body)
  }

  @Route(similar)
  similar(@Parsed() { tenant, params, query }: Input<typeof similar>) {
    return this.recommendations.similar(tenant, params.itemId, query.count)
  }

  @Route(trending)
  trending(@Parsed() { tenant, query }: Input<typeof trending>) {
    return this.recommendations.trending(tenant, query.count, query.hours)
  }
}
