import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/platform/database.js'
import { AuditService } from '../../src/tenants/audit.service.js'
import type { Settings } from '../../src/tenants/settings.js'
import { TenantsService } from '../../src/tenants/tenants.service.js'
import { testService, type TestService } from '../support/service.js'

describe('tenants and keys', () => {
  let service: TestService
  beforeAll(async () => {
    service = await testService()
  })
  afterAll(() => service.stop())

  it('makes a tenant with a first key that has every scope', async () => {
    const { id, key } = await service.makeTenant('acme shop/ä 🙂')
    const path = `/v1/tenants/${encodeURIComponent(id)}`
    const { status, body } = await service.call('GET', path, { key })
    expect(status).toBe(200)
    expect(body).toMatchObject({ id, name: id, settings: { impressions: 'served' }, embeddingLength: null })
    const again = await service.call('POST', '/v1/tenants', { body: { id } })
    expect(again).toMatchObject({ status: 409, body: { code: 'TENANT_EXISTS' } })
  })

  it('shows a key once, keeps only its hash, and forgets a revoked one within seconds', async () => {
    const { id, key } = await service.makeTenant()
    const made = await service.call('POST', `/v1/tenants/${id}/keys`, {
      key,
      body: { scopes: ['recommend'], name: 'web' },
    })
    expect(made.status).toBe(201)
    const web = made.body as { id: string; key: string }
    const list = await service.call('GET', `/v1/tenants/${id}/keys`, { key })
    expect((list.body as { data: unknown[] }).data).toHaveLength(2)
    expect(JSON.stringify(list.body)).not.toContain(web.key.split('.').at(-1))
    expect(await service.call('GET', `/v1/tenants/${id}`, { key: web.key })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    })
    expect((await service.call('DELETE', `/v1/tenants/${id}/keys/${web.id}`, { key })).status).toBe(204)
    expect((await service.call('GET', `/v1/tenants/${id}`, { key: web.key })).status).toBe(401)
    const audit = await service.call('GET', `/v1/tenants/${id}/audit`, { key })
    const actions = (audit.body as { data: { action: string }[] }).data.map((entry) => entry.action)
    expect(actions).toEqual(['key.revoke', 'key.create', 'key.create', 'tenant.create'])
  })

  it('refuses keys that are none, of another tenant, or expired', async () => {
    const { id, key } = await service.makeTenant()
    const other = await service.makeTenant()
    expect((await service.call('GET', `/v1/tenants/${id}`, { key: '' })).status).toBe(401)
    for (const wrong of ['nonsense', `${key}x`, key.replace(/.$/, '_'), 'attune.AAAA.x.' + 'a'.repeat(43)])
      expect(await service.call('GET', `/v1/tenants/${id}`, { key: wrong })).toMatchObject({
        status: 401,
        body: { code: 'UNAUTHENTICATED' },
      })
    expect((await service.call('GET', `/v1/tenants/${id}`, { key: other.key })).status).toBe(403)
    // Whether another tenant exists is not told to a tenant's key.
    expect((await service.call('GET', `/v1/tenants/no-such-tenant`, { key })).status).toBe(403)
    expect((await service.call('GET', `/v1/tenants/no-such-tenant`)).status).toBe(404)
    const soon = new Date(Date.now() + 300).toISOString()
    const made = await service.call('POST', `/v1/tenants/${id}/keys`, {
      key,
      body: { scopes: ['manage'], expiresAt: soon },
    })
    const brief = (made.body as { key: string }).key
    expect((await service.call('GET', `/v1/tenants/${id}`, { key: brief })).status).toBe(200)
    await new Promise((next) => setTimeout(next, 400))
    expect((await service.call('GET', `/v1/tenants/${id}`, { key: brief })).status).toBe(401)
  })

  it('merges settings, and says every problem of a bad one', async () => {
    const { id, key } = await service.makeTenant()
    const patch = {
      settings: { eventTypes: { listen: { weight: 2, meaning: 'positive' } }, training: { minNewEvents: 5 } },
    }
    const patched = await service.call('PATCH', `/v1/tenants/${id}`, { key, body: patch })
    expect(patched.body).toMatchObject({
      settings: {
        eventTypes: { listen: { weight: 2 }, purchase: { weight: 1 } },
        training: { minNewEvents: 5, autoPromote: true },
      },
    })
    const stars = { rating: { value: { lowBelow: 3, highFrom: 5 } }, read: { value: null } }
    const valued = await service.call('PATCH', `/v1/tenants/${id}`, { key, body: { settings: { eventTypes: stars } } })
    const { settings } = valued.body as { settings: Settings }
    expect(settings.eventTypes).toMatchObject({
      rating: { weight: 1, meaning: 'positive', value: { lowBelow: 3, highFrom: 5 } },
    })
    expect(settings.eventTypes.read).toEqual({ weight: 1, meaning: 'positive' })
    const reset = await service.call('PATCH', `/v1/tenants/${id}`, { key, body: { settings: { training: null } } })
    expect(reset.body).toMatchObject({ settings: { training: { minNewEvents: 1000 } } })
    // Null would be the default, which is a schedule.
    for (const [schedule, expected] of [
      ['never', null],
      ['0 4 * * *', '0 4 * * *'],
      [null, '0 3 * * *'],
    ])
      expect(
        await service.call('PATCH', `/v1/tenants/${id}`, { key, body: { settings: { training: { schedule } } } }),
      ).toMatchObject({ status: 200, body: { settings: { training: { schedule: expected } } } })
    const bad = await service.call('PATCH', `/v1/tenants/${id}`, {
      key,
      body: { settings: { hideAfter: ['NO'], training: { schedule: 'now and then' }, what: 1 } },
    })
    expect(bad).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
    expect((bad.body as { errors: unknown[] }).errors).toHaveLength(3)
  })

  it('answers 429 with Retry-After above the quota', async () => {
    const { id, key } = await service.makeTenant(undefined, { quotas: { requestsPerSecond: 1 } })
    const statuses = []
    for (let i = 0; i < 12; i++) statuses.push((await service.call('GET', `/v1/tenants/${id}`, { key })).status)
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(10)
    const last = await service.call('GET', `/v1/tenants/${id}`, { key })
    expect(last).toMatchObject({ status: 429, body: { code: 'QUOTA_EXCEEDED' } })
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('pages through tenants and refuses a made-up cursor', async () => {
    await service.makeTenant('page-a')
    await service.makeTenant('page-b')
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const { body }: { body: { data: { id: string }[]; nextCursor: string | null } } = await service.call(
        'GET',
        `/v1/tenants?limit=1${cursor && `&cursor=${cursor}`}`,
      )
      seen.push(...body.data.map((tenant) => tenant.id))
      cursor = body.nextCursor
    }
    expect(seen).toEqual([...seen].sort())
    expect(seen).toContain('page-b')
    for (const bad of ['xx', 'W10', 'WzFd', '%00'])
      expect(await service.call('GET', `/v1/tenants?cursor=${bad}`)).toMatchObject({
        status: 400,
        body: { code: 'INVALID_CURSOR' },
      })
  })

  it('takes at most 255 names of event types', async () => {
    const { id, key } = await service.makeTenant()
    const types = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`type${i}`, { weight: 1, meaning: 'positive' }]))
    const patch = (eventTypes: object) =>
      service.call('PATCH', `/v1/tenants/${id}`, { key, body: { settings: { eventTypes } } })
    // Of the default ones one is read by value.
    expect(await patch(types(255 - 10))).toMatchObject({ status: 200 })
    expect(await patch({ one: { weight: 1, meaning: 'positive' } })).toMatchObject({
      status: 400,
      body: {
        errors: [
          { path: 'settings.eventTypes', message: 'has more than 255 names, with those of low and high values' },
        ],
      },
    })
  })

  it('logs who removed a tenant, once', async () => {
    const lines: string[] = []
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
    const tenants = new TenantsService(service.app.get(Database), service.app.get(AuditService), logger)
    const { id } = await service.makeTenant()
    for (let i = 0; i < 2; i++) await tenants.remove(id, { name: 'nightly job' })
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ level: 30, tenant: id, actor: 'nightly job', msg: 'a tenant was removed' }),
    ])
  })

  it('removes a tenant: its keys fail at once, its rows follow', async () => {
    const { id, key } = await service.makeTenant()
    expect((await service.call('DELETE', `/v1/tenants/${id}`, { key })).status).toBe(202)
    expect((await service.call('GET', `/v1/tenants/${id}`)).status).toBe(404)
    await expect
      .poll(async () => (await service.call('POST', '/v1/tenants', { body: { id } })).status, { timeout: 15_000 })
      .toBe(201)
    expect((await service.call('GET', `/v1/tenants/${id}`, { key })).status).toBe(401)
  })
})
