import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testService, type TestService } from '../support/service.js'

type Responses = Record<string, { $ref?: string; headers?: object }>

describe('operations', () => {
  let service: TestService
  beforeAll(async () => {
    service = await testService()
  })
  afterAll(() => service.stop())
  const get = (path: string) => service.call('GET', path, { key: '' })

  it('answers its probes without a key', async () => {
    expect(await get('/health/live')).toMatchObject({ status: 200, body: { status: 'live' } })
    await expect
      .poll(async () => (await get('/health/ready')).body)
      .toMatchObject({ status: 'ready', checks: { database: 'ok' } })
  })

  it('gives metrics that Prometheus reads', async () => {
    const { status, body, headers } = await get('/metrics')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toContain('text/plain; version=0.0.4')
    expect(body).toMatch(/^process_cpu_seconds_total \d/m)
  })

  it('publishes the contract, each endpoint with its errors', async () => {
    const { body } = await get('/openapi.json')
    const document = body as {
      openapi: string
      paths: Record<string, Record<string, { responses: object }>>
      components: { responses: Responses }
    }
    expect(document.openapi).toMatch(/^3\.1/)
    expect(Object.keys(document.paths)).toContain('/v1/tenants/{tenant}/keys/{id}')
    for (const path of Object.values(document.paths))
      for (const operation of Object.values(path)) expect(Object.keys(operation.responses)).toContain('503')
    const of = (method: string, path: string) => document.paths[`/v1/tenants${path}`][method].responses as Responses
    const statuses = (method: string, path: string) => Object.keys(of(method, path))
    expect(statuses('post', '/{tenant}/training-runs')).toEqual(
      expect.arrayContaining(['200', '202', '409', '413', '422']),
    )
    expect(statuses('post', '')).toEqual(expect.arrayContaining(['201', '409', '413']))
    expect(statuses('post', '/{tenant}/model-versions/rollback')).toContain('409')
    for (const status of ['409', '413', '422']) expect(statuses('get', '/{tenant}')).not.toContain(status)
    const answer = (status: string) => {
      const name = of('get', '/{tenant}')[status].$ref?.split('/').at(-1)
      return document.components.responses[name ?? '']
    }
    for (const status of ['429', '503']) expect(answer(status).headers).toHaveProperty('Retry-After')
    expect(answer('404')).toBeDefined()
    expect(answer('404').headers).toBeUndefined()
  })

  it('has an explorer that needs no outside address', async () => {
    const page = await get('/docs')
    expect(page.status).toBe(200)
    expect(page.body).not.toMatch(/https?:\/\//)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    for (const asset of ['swagger-ui.css', 'swagger-ui-bundle.js'])
      expect((await get(`/docs/assets/${asset}`)).status).toBe(200)
    expect((await get('/docs/assets/package.json')).status).toBe(404)
  })

  it('serves only probes where the role api is not asked for', async () => {
    const trainer = await testService({ ROLES: 'trainer' })
    try {
      expect((await trainer.call('GET', '/health/live', { key: '' })).status).toBe(200)
      expect((await trainer.call('GET', '/v1/tenants')).status).toBe(404)
    } finally {
      await trainer.stop()
    }
  })
})
