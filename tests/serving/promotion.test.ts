import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LiveModels } from '../../src/serving/live-models.service.js'
import { testService, type TestService } from '../support/service.js'
import { catalogOf, encoded, promoteVersion } from './made-version.js'

let service: TestService
beforeAll(async () => {
  service = await testService()
})
afterAll(() => service.stop())

interface Answered {
  modelVersion: string
  source: string
  items: { itemId: string }[]
}
const words = ['red', 'blue', 'small', 'large', 'wooden', 'steel', 'garden', 'kitchen', 'running', 'silk']
const item = (i: number) => ({
  itemId: `i${i}`,
  title: `${words[i % 10]} ${words[(i * 7 + 3) % 10]} thing number ${i}`,
})
const history = [
  { itemId: 'i1', type: 'view' },
  { itemId: 'i5', type: 'purchase' },
  { itemId: 'i8', type: 'cart' },
]

async function shop(items = 60) {
  const tenant = await service.makeTenant()
  const path = `/v1/tenants/${tenant.id}`
  const { key } = tenant
  await service.call('POST', `${path}/items`, {
    key,
    body: { items: Array.from({ length: items }, (_, i) => item(i)) },
  })
  const ask = async (): Promise<Answered> => {
    const { status, body } = await service.call('POST', `${path}/recommendations`, { key, body: { history } })
    expect(status).toBe(200)
    return body
  }
  const askUntil = async (version: string, ms = 5000) => {
    for (const until = Date.now() + ms; ; await sleep(20)) {
      const answer = await ask()
      if (answer.modelVersion === version) return answer
      if (Date.now() > until) throw new Error(`${version} is not served after ${ms} ms`)
    }
  }
  return { ...tenant, path, ask, askUntil }
}

test('a promoted version is served within 5 seconds, and a rollback leads back', async () => {
  const tenant = await shop()
  const before = await tenant.ask()
  expect(before).toMatchObject({ modelVersion: 'base', source: 'base' })
  const version = await promoteVersion(service, tenant.id, encoded(await catalogOf(service, tenant.id), 1))
  const after = await tenant.askUntil(version)
  expect(after.source).toBe('fine-tuned')
  expect(after.items).not.toEqual(before.items)
  expect(service.app.get(LiveModels).servedVersion(tenant.id)).toBe(version)
  const { status } = await service.call('POST', `${tenant.path}/model-versions/rollback`, { key: tenant.key })
  expect(status).toBe(200)
  expect((await tenant.askUntil('base')).items.map(({ itemId }) => itemId)).toEqual(
    before.items.map(({ itemId }) => itemId),
  )
})

test('items that are new since training, gone since, or come back are served by the version', async () => {
  const tenant = await shop()
  const { key, path } = tenant
  const version = await promoteVersion(service, tenant.id, encoded(await catalogOf(service, tenant.id), 2))
  await tenant.askUntil(version)
  await service.call('POST', `${path}/items`, { key, body: { items: [{ itemId: 'new', title: 'red steel thing' }] } })
  await service.call('DELETE', `${path}/items/i9`, { key })
  const all = async () => {
    const { body } = await service.call('POST', `${path}/recommendations`, { key, body: { history, count: 100 } })
    return (body as Answered).items.map(({ itemId }) => itemId)
  }
  await sleep(2000)
  const live = await all()
  expect(live).toContain('new')
  expect(live).not.toContain('i9')
  // The same from the start: what came live stands where a fresh build puts it.
  service.app.get(LiveModels).drop(tenant.id)
  expect(await all()).toEqual(live)
  await service.call('POST', `${path}/items`, { key, body: { items: [item(9)] } })
  await sleep(2000)
  const back = await all()
  expect(back).toContain('i9')
  service.app.get(LiveModels).drop(tenant.id)
  expect(await all()).toEqual(back)
})

test('eight clients notice nothing of promotions but the version: no failure, never a mixture', async () => {
  const tenant = await shop(200)
  const items = await catalogOf(service, tenant.id)
  const lists = new Map<string, string>()
  await tenant.askUntil('base')
  let stop = false
  let answers = 0
  const clients = Array.from({ length: 8 }, async () => {
    while (!stop) {
      const { modelVersion, items } = await tenant.ask()
      const list = items.map(({ itemId }) => itemId).join()
      expect(lists.get(modelVersion) ?? list, modelVersion).toBe(list)
      lists.set(modelVersion, list)
      answers++
    }
  })
  for (let seed = 1; seed <= 3; seed++)
    await tenant.askUntil(await promoteVersion(service, tenant.id, encoded(items, seed)))
  stop = true
  await Promise.all(clients)
  expect(lists.size).toBe(4)
  expect(new Set(lists.values()).size).toBe(4)
  expect(answers).toBeGreaterThan(50)
})

test('a version that can not be read leaves the old one in place, and the base after a restart', async () => {
  const tenant = await shop()
  const good = await promoteVersion(service, tenant.id, encoded(await catalogOf(service, tenant.id), 4))
  await tenant.askUntil(good)
  await promoteVersion(
    service,
    tenant.id,
    Uint8Array.from({ length: 5000 }, (_, i) => i % 251),
  )
  await sleep(2500)
  expect((await tenant.ask()).modelVersion).toBe(good)
  const { body } = await service.call('GET', '/metrics', { key: '' })
  expect(body as string).toMatch(/attune_unusable_versions_total [1-9]/)
  service.app.get(LiveModels).drop(tenant.id)
  expect(await tenant.ask()).toMatchObject({ modelVersion: 'base', source: 'base' })
})

test('models are put away when memory is short, and come back when asked for', async () => {
  const small = await testService({ MODEL_MEMORY_MB: '64' })
  try {
    const tenants = []
    for (let i = 0; i < 3; i++) {
      const tenant = await small.makeTenant()
      const description = 'long words '.repeat(2000)
      for (let part = 0; part < 5; part++) {
        const items = Array.from({ length: 200 }, (_, k) => ({ ...item(part * 200 + k), description }))
        const { status } = await small.call('POST', `/v1/tenants/${tenant.id}/items`, {
          key: tenant.key,
          body: { items },
        })
        expect(status).toBe(200)
      }
      tenants.push(tenant)
    }
    const ask = async ({ id, key }: { id: string; key: string }) =>
      (await small.call('POST', `/v1/tenants/${id}/recommendations`, { key, body: { history } })).status
    for (const tenant of [...tenants, ...tenants]) expect(await ask(tenant)).toBe(200)
    const { body } = await small.call('GET', '/metrics', { key: '' })
    expect(Number(/attune_live_models (\d+)/.exec(body)?.[1])).toBeLessThan(3)
  } finally {
    await small.stop()
  }
  // The least memory that may be set is 64 MB: as much text has to be sent and read back, however busy the machine is.
}, 300_000)
