import { afterEach, describe, expect, it, vi } from 'vitest'
import { testDatabase, testService, type TestService } from '../support/service.js'
import { keptForService, machineMemory } from '../../src/training/capacity.js'
import { Database } from '../../src/platform/database.js'
import { madeUpShop, send } from './shop.js'

interface RunBody {
  id: string
  state: string
  outcome: string | null
  attempt: number
  startedAt: string | null
  detail: string | null
  quality: object | null
  engine: string | null
  engineReasons: Record<string, string> | null
  estimate: { seconds: number; memoryBytes: number; engine: string; basis: string } | null
  error: { code: string; message: string } | null
  modelVersion: string | null
}
type Tenant = Awaited<ReturnType<TestService['makeTenant']>>

const MIB = 2 ** 20
const ENDED = ['promoted', 'rejected', 'skipped', 'failed', 'cancelled']

// Needs the build: the child process runs from dist/.
describe('training by cost', () => {
  let service: TestService
  afterEach(() => service.stop())
  const shop = madeUpShop(60, 80)

  const runs = ({ id }: Tenant) => `/v1/tenants/${id}/training-runs`
  const start = async (env: Record<string, string>) => (service = await testService({ BACKEND: 'wasm', ...env }))
  const tenantWithShop = async (id: string, of = shop) => {
    const tenant = await service.makeTenant(id, { training: { schedule: null } })
    await send(service, tenant, of)
    return tenant
  }
  const ask = async (tenant: Tenant, body: object = {}) =>
    (await service.call('POST', runs(tenant), { key: tenant.key, body })).body as RunBody
  const show = async (tenant: Tenant, id: string) =>
    (await service.call('GET', `${runs(tenant)}/${id}`, { key: tenant.key })).body as RunBody
  const reached = (tenant: Tenant, id: string, states: string[], timeout = 60_000) =>
    expect
      .poll(async () => (await show(tenant, id)).state, { timeout, interval: 50 })
      .toSatisfy((state: string) => states.includes(state))
  const readiness = async ({ id, key }: Tenant) =>
    (await service.call('GET', `/v1/tenants/${id}/readiness`, { key })).body as { estimate: RunBody['estimate'] }

  it('is told before a run and with it, and learned from', { timeout: 90_000 }, async () => {
    await start({})
    const tenant = await tenantWithShop('shop')
    const { estimate: before } = await readiness(tenant)
    expect(before).toMatchObject({ engine: 'wasm' })
    expect(before?.basis).toContain('60 items with vectors of 384')
    expect(before?.basis).toContain('no earlier run')
    expect(Object.keys(before ?? {}).sort()).toEqual(['basis', 'engine', 'memoryBytes', 'seconds'])
    const empty = await service.makeTenant('empty')
    expect((await readiness(empty)).estimate).toBeNull()

    const asked = await ask(tenant)
    const stream = fetch(`${service.url}${runs(tenant)}/${asked.id}/events`, {
      headers: { authorization: `Bearer ${tenant.key}` },
    }).then((response) => response.text())
    await reached(tenant, asked.id, ENDED)
    const run = await show(tenant, asked.id)
    expect(run.error).toBeNull()
    expect(run).toMatchObject({ estimate: before, engine: 'wasm', engineReasons: {} })
    const list = (await service.call('GET', runs(tenant), { key: tenant.key })).body as { data: RunBody[] }
    expect(list.data[0].estimate).toEqual(before)
    const told = await stream
    const said = /^event: estimate\ndata: (.*)$/m.exec(told)
    expect(JSON.parse(said?.[1] ?? '')).toMatchObject({ ...before })
    expect(told.indexOf('event: estimate')).toBeLessThan(told.indexOf('event: quality'))
    const version = await service.call('GET', `/v1/tenants/shop/model-versions/${run.modelVersion}`, {
      key: tenant.key,
    })
    expect((version.body as { report: object }).report).toMatchObject({ engine: 'wasm', engineReasons: {} })

    const { estimate: after } = await readiness(tenant)
    expect(after?.basis).toContain('corrected by the last run')
    const [{ took }] = await service.app
      .get(Database)
      .query<{ took: number }>(
        'shop',
        `SELECT extract(epoch FROM finished_at - started_at)::float AS took FROM training_runs WHERE tenant_id = 'shop'`,
      )
    expect((after?.seconds ?? 0) / took).toBeGreaterThan(0.8)
    expect((after?.seconds ?? 0) / took).toBeLessThan(1.25)
  })

  it('refuses a run that does not fit, with figures, before anything is read', { timeout: 60_000 }, async () => {
    // A service that keeps more memory for models than any machine has leaves none for runs.
    await start({ MODEL_MEMORY_MB: '1000000' })
    const tenant = await tenantWithShop('shop')
    const { id } = await ask(tenant)
    await reached(tenant, id, ENDED)
    const run = await show(tenant, id)
    expect(run).toMatchObject({ state: 'failed', outcome: 'failed', error: { code: 'TOO_LARGE_FOR_TRAINER' } })
    expect(run).toMatchObject({ quality: null, engine: null, modelVersion: null })
    expect(run.estimate?.memoryBytes).toBeGreaterThan(50 * MIB)
    expect(run.error?.message).toMatch(/needs about \d.* this trainer has .*MODEL_MEMORY_MB/)
    // It stands in nobody's way: the next one is asked for as if nothing had been.
    expect((await ask(tenant)).state).toBe('queued')
  })

  it('works on two runs at once, each in a process of its own', { timeout: 90_000 }, async () => {
    await start({ TRAINER_CONCURRENCY: '2' })
    const slow = madeUpShop(480, 600)
    const tenants = [await tenantWithShop('one', slow), await tenantWithShop('two', slow)]
    const asked = await Promise.all(tenants.map((tenant) => ask(tenant)))
    await Promise.all(tenants.map((tenant, i) => reached(tenant, asked[i].id, ['training'])))
    const both = await Promise.all(tenants.map((tenant, i) => show(tenant, asked[i].id)))
    expect(both.map(({ state }) => state)).toEqual(['training', 'training'])
    await Promise.all(tenants.map((tenant, i) => cancel(tenant, asked[i].id)))
  })

  it('leaves a run queued while another one has the memory it needs', { timeout: 90_000 }, async () => {
    await start({ ROLES: 'api' })
    const { estimate } = await readiness(await tenantWithShop('sample', madeUpShop(480, 600)))
    await service.stop()
    // Room for one and a half of them.
    const others = keptForService({ roles: ['api'], modelMemoryMb: 0 })
    const forModels = machineMemory() - others - 1.5 * (estimate?.memoryBytes ?? 0)
    await start({ TRAINER_CONCURRENCY: '2', MODEL_MEMORY_MB: String(Math.floor(forModels / MIB)) })
    const [first, second] = [
      await tenantWithShop('first', madeUpShop(480, 600)),
      await tenantWithShop('second', madeUpShop(480, 600)),
    ]
    const a = await ask(first)
    await reached(first, a.id, ['training'])
    const b = await ask(second)
    await expect
      .poll(async () => (await show(second, b.id)).detail, { timeout: 10_000 })
      .toMatch(/waits until a run that goes on/)
    const waiting = await show(second, b.id)
    expect(waiting).toMatchObject({ state: 'queued', attempt: 0, startedAt: null, error: null })
    expect(waiting.estimate?.memoryBytes).toBeGreaterThan(0)
    // It gets its turn as soon as the other one has ended.
    await cancel(first, a.id)
    await reached(second, b.id, ['preparing', 'training'], 15_000)
    await cancel(second, b.id)
  })

  it('fails at once with the reason where the engine that was asked for does not work', async () => {
    const database = await testDatabase()
    await start({ ROLES: 'api', DATABASE_URL: database.url })
    const tenant = await tenantWithShop('shop')
    // Hides any GPU that this machine may have.
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '-1')
    const trainer = await testService({ BACKEND: 'cuda', ROLES: 'trainer', DATABASE_URL: database.url })
    try {
      const { id } = await ask(tenant)
      await reached(tenant, id, ENDED)
      const run = await show(tenant, id)
      expect(run).toMatchObject({ state: 'failed', error: { code: 'ENGINE_UNAVAILABLE' }, quality: null })
      expect(run.error?.message).toMatch(/cuda: \S/)
    } finally {
      vi.unstubAllEnvs()
      await trainer.stop()
    }
  })

  const cancel = async (tenant: Tenant, id: string) => {
    await service.call('POST', `${runs(tenant)}/${id}/cancel`, { key: tenant.key })
    await reached(tenant, id, ENDED, 15_000)
  }
})
