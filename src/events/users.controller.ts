import { Readable } from 'node:stream'
import { Controller, Inject, StreamableFile } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Id } from '../platform/schema.js'
import { FORGOTTEN_WITHIN_MS, UsersService } from './users.service.js'

const tag = "A user's data"
const Moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const Rows = z.record(z.string(), z.number().int())

const eraseUser = contract({
  method: 'DELETE',
  path: '/v1/tenants/:tenant/users/:userId',
  summary: "Remove every row of a user; the erasure's page proves it",
  tag,
  access: 'manage',
  status: 202,
  response: z.object({ id: z.string(), state: z.string() }),
})
const getErasure = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/erasures/:id',
  summary: 'What an erasure removed, and the first model version trained without the user',
  tag,
  access: 'manage',
  response: z
    .object({
      id: z.string(),
      state: z.string(),
      requestedAt: Moment,
      finishedAt: Moment.nullable(),
      removed: Rows,
      cachesDroppedAt: Moment.nullable().describe(
        `From when on no instance that reaches the database has the user in memory: ${FORGOTTEN_WITHIN_MS / 1000} s after finishedAt, null before that. A live model that counted the user is built anew at once, and dropped where that takes longer.`,
      ),
      firstModelVersionWithout: z.string().nullable(),
    })
    .meta({ id: 'Erasure' }),
})
const exportUser = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/users/:userId/export',
  summary: 'Everything that is kept of a user, one JSON object a line',
  tag,
  access: 'manage',
  produces: 'application/x-ndjson',
  response: z.string(),
})
const mergeUser = contract({
  method: 'POST',
  path: '/v1/tenants/:tenant/users/:userId/merge',
  summary: 'Join an anonymous visitor to an account: everything of the one becomes the other’s',
  tag,
  access: 'manage',
  body: z.strictObject({ into: Id }),
  response: z.object({ userId: z.string(), moved: Rows }),
})

@Controller()
export class UsersController {
  constructor(@Inject(UsersService) private readonly users: UsersService) {}

  @Route(eraseUser)
  erase(@Parsed() { tenant, params, caller }: Input<typeof eraseUser>) {
    return this.users.erase(tenant, params.userId, caller)
  }

  @Route(getErasure)
  erasure(@Parsed() { tenant, params }: Input<typeof getErasure>) {
    return this.users.erasure(tenant, params.id)
  }

  @Route(exportUser)
  export(@Parsed() { tenant, params }: Input<typeof exportUser>) {
    const lines = Readable.from(this.users.export(tenant, params.userId))
    return new StreamableFile(lines, { type: 'application/x-ndjson' })
  }

  @Route(mergeUser)
  async merge(@Parsed() { tenant, params, body, caller }: Input<typeof mergeUser>) {
    const moved = await this.users.merge(tenant, params.userId, body.into, caller)
    return { userId: body.into, moved }
  }
}
