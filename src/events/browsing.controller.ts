import { Controller, Header, Inject } from '@nestjs/common'
import { z } from 'zod'
import { ItemsService } from '../catalog/items.service.js'
import { Database } from '../platform/database.js'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { CursorMoment, CursorNumber, decodeCursor, encodeCursor, Id, Page, pageOf } from '../platform/schema.js'
import { EventsService } from './events.service.js'
import { readActiveUsers, readUsersByPrefix } from './user-rows.js'

const tag = "A user's data"
const moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const momentOrNull = z
  .date()
  .nullable()
  .meta({ override: { type: ['string', 'null'], format: 'date-time' } })

const listUsers = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/users',
  summary: 'Users, those first who did something last; or those whose ids begin with a prefix',
  tag,
  access: 'manage',
  query: Page.extend({
    prefix: Id.optional().meta({ description: 'The beginning of an id; then in the order of the ids' }),
  }),
  response: pageOf(
    z
      .object({ userId: z.string(), lastEventAt: moment, lastType: z.string(), lastItemId: z.string() })
      .meta({ id: 'ActiveUser' }),
  ).meta({ description: 'A page may be short, or empty, while the list goes on' }),
})
const showHistory = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/users/:userId/history',
  summary: 'What a user did, newest first, with what the catalogue says of the items',
  tag,
  access: 'manage',
  query: Page.pick({ limit: true }),
  response: z.object({
    userId: z.string(),
    data: z.array(
      z.object({
        itemId: z.string(),
        type: z.string(),
        value: z.number().nullable(),
        occurredAt: moment,
        item: z
          .object({
            title: z.string().nullable(),
            imageUrl: z.string().nullable(),
            url: z.string().nullable(),
            categories: z.array(z.string()),
            price: z.number().nullable(),
            available: z
              .boolean()
              .meta({ description: 'As the catalogue says; past `expiresAt` it is not, whatever it says' }),
            publishedAt: momentOrNull,
            expiresAt: momentOrNull,
          })
          .nullable()
          .meta({ description: 'Null: not in the catalogue' }),
      }),
    ),
  }),
})

/** To look inside: who there is, and what they did. Personal data, so that no cache may keep it. */
@Controller()
export class BrowsingController {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(ItemsService) private readonly items: ItemsService,
  ) {}

  @Route(listUsers)
  @Header('cache-control', 'no-store')
  async list(@Parsed() { tenant, query: { prefix, limit, cursor } }: Input<typeof listUsers>) {
    if (prefix !== undefined) {
      const [after = null] = decodeCursor(cursor, z.tuple([Id])) ?? []
      const page = await this.database.inTenant(tenant, (sql) => readUsersByPrefix(sql, tenant, prefix, after, limit))
      return { data: page.users, nextCursor: page.next && encodeCursor([page.next]) }
    }
    const [at, arrival] = decodeCursor(cursor, z.tuple([CursorMoment, CursorNumber])) ?? []
    const after = at !== undefined && arrival !== undefined ? { at, arrival } : null
    const page = await this.database.inTenant(tenant, (sql) => readActiveUsers(sql, tenant, after, limit))
    return { data: page.users, nextCursor: page.next && encodeCursor([page.next.at, page.next.arrival]) }
  }

  @Route(showHistory)
  @Header('cache-control', 'no-store')
  async history(@Parsed() { tenant, params, query }: Input<typeof showHistory>) {
    const history = await this.events.historyOf(tenant, params.userId, query.limit)
    const items = await this.items.faces(tenant, [...new Set(history.map(({ itemId }) => itemId))])
    const data = history.toReversed().map((event) => ({ ...event, item: items.get(event.itemId) ?? null }))
    return { userId: params.userId, data }
  }
}
