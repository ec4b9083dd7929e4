import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMPONENTS } from '../../src/model/ranking.js'
import { decodeVersion } from '../../src/model/version-file.js'
import { VERSION_ARTIFACT, VersionsService } from '../../src/registry/versions.service.js'
import { PARTS, Settings } from '../../src/tenants/settings.js'
import { type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from './shop.js'

// Needs the build: the child process runs from dist/.

const OFF = ['network', 'wide', 'popular', 'fresh']
const MINUTE = 60_000

interface Answer {
  modelVersion: string
  items: { itemId: string }[]
}

let service: TestService
beforeAll(async () => {
  service = await testService({ BACKEND: 'wasm' })
})
afterAll(() => service.stop())

it('every part of a score can be switched off, and nothing else can', async () => {
  expect([...PARTS]).toEqual([...COMPONENTS])
  expect(Settings.parse({}).training.without).toEqual([])
  const { id, key } = await service.makeTenant()
  const patch = (without: unknown) =>
    service.call('PATCH', `/v1/tenants/${id}`, { key, body: { settings: { training: { without } } } })
  expect((await patch(['network', 'horoscope'])).status).toBe(400)
  expect((await patch(['network'])).body).toMatchObject({ settings: { training: { without: ['network'] } } })
  const { body } = await service.call('GET', '/openapi.json', { key: '' })
  expect(JSON.stringify(body)).toContain('Parts that a blend may not have')
})

describe('a tenant with parts switched off', () => {
  let tenant: { id: string; key: string }
  const path = (rest: string) => `/v1/tenants/${tenant.id}/${rest}`
  const call = (method: string, rest: string, body?: object) =>
    service.call(method, path(rest), { key: tenant.key, body })
  const ask = async (history: string[]) =>
    (await call('POST', 'recommendations', { history: history.map((itemId) => ({ itemId })), count: 5 })).body as Answer

  it('gets a version without them, told by its report, and answers by it', { timeout: 2 * MINUTE }, async () => {
    tenant = await service.makeTenant(undefined, { training: { schedule: null, without: OFF } })
    await send(service, tenant, madeUpShop(240, 300))
    const { body: asked } = await call('POST', 'training-runs', { from: 'base' })
    const { id } = asked as { id: string }
    const run = async () => (await call('GET', `training-runs/${id}`)).body as { state: string; modelVersion: string }
    await expect
      .poll(async () => (await run()).state, { timeout: 1.5 * MINUTE, interval: 200 })
      .toMatch(/promoted|rejected|skipped|failed/)
    const { modelVersion } = await run()

    const shown = (await call('GET', `model-versions/${modelVersion}`)).body as {
      report: {
        blend: { blend: Record<string, Record<string, number>>; shares: Record<string, number> }
        recipe: { reasons: Record<string, string> }
        curves: { candidate: { steps: number } }
      }
      metrics: object
    }
    const { blend, recipe, curves } = shown.report
    for (const name of OFF) {
      expect([blend.blend.sparse[name], blend.blend.dense[name], blend.shares[name]], name).toEqual([0, 0, 0])
    }
    expect(Object.keys(blend.shares).sort()).toEqual([...COMPONENTS].sort())
    expect(Object.values(blend.shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5)
    expect(blend.shares.narrow).toBeGreaterThan(0)
    // No network was trained, and none is judged or kept.
    expect(recipe.reasons.network).toMatch(/switched off/)
    expect(curves.candidate.steps).toBe(0)
    expect(Object.keys(shown.metrics)).toEqual(expect.arrayContaining(['candidate', 'narrow', 'lexical']))
    for (const name of ['network', 'from-scratch']) expect(Object.keys(shown.metrics)).not.toContain(name)
    const versions = service.app.get(VersionsService)
    const file = decodeVersion(await versions.readArtifact(tenant.id, modelVersion, VERSION_ARTIFACT))
    expect(file.network).toBeNull()
    expect(file.blend.dense).toEqual(blend.blend.dense)

    await call('POST', `model-versions/${modelVersion}/promote`)
    await expect.poll(async () => (await ask(['item/7'])).modelVersion, { timeout: 10_000 }).toBe(modelVersion)
    expect((await ask(['item/7'])).items).toHaveLength(5)
  })

  it('is served by what is left of the base; null switches all of it on again', { timeout: 2 * MINUTE }, async () => {
    tenant = await service.makeTenant(undefined, { training: { schedule: null } })
    const shop = madeUpShop(40, 0)
    const events = Array.from({ length: 60 }, (_, i) => ({
      eventId: `e${i}`,
      userId: `u${i}`,
      itemId: i < 40 ? 'item/35' : 'item/36',
      type: 'purchase',
      occurredAt: new Date(Date.now() - 1000 * i).toISOString(),
    }))
    await send(service, tenant, { ...shop, events })
    const set = (without: string[] | null) =>
      service.call('PATCH', `/v1/tenants/${tenant.id}`, {
        key: tenant.key,
        body: { settings: { training: { without } } },
      })
    const first = async () => (await ask(['item/2'])).items.slice(0, 2).map(({ itemId }) => itemId)
    // Item 2 is a lamp as items 0 to 9 are, and of the colour of every tenth.
    await set(['popular', 'recent'])
    await expect
      .poll(first, { timeout: 25_000 })
      .toSatisfy((ids: string[]) => ids.every((id) => /^item\/(\d|\d2)$/.test(id)))
    await set(['text', 'lexical'])
    // A model rests after it was built, for ten times as long as that took.
    await expect.poll(first, { timeout: 1.5 * MINUTE }).toEqual(['item/35', 'item/36'])
    await set(null)
    expect((await service.call('GET', `/v1/tenants/${tenant.id}`, { key: tenant.key })).body).toMatchObject({
      settings: { training: { without: [] } },
    })
  })
})
