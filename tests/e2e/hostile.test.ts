import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allContracts } from '../../src/platform/http.js'
import { testService, type TestService } from '../support/service.js'

interface Attack {
  method: string
  path: string
  body?: unknown
  raw?: string | Buffer
  headers?: Record<string, string>
  /** The target's own key unless said. */
  key?: string
}

/** Values that no field expects. */
const NASTY: unknown[] = [
  null,
  true,
  -1,
  1e308,
  Number.MAX_SAFE_INTEGER,
  '',
  'x'.repeat(100_000),
  '\u0000',
  '\ud800',
  "'; DROP TABLE tenants; --",
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '🙂'.repeat(300),
  [],
  {},
  [[[[]]]],
  { $gt: '' },
  { toString: 1, constructor: { prototype: {} } },
]

/** Cursors that read well and that no list gave. */
const CURSORS: unknown[] = [
  ...NASTY.filter((value) => JSON.stringify(value).length < 2000),
  ['x', 'y'],
  ['0000-01-01T00:00:00.000000Z', 'y'],
  ['2026-02-30T00:00:00.000000Z', 'y'],
  ['2026-02-01T00:00:00.000000Z', '\u0000'],
  ['infinity', 'y'],
  ['\u0000'],
  ['\ud800'],
  [''],
  [null],
  [[]],
  ['9223372036854775808'],
  ['-1'],
  [2 ** 64],
  ['a', 'b', 'c'],
]

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('hostile requests', () => {
  let service: TestService
  let key: string
  beforeAll(async () => {
    service = await testService()
    key = (await service.makeTenant('target', { quotas: { requestsPerSecond: 100_000 } })).key
    await service.call('POST', '/v1/tenants/target/items', { key, body: { items: [{ itemId: 'a', title: 'A lamp' }] } })
  })
  afterAll(() => service.stop())

  /** Every endpoint with every nasty value in its path, its query and its body. */
  function attacks(): Attack[] {
    const list: Attack[] = []
    for (const { method, path, access } of allContracts()) {
      if (access === 'public') continue
      const filled = path.replace(':tenant', 'target')
      for (const [index, value] of NASTY.entries()) {
        const segment = encodeURIComponent(
          typeof value === 'string' && value.isWellFormed() ? value.slice(0, 3000) : String(JSON.stringify(value)),
        )
        const target = filled.replaceAll(/:\w+/g, segment || '%20')
        // A DELETE of the tenant itself would be obeyed: that is not an attack.
        if (method === 'DELETE' && !path.includes(':id') && path.endsWith(':tenant')) continue
        list.push({
          method,
          path: `${target}?limit=${segment}&cursor=${segment}&count=${segment}`,
          body: method === 'GET' || method === 'DELETE' ? undefined : value,
        })
        if (method !== 'GET' && method !== 'DELETE' && index % 3 === 0)
          list.push({
            method,
            path: target,
            body: {
              items: value,
              events: value,
              itemIds: value,
              userId: value,
              count: value,
              scopes: value,
              settings: value,
              filter: value,
            },
          })
      }
    }
    for (const { method, path, query, access } of allContracts()) {
      if (method !== 'GET' || !query || !('cursor' in query.shape)) continue
      for (const position of CURSORS)
        list.push({
          method,
          path: `${path.replace(':tenant', 'target')}?cursor=${Buffer.from(JSON.stringify(position)).toString('base64url')}`,
          ...(access === 'operator' && { key: service.operatorKey }),
        })
    }
    for (const bad of ['\u0000', '\ud800'])
      for (const filter of [
        { 'attributes.x': { eq: bad } },
        { or: [{ itemId: { in: [bad] } }] },
        { [`attributes.${bad}`]: { eq: 1 } },
      ])
        list.push({ method: 'PUT', path: '/v1/tenants/target/scenarios/home', body: { filter } })
    for (const settings of ['{"\\u0000":1}', '{"\\ud800":1}', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`]) {
      list.push({ method: 'PATCH', path: '/v1/tenants/target', raw: `{"settings":${settings}}` })
      list.push({
        method: 'POST',
        path: '/v1/tenants',
        raw: `{"id":"other","settings":${settings}}`,
        key: service.operatorKey,
      })
    }
    // A null takes a field away: nothing of it is left for the settings to refuse.
    for (const name of ['\\u0000', '\\ud800'])
      list.push({ method: 'PATCH', path: '/v1/tenants/target', raw: `{"settings":{"${name}":null}}` })
    for (const type of ['items', 'events', 'recommendations', 'rankings', 'keys', 'training-runs']) {
      const path = `/v1/tenants/target/${type}`
      list.push(
        { method: 'POST', path, raw: '{"items": [' },
        { method: 'POST', path, raw: 'x'.repeat(10 * 1024 * 1024) },
        { method: 'POST', path, raw: nested(1_000_000) },
        { method: 'POST', path, raw: `{"filter":${'{"not":'.repeat(20_000)}{}${'}'.repeat(20_000)}}` },
        { method: 'POST', path, raw: `{"__proto__":{"admin":true}}` },
        { method: 'POST', path, raw: Buffer.from([0xff, 0xfe, 0x00, 0x7b]) },
        { method: 'POST', path, raw: '{}', headers: { 'content-type': 'text/xml' } },
        {
          method: 'POST',
          path,
          raw: '{}',
          headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        },
        { method: 'PUT', path, raw: '{}' },
        { method: 'POST', path: `${path}/${'a/'.repeat(2000)}`, raw: '{}' },
      )
    }
    for (const path of [
      '/',
      '/v1',
      '/v2/tenants',
      '/v1/tenants/target/nothing',
      '/%ZZ',
      '/%00',
      `/${'x'.repeat(10_000)}`,
      '/v1/tenants/%2e%2e/items',
      '//',
      '/docs/assets/..%2f..%2fpackage.json',
      '/v1/tenants/target/items/%E0%A4%A',
    ])
      list.push({ method: 'GET', path })
    return list
  }

  it('each gets a 4xx with a code (or is harmless and answered), none a 5xx', async () => {
    const list = attacks()
    expect(list.length).toBeGreaterThanOrEqual(300)
    const wrong: string[] = []
    const refused: number[] = []
    for (const { method, path, ...rest } of list) {
      const label = `${method} ${path.slice(0, 120)} ${String(JSON.stringify(rest.body) ?? rest.raw?.toString('utf8') ?? '').slice(0, 120)}`
      // A body over the limit may be answered while it is still being sent: the connection then ends on either side.
      const answer = await service.call(method, path, { key, ...rest }).catch((error: unknown) => {
        if ((rest.raw?.length ?? 0) > 5 * 1024 * 1024) return undefined
        throw new Error(label, { cause: error })
      })
      if (!answer) continue
      const { status, body, headers } = answer
      if (status >= 500) wrong.push(`${status} ${label} ${JSON.stringify(body)}`)
      if (status >= 400) {
        refused.push(status)
        const problem = body as { code?: string; status?: number; requestId?: string }
        const isProblem =
          headers.get('content-type')?.startsWith('application/problem+json') &&
          /^[A-Z][A-Z_]+$/.test(problem.code ?? '') &&
          problem.status === status
        if (!isProblem || !problem.requestId)
          wrong.push(`no problem: ${status} ${label} ${JSON.stringify(body).slice(0, 200)}`)
        if (/\bat .*\.(js|ts):\d+|SELECT|INSERT|node_modules/.test(JSON.stringify(body)))
          wrong.push(`tells too much: ${label} ${JSON.stringify(body)}`)
      }
    }
    expect(wrong).toEqual([])
    expect(refused.length).toBeGreaterThanOrEqual(300)
  })

  it('says 413 to a body over 5 MiB and to a batch over 1000', async () => {
    const huge = await service.call('POST', '/v1/tenants/target/events', {
      key,
      raw: `{"events":["${'x'.repeat(6 * 1024 * 1024)}"]}`,
    })
    expect(huge).toMatchObject({ status: 413, body: { code: 'TOO_LARGE' } })
    const many = await service.call('POST', '/v1/tenants/target/events', {
      key,
      body: { events: Array.from({ length: 1001 }, () => ({})) },
    })
    expect(many).toMatchObject({ status: 413, body: { code: 'BATCH_TOO_LARGE' } })
  })

  it('outlives what is not HTTP', async () => {
    const { hostname, port } = new URL(service.url)
    for (const bytes of [
      '\u0016\u0003\u0001',
      'GET / HTTP/9.9\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(5000)}\r\n`,
      'POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
    ])
      await new Promise<void>((done) => {
        const socket = connect(Number(port), hostname, () => socket.write(bytes))
        socket.on('error', () => done())
        socket.on('close', () => done())
        socket.resume()
        setTimeout(() => socket.destroy(), 2000).unref()
      })
  })

  it('is healthy afterwards, and nothing is gone', async () => {
    expect(await service.call('GET', '/health/ready', { key: '' })).toMatchObject({ status: 200 })
    expect(await service.call('GET', '/v1/tenants/target/items/a', { key })).toMatchObject({
      status: 200,
      body: { itemId: 'a', title: 'A lamp' },
    })
  })
})
