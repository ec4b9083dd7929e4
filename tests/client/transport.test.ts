import { afterEach, describe, expect, it } from 'vitest'
import { Attune, AttuneError } from '../../src/client/index.js'
import { freePort } from '../../src/platform/embedded-postgres.js'
import { problem, type Reply, wire } from './wire.js'

const open: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())))

async function clientOf(reply: (nth: number) => Reply, options: object = {}) {
  const far = await wire((_, nth) => reply(nth))
  open.push(far)
  return { far, attune: new Attune({ server: `${far.server}/`, key: 'a-key', tenant: 'acme', ...options }) }
}
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error as AttuneError,
  )

describe('a call of the client', () => {
  it('sends the key, the tenant and ids of any characters', async () => {
    const { far, attune } = await clientOf(() => ({ status: 200, body: { itemId: 'x' } }))
    await attune.items.get('a/b ?#%✓')
    await attune.for('böse/tenant').similar('../x', { count: 3 })
    expect(far.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET /v1/tenants/acme/items/${encodeURIComponent('a/b ?#%✓')}`,
      `GET /v1/tenants/${encodeURIComponent('böse/tenant')}/items/..%2Fx/similar?count=3`,
    ])
    expect(far.asked[0].headers.authorization).toBe('Bearer a-key')
  })

  it('comes back after as long as the service asked for', async () => {
    const { far, attune } = await clientOf((nth) =>
      nth === 1 ? problem(429, 'QUOTA_EXCEEDED', {}, { 'retry-after': '1' }) : { status: 200, body: { events: 7 } },
    )
    expect(await attune.readiness()).toEqual({ events: 7 })
    expect(far.asked[1].at - far.asked[0].at).toBeGreaterThanOrEqual(990)
  })

  it('comes back after a broken connection, a service that is not ready, and a proxy that did not reach it', async () => {
    const replies: Reply[] = [
      'drop',
      problem(503, 'NOT_READY'),
      { status: 502, body: '<html>' },
      { status: 200, body: { items: [] } },
    ]
    const { far, attune } = await clientOf((nth) => replies[nth - 1])
    expect(await attune.recommend({ userId: 'ada' })).toEqual({ items: [] })
    expect(far.asked).toHaveLength(4)
    expect(new Set(far.asked.map(({ body }) => body))).toEqual(new Set(['{"userId":"ada"}']))
  })

  it('gives up after its retries, with the last reason', async () => {
    const { far, attune } = await clientOf(() => problem(503, 'NOT_READY', { checks: { database: 'away' } }), {
      retries: 2,
    })
    const error = await errorOf(attune.readiness())
    expect(far.asked).toHaveLength(3)
    expect(error).toBeInstanceOf(AttuneError)
    expect(error).toMatchObject({
      name: 'AttuneError',
      code: 'NOT_READY',
      status: 503,
      retryable: true,
      requestId: 'r-1',
      problem: { checks: { database: 'away' } },
    })
  })

  it('never repeats what was refused, and says which fields', async () => {
    const { far, attune } = await clientOf(() =>
      problem(400, 'VALIDATION_FAILED', { errors: [{ path: 'count', message: 'too big' }] }),
    )
    const error = await errorOf(attune.recommend({ count: 501 }))
    expect(far.asked).toHaveLength(1)
    expect(error).toMatchObject({ retryable: false, errors: [{ path: 'count', message: 'too big' }] })
    expect(error.message).toBe('Said: VALIDATION_FAILED. count: too big')
  })

  it('does not repeat by itself what would be done twice, but where nothing was done', async () => {
    const broken = await clientOf(() => 'drop')
    expect(await errorOf(broken.attune.versions.rollback())).toMatchObject({ code: 'NETWORK', retryable: true })
    expect(broken.far.asked).toHaveLength(1)
    const busy = await clientOf((nth) => (nth === 1 ? problem(429, 'QUOTA_EXCEEDED') : { status: 200, body: {} }))
    await busy.attune.keys.create({ scopes: ['ingest'] })
    expect(busy.far.asked).toHaveLength(2)
  })

  it('drops dead letters once: a second try would take newer ones, or find none', async () => {
    const { far, attune } = await clientOf(() => 'drop')
    expect(await errorOf(attune.deadLetters.drop('t-0-1'))).toMatchObject({ code: 'NETWORK' })
    expect(await errorOf(attune.deadLetters.dropAll({ code: 'NOT_JSON' }))).toMatchObject({ code: 'NETWORK' })
    expect(far.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'DELETE /v1/dead-letters/t-0-1',
      'POST /v1/dead-letters/drop',
    ])
  })

  it('does not hang for as long as it is told to stay away', async () => {
    const { far, attune } = await clientOf(() => problem(429, 'QUOTA_EXCEEDED', {}, { 'retry-after': '86400' }))
    expect(await errorOf(attune.readiness())).toMatchObject({ code: 'QUOTA_EXCEEDED', retryAfter: 86400 })
    expect(far.asked).toHaveLength(1)
  })

  it('ends a try that takes too long, also in the midst of an answer', async () => {
    const silent = await clientOf(() => 'wait', { timeoutMs: 100, retries: 1 })
    expect(await errorOf(silent.attune.readiness())).toMatchObject({ code: 'TIMEOUT', retryable: true })
    expect(silent.far.asked).toHaveLength(2)
    const halting = await clientOf(
      () => (response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"a":'),
      { timeoutMs: 100, retries: 0 },
    )
    expect(await errorOf(halting.attune.readiness())).toMatchObject({ code: 'TIMEOUT' })
  })

  it('ends when its caller says so, with the reason given, while it waits as well', async () => {
    const { attune } = await clientOf(() => 'wait')
    const ending = new AbortController()
    const asked = errorOf(attune.readiness({ signal: ending.signal }))
    ending.abort(new Error('enough'))
    expect((await asked).message).toBe('enough')
    const busy = await clientOf(() => problem(429, 'QUOTA_EXCEEDED', {}, { 'retry-after': '30' }))
    const waiting = errorOf(busy.attune.readiness({ signal: AbortSignal.timeout(300) }))
    expect((await waiting).name).toBe('TimeoutError')
  })

  it('says what is not the service', async () => {
    const page = await clientOf(() => ({
      status: 404,
      headers: { 'content-type': 'text/html' },
      body: '<h1>nginx</h1>',
    }))
    expect(await errorOf(page.attune.readiness())).toMatchObject({ code: 'BAD_ANSWER', status: 404, retryable: false })
    const words = await clientOf(() => ({ status: 200, body: 'hello' }))
    expect(await errorOf(words.attune.readiness())).toMatchObject({ code: 'BAD_ANSWER', status: 200 })
    const nobody = new Attune({ server: `http://127.0.0.1:${await freePort()}`, key: 'k', tenant: 't', retries: 1 })
    expect(await errorOf(nobody.readiness())).toMatchObject({ code: 'NETWORK' })
    expect((await errorOf(nobody.readiness())).message).toContain('ECONNREFUSED')
  })

  it.each<[string, object]>([
    ['server', { server: 'not an address' }],
    ['server', { server: 'ftp://x' }],
    ['server', { server: 'http://user:secret@x' }],
    ['key', { key: '' }],
    ['key', { key: 'ключ-secret' }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['retries', { retries: -1 }],
  ])('refuses a %s that cannot be: %j', (name, options) => {
    const make = () => new Attune({ server: 'http://127.0.0.1:1', key: 'k', ...options })
    expect(make).toThrow(AttuneError)
    expect(make).toThrow(new RegExp(`^${name} `))
    expect(make).not.toThrow(/secret/)
  })

  it('names what a path lacks', async () => {
    const { attune, far } = await clientOf(() => ({ status: 200 }), { tenant: undefined })
    expect((await errorOf(attune.readiness())).message).toContain('tenant is needed')
    expect((await errorOf(attune.for('t').items.get('..'))).code).toBe('INVALID_OPTION')
    expect(far.asked).toHaveLength(0)
  })
})

describe('following a run', () => {
  const stream = (text: string, end: boolean) => (response: import('node:http').ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    // In pieces that cut words, and a character, in two.
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7))
    if (end) response.end()
    else setTimeout(() => response.destroy(), 50)
  }

  it('goes on after a broken connection where it was, and ends with the run', async () => {
    const { far, attune } = await clientOf((nth) =>
      nth === 1
        ? stream(
            'retry: 10\n\n: hello\n\nid: 1\nevent: state\ndata: {"state":"training ✓"}\n\nid: 2\nevent: progress\ndata: {"pro',
            false,
          )
        : stream(
            'id: 2\r\nevent: progress\r\ndata: {"progress":1}\r\n\r\nevent: end\ndata: {"state":"promoted"}\n\nevent: x\ndata: {}\n\n',
            true,
          ),
    )
    const told = []
    for await (const event of attune.runs.follow('r1')) told.push(event)
    expect(told).toEqual([
      { event: 'state', data: { state: 'training ✓' } },
      { event: 'progress', data: { progress: 1 } },
      { event: 'end', data: { state: 'promoted' } },
    ])
    expect(far.asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '1'])
  })

  it('says that there is no such run', async () => {
    const { attune } = await clientOf(() => problem(404, 'NOT_FOUND'))
    expect(await errorOf(attune.runs.follow('none').next())).toMatchObject({ code: 'NOT_FOUND' })
  })
})
