import { afterAll, beforeAll, expect, it } from 'vitest'
import { ItemsService } from '../../src/catalog/items.service.js'
import { EventsService } from '../../src/events/events.service.js'
import { LiveModels } from '../../src/serving/live-models.service.js'
import { ModelBuilder } from '../../src/serving/model-builder.service.js'
import { ModelNews } from '../../src/serving/model-news.service.js'
import { testService, type TestService } from '../support/service.js'

let service: TestService
beforeAll(async () => {
  service = await testService({ ROLES: 'api' })
})
afterAll(() => service.stop())

it('tells of many tenants at once which have something new: items, events, settings, or that they are gone', async () => {
  const news = service.app.get(ModelNews)
  const tenants: { id: string; key: string }[] = []
  for (let i = 0; i < 6; i++) tenants.push(await service.makeTenant())
  const path = (i: number) => `/v1/tenants/${tenants[i].id}`
  const items = { items: [{ itemId: 'i', title: 'thing' }] }
  for (const { id, key } of tenants) await service.call('POST', `/v1/tenants/${id}/items`, { key, body: items })
  const look = () =>
    Promise.all(
      tenants.map(async ({ id: tenantId }) => ({
        tenantId,
        mark: await news.markOf(tenantId),
        items: await service.app.get(ItemsService).changesSince(tenantId, null, () => undefined),
        events: await service.app.get(EventsService).writtenSince(tenantId, null, () => undefined),
      })),
    )
  const reads = await look()
  expect(await news.since(reads)).toEqual(tenants.map(() => false))
  const { key } = tenants[1]
  await service.call('POST', `${path(1)}/items`, { key, body: { items: [{ itemId: 'i', title: 'another thing' }] } })
  const event = { userId: 'u', itemId: 'i', type: 'view' }
  await service.call('POST', `${path(2)}/events`, { key: tenants[2].key, body: { events: [event] } })
  await service.call('PATCH', path(3), { body: { settings: { hideAfter: ['view'] } } })
  await service.call('DELETE', path(4))
  // The order is that of the question, and what is left to do is looked at again.
  const asked = [...reads].reverse().map((read) => (read.tenantId === tenants[5].id ? { ...read, mark: null } : read))
  expect((await news.since(asked)).reverse()).toEqual([false, true, true, true, true, true])
  expect(await news.since([])).toEqual([])
})

it('takes a model that was just built for looked at, until its tenant is changed', async () => {
  const { id, key } = await service.makeTenant()
  await service.call('POST', `/v1/tenants/${id}/items`, { key, body: { items: [{ itemId: 'i', title: 'thing' }] } })
  expect((await service.call('POST', `/v1/tenants/${id}/recommendations`, { key, body: {} })).status).toBe(200)
  const isMarked = async () => {
    const mark = await service.app.get(ModelNews).markOf(id)
    return service.app.get(LiveModels).use(id, (model) => service.app.get(ModelBuilder).isMarked(model, mark))
  }
  expect(await isMarked()).toBe(true)
  await service.call('PATCH', `/v1/tenants/${id}`, { body: { settings: { hideAfter: ['view'] } } })
  // The poller looks at it, and knows it then.
  for (const until = Date.now() + 10_000; !(await isMarked()) && Date.now() < until;)
    await new Promise((next) => setTimeout(next, 100))
  expect(await isMarked()).toBe(true)
})
