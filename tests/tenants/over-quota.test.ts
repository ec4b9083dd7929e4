import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Database } from '../../src/platform/database.js'
import { testService, type TestService } from '../support/service.js'

const HELD_OF_ONE = 100

describe('a tenant that goes on past its quota', () => {
  let service: TestService
  let other: TestService
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    other = await testService({ ROLES: 'api', DATABASE_URL: service.databaseUrl })
  })
  afterAll(async () => {
    await other.stop()
    await service.stop()
  })
  const quota = { quotas: { requestsPerSecond: 1 } }
  /** Calls at the same time. @returns each with the milliseconds that it took */
  const press = (tenant: { id: string; key: string }, count: number) => {
    const started = performance.now()
    return Promise.all(
      Array.from({ length: count }, async () => {
        const answer = await service.call('GET', `/v1/tenants/${tenant.id}`, { key: tenant.key })
        return { ...answer, ms: performance.now() - started }
      }),
    )
  }
  const useUp = async (tenant: { id: string; key: string }) => {
    while ((await press(tenant, 20)).every(({ status }) => status === 200));
  }

  it('waits for its refusals, as far as there is room, and nobody else waits', async () => {
    const noisy = await service.makeTenant(undefined, quota)
    const quiet = await service.makeTenant()
    await useUp(noisy)
    // A second of its own: in each there are some that are told at once.
    await sleep(1100)
    await service.call('GET', `/v1/tenants/${noisy.id}`, { key: noisy.key })
    const started = performance.now()
    const pressing = press(noisy, 2 * HELD_OF_ONE)
    await sleep(200)
    const calm = await service.call('GET', `/v1/tenants/${quiet.id}`, { key: quiet.key })
    expect(calm.status).toBe(200)
    const quietMs = performance.now() - started
    const refusals = (await pressing).filter(({ status }) => status !== 200)
    expect(quietMs).toBeLessThan(Math.max(...refusals.map(({ ms }) => ms)))
    expect(refusals.length).toBeGreaterThan(1.8 * HELD_OF_ONE)
    for (const { status, body, headers } of refusals) {
      expect(status).toBe(429)
      expect(headers.get('content-type')).toContain('application/problem+json')
      expect(body).toMatchObject({ code: 'QUOTA_EXCEEDED', quota: 'requests', status: 429 })
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    }
    const ids = refusals.map(({ body }) => (body as { requestId: string }).requestId)
    expect(new Set(ids).size).toBe(refusals.length)
    const waited = refusals.filter(({ ms }) => ms > 950).length
    expect(waited).toBeGreaterThan(HELD_OF_ONE / 2)
    // How long they were made to wait is no latency of the service.
    const { body } = await service.call('GET', '/metrics', { key: '' })
    const sum = /^attune_http_request_seconds_sum\{method="GET",route="\/v1\/tenants\/:tenant",status="4xx"\} (\S+)$/m
    expect(Number(sum.exec(body as string)?.[1])).toBeLessThan(0.9 * HELD_OF_ONE)
  })

  it('is refused little by little without waiting', async () => {
    const tenant = await service.makeTenant(undefined, quota)
    await useUp(tenant)
    await sleep(1100)
    const told = await press(tenant, 5)
    expect(told.some(({ status }) => status === 429)).toBe(true)
    expect(Math.min(...told.map(({ ms }) => ms))).toBeLessThan(900)
  })

  it('is no longer told of its quota by a key that was revoked elsewhere', async () => {
    const tenant = await service.makeTenant(undefined, quota)
    const made = await service.call('POST', `/v1/tenants/${tenant.id}/keys`, { body: { scopes: ['manage'] } })
    const revoked = made.body as { id: string; key: string }
    await useUp({ id: tenant.id, key: revoked.key })
    expect((await other.call('DELETE', `/v1/tenants/${tenant.id}/keys/${revoked.id}`)).status).toBe(204)
    const statuses: number[] = []
    for (const until = Date.now() + 3500; Date.now() < until; await sleep(100))
      statuses.push((await service.call('GET', `/v1/tenants/${tenant.id}`, { key: revoked.key })).status)
    expect(statuses.at(-1)).toBe(401)
  })

  it('has its key and its settings looked up once for all calls that come at the same time', async () => {
    const tenant = await service.makeTenant()
    const query = vi.spyOn(service.app.get(Database), 'query')
    try {
      const told = await press(tenant, 50)
      expect(told.every(({ status }) => status === 200)).toBe(true)
      const looks = (table: string) => query.mock.calls.filter(([, text]) => text.includes(`FROM ${table}`)).length
      // One of each, and one more for each second and a half that a busy machine may need for so many.
      expect(looks('api_keys')).toBeLessThan(10)
      expect(looks('tenants')).toBeLessThan(20)
    } finally {
      query.mockRestore()
    }
  })

  it('sees a change of its settings with the next call, whatever is being looked up meanwhile', async () => {
    const tenant = await service.makeTenant()
    for (let turn = 0; turn < 20; turn++) {
      const looks = press(tenant, 10)
      const name = `name ${turn}`
      await service.call('PATCH', `/v1/tenants/${tenant.id}`, { body: { name } })
      expect((await press(tenant, 3)).map(({ body }) => (body as { name: string }).name)).toEqual([name, name, name])
      await looks
      await sleep(100)
    }
  })
})
