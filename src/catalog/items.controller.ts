import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Page, pageOf, Rejected } from '../platform/schema.js'
import { Item, ItemView } from './item.js'
import { ItemsService } from './items.service.js'

const tag = 'Catalog'

const upsertItems = contract({
  method: 'POST',
  path: '/v1/tenants/:tenant/items',
  summary: 'Add or replace items; a bad one is refused by itself',
  tag,
  access: 'ingest',
  // Anything is taken here, so that a bad entry is told by its index; the document shows what is meant.
  body: z.strictObject({ items: z.array(z.union([z.unknown(), Item])) }),
  response: z.object({ accepted: z.number().int(), rejected: Rejected }),
})
const listItems = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/items',
  summary: 'All items, without embeddings',
  tag,
  access: 'ingest',
  query: Page,
  response: pageOf(ItemView.omit({ embedding: true })),
})
const getItem = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/items/:itemId',
  summary: 'One item',
  tag,
  access: 'ingest',
  response: ItemView,
})
const deleteItem = contract({
  method: 'DELETE',
  path: '/v1/tenants/:tenant/items/:itemId',
  summary: 'Delete an item',
  tag,
  access: 'ingest',
  status: 204,
})

@Controller()
export class ItemsController {
  constructor(@Inject(ItemsService) private readonly items: ItemsService) {}

  @Route(upsertItems)
  upsert(@Parsed() { tenant, body }: Input<typeof upsertItems>) {
    return this.items.upsert(tenant, body.items)
  }

  @Route(listItems)
  list(@Parsed() { tenant, query }: Input<typeof listItems>) {
    return this.items.list(tenant, query.limit, query.cursor)
  }

  @Route(getItem)
  get(@Parsed() { tenant, params }: Input<typeof getItem>) {
    return this.items.get(tenant, params.itemId)
  }

  @Route(deleteItem)
  remove(@Parsed() { tenant, params }: Input<typeof deleteItem>) {
    return this.items.remove(tenant, params.itemId)
  }
}
