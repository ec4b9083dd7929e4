import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/platform/database.js'
import { isOwnPage, readSessionCookie, writeSessionCookie } from '../../src/tenants/session-cookie.js'
import { SignInLimit } from '../../src/tenants/sign-in-limit.js'
import { RunQueue } from '../../src/training/run-queue.js'
import { testService, type TestService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'

interface SignedIn {
  cookie: string
  token: string
}

describe('sessions of the console', () => {
  let service: TestService
  let database: Database
  beforeAll(async () => {
    // A proxy in front, in some tests: addresses are then the clients'.
    service = await testService({ ROLES: 'api', TRUSTED_PROXIES: '127.0.0.0/8' })
    database = service.app.get(Database)
  })
  afterAll(() => service.stop())

  const open = (key: string, headers: Record<string, string> = {}) =>
    service.call('POST', '/console/session', { key: '', body: { key }, headers })
  const signIn = async (key: string): Promise<SignedIn> => {
    const { status, body, headers } = await open(key)
    expect(status).toBe(200)
    const cookie = /^[^;]+/.exec(headers.get('set-cookie') ?? '')?.[0] ?? ''
    return { cookie, token: (body as { csrfToken: string }).csrfToken }
  }
  const by = (
    { cookie, token }: SignedIn,
    method: string,
    path: string,
    { body, headers = {}, key = '' }: { body?: unknown; headers?: Record<string, string>; key?: string } = {},
  ) => service.call(method, path, { key, body, headers: { cookie, 'x-csrf-token': token, ...headers } })
  const whoAmI = async (session: SignedIn) => (await by(session, 'GET', '/console/session')).status
  const age = (column: string, interval: string) =>
    database.asSystem((sql) => sql.execute(`UPDATE console_sessions SET ${column} = now() - interval '${interval}'`))

  it('give the operator a cookie for the key, and do what the key does', async () => {
    const answer = await open(service.operatorKey)
    expect(answer).toMatchObject({
      status: 200,
      body: { kind: 'operator', tenant: null, scopes: ['ingest', 'recommend', 'train', 'manage'], idleSeconds: 1800 },
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('set-cookie')).toMatch(
      /^attune_session=\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    )
    expect(JSON.stringify(answer.body)).not.toContain(service.operatorKey)
    const session = await signIn(service.operatorKey)
    const { csrfToken } = (await by(session, 'GET', '/console/session')).body as { csrfToken: string }
    expect(csrfToken).toBe(session.token)
    expect((await by(session, 'GET', '/v1/tenants')).status).toBe(200)
    const made = await by(session, 'POST', '/v1/tenants', { body: { id: 'by-console' } })
    expect(made.status).toBe(201)
    const { body } = await service.call('GET', '/v1/tenants/by-console/audit')
    expect(body).toMatchObject({ data: [{ actor: 'operator' }, {}] })
  })

  it('give a tenant no more than its key', async () => {
    const [own, other] = [await service.makeTenant('my shop/ä'), await service.makeTenant()]
    const path = `/v1/tenants/${encodeURIComponent(own.id)}`
    const { body } = await service.call('POST', `${path}/keys`, { key: own.key, body: { scopes: ['manage'] } })
    const session = await signIn((body as { key: string }).key)
    expect(await by(session, 'GET', '/console/session')).toMatchObject({
      body: { kind: 'tenant', tenant: own.id, scopes: ['manage'] },
    })
    expect((await by(session, 'GET', `${path}/overview`)).status).toBe(200)
    for (const refused of ['/v1/overview', '/v1/tenants', `/v1/tenants/${other.id}`, `${path}/training-runs`])
      expect((await by(session, 'GET', refused)).status, refused).toBe(403)
  })

  it('let nothing write without their token, or from another page', async () => {
    const session = await signIn(service.operatorKey)
    const other = await signIn(service.operatorKey)
    expect(other.token).not.toBe(session.token)
    let made = 0
    const write = (headers: Record<string, string>) =>
      by(session, 'POST', '/v1/tenants', { body: { id: `written-${made++}` }, headers })
    const host = new URL(service.url).host
    const refusals: Record<string, string>[] = [
      { 'x-csrf-token': '' },
      { 'x-csrf-token': 'wrong' },
      { 'x-csrf-token': other.token },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://${host}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: `http://${host}` },
      { 'sec-fetch-site': 'none' },
    ]
    for (const headers of refusals)
      expect([headers, await write(headers)]).toMatchObject([headers, { status: 403, body: { code: 'CSRF_REFUSED' } }])
    for (const headers of [undefined, { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }])
      expect((await write(headers ?? {})).status).toBe(201)
    expect((await by(session, 'GET', '/v1/tenants', { headers: { 'x-csrf-token': '' } })).status).toBe(200)
    // Nobody is signed in by a page that is not ours.
    expect(await open(service.operatorKey, { origin: 'https://evil.example' })).toMatchObject({ status: 403 })
    const signedOut = await by(session, 'DELETE', '/console/session', { headers: { 'x-csrf-token': '' } })
    expect(signedOut.status).toBe(403)
  })

  it('stand back behind a key', async () => {
    const tenant = await service.makeTenant()
    const session = await signIn(service.operatorKey)
    const ask = (key: string) => by(session, 'GET', '/v1/tenants', { key })
    expect([(await ask('')).status, (await ask(tenant.key)).status, (await ask('wrong')).status]).toEqual([
      200, 403, 401,
    ])
    // The key needs no token.
    const keyed = { key: service.operatorKey, body: { id: 'by-key' }, headers: { 'x-csrf-token': '' } }
    expect((await by(session, 'POST', '/v1/tenants', keyed)).status).toBe(201)
  })

  it('end when they are signed out, everywhere', async () => {
    const session = await signIn(service.operatorKey)
    const again = await open(service.operatorKey, { cookie: session.cookie })
    // Who signs in anew has one session, not two.
    expect([again.status, await whoAmI(session)]).toEqual([200, 401])
    const second = await signIn(service.operatorKey)
    const out = await by(second, 'DELETE', '/console/session')
    expect(out.status).toBe(204)
    expect(out.headers.get('set-cookie')).toMatch(/^attune_session=; .*Max-Age=0/)
    expect(await whoAmI(second)).toBe(401)
    expect((await service.call('DELETE', '/console/session')).status).toBe(204)
    // A tenant's own, and no other's; what is no cookie of theirs is no matter.
    const [one, other] = [await service.makeTenant(), await service.makeTenant()]
    const [ofOne, ofOther] = [await signIn(one.key), await signIn(other.key)]
    expect((await open(one.key, { cookie: ofOne.cookie })).status).toBe(200)
    expect([await whoAmI(ofOne), await whoAmI(ofOther)]).toEqual([401, 200])
    for (const { key } of [one, other])
      for (const value of ['', '.', 'Kg.', `Kg${ofOther.cookie.split('=')[1]}`, 'AA.'])
        expect((await open(key, { cookie: `attune_session=${value.padEnd(46, 'x')}` })).status).toBe(200)
    expect((await by(ofOther, 'DELETE', '/console/session')).status).toBe(204)
    expect(await whoAmI(ofOther)).toBe(401)
  })

  it('end unused after half an hour, and used after half a day', async () => {
    const session = await signIn(service.operatorKey)
    await age('seen_at', '20 min')
    expect(await whoAmI(session)).toBe(200)
    // That was a use.
    const [{ unseen }] = await database.asSystem((sql) =>
      sql.query<{ unseen: number }>(
        'SELECT min(extract(epoch FROM now() - seen_at))::float8 AS unseen FROM console_sessions WHERE session_hash = $1',
        [createHash('sha256').update(session.cookie.replace('attune_session=', '')).digest()],
      ),
    )
    expect(unseen).toBeLessThan(600)
    await age('seen_at', '31 min')
    expect(await whoAmI(session)).toBe(401)
    const later = await signIn(service.operatorKey)
    await age('created_at', '11 h')
    expect(await whoAmI(later)).toBe(200)
    await age('created_at', '13 h')
    expect(await whoAmI(later)).toBe(401)
    await signIn(service.operatorKey)
    const left = await database.asSystem((sql) => sql.query('SELECT 1 FROM console_sessions'))
    expect(left).toHaveLength(1)
  })

  it('end with their key: revoked, expired, another operator’s, of a tenant that is gone', async () => {
    const tenant = await service.makeTenant()
    const path = `/v1/tenants/${tenant.id}/keys`
    const make = async () => {
      const { body } = await service.call('POST', path, { key: tenant.key, body: { scopes: ['manage'] } })
      return body as { id: string; key: string }
    }
    const [revoked, expired] = [await make(), await make()]
    const sessions = [await signIn(revoked.key), await signIn(expired.key), await signIn(tenant.key)]
    await service.call('DELETE', `${path}/${revoked.id}`)
    await database.inTenant(tenant.id, (sql) =>
      sql.execute('UPDATE api_keys SET expires_at = now() WHERE key_id = $1', [expired.id]),
    )
    expect(await Promise.all(sessions.map(whoAmI))).toEqual([401, 401, 200])
    const operator = await signIn(service.operatorKey)
    const env = { ROLES: 'api', DATABASE_URL: service.databaseUrl }
    const [same, changed] = [
      await testService(env),
      await testService({ ...env, OPERATOR_KEY: 'another-operator-key' }),
    ]
    try {
      const ask = (at: TestService) =>
        at.call('GET', '/console/session', { key: '', headers: { cookie: operator.cookie } })
      expect([(await ask(same)).status, (await ask(changed)).status]).toEqual([200, 401])
    } finally {
      await Promise.all([same.stop(), changed.stop()])
    }
    await service.call('DELETE', `/v1/tenants/${tenant.id}`)
    expect(await whoAmI(sessions[2])).toBe(401)
  })

  it('are kept as hashes, fifty of a key at most', async () => {
    const tenant = await service.makeTenant()
    const first = await signIn(tenant.key)
    const all = [first]
    for (let i = 0; i < 50; i++) all.push(await signIn(tenant.key))
    expect([await whoAmI(first), await whoAmI(all[1])]).toEqual([401, 200])
    const rows = await database.query(tenant.id, 'SELECT * FROM console_sessions')
    expect(rows).toHaveLength(50)
    for (const { cookie, token } of all)
      for (const secret of [cookie.split('.')[1], token]) expect(JSON.stringify(rows)).not.toContain(secret)
  })

  it('refuse what is no cookie of theirs', async () => {
    const { cookie } = await signIn(service.operatorKey)
    const [name, value] = cookie.split('=')
    const tenant = Buffer.from('*').toString('base64url')
    for (const wrong of [
      '',
      '.',
      value.slice(1),
      `${value}x`,
      `${tenant}${value}`,
      '\u00e4.'.repeat(9),
      `AA${value}`,
      'x'.repeat(9999),
    ])
      expect([wrong, await whoAmI({ cookie: `${name}=${encodeURIComponent(wrong)}`, token: '' })]).toEqual([wrong, 401])
    expect(await whoAmI({ cookie: `a=1; ${cookie}; b=2`, token: '' })).toBe(200)
    for (const body of [{}, { key: '' }, { key: 7 }, { key: 'x'.repeat(5000) }, { key: 'a', more: 1 }, 'text', null])
      expect((await service.call('POST', '/console/session', { key: '', body })).status).toBe(400)
  })

  it('may be tried ten times by an address, without a limit for others', async () => {
    const from = (address: string, key: string) => open(key, { 'x-forwarded-for': address })
    for (let i = 0; i < 10; i++) expect((await from('192.0.2.1', 'wrong')).status).toBe(401)
    const refused = await from('192.0.2.1', service.operatorKey)
    expect(refused).toMatchObject({ status: 429, body: { code: 'TOO_MANY_TRIES' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await from('192.0.2.2', service.operatorKey)).status).toBe(200)
    for (let i = 0; i < 20; i++) expect((await from('192.0.2.3', service.operatorKey)).status).toBe(200)
  })

  it('follow a run live', async () => {
    const tenant = await service.makeTenant()
    await send(service, tenant, madeUpShop(60, 80))
    const session = await signIn(tenant.key)
    const path = `/v1/tenants/${tenant.id}/training-runs`
    const { id } = (await by(session, 'POST', path, { body: {} })).body as { id: string }
    const queue = service.app.get(RunQueue)
    const claim = await queue.claim('test')
    if (!claim) throw new Error('no run to claim')
    const stream = await fetch(`${service.url}${path}/${id}/events`, { headers: { cookie: session.cookie } })
    expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/)
    await queue.finish(claim, { state: 'rejected', outcome: 'rejected' })
    expect(await stream.text()).toMatch(/event: end\ndata: .*rejected/)
  })

  it('are told apart by https in their cookies', () => {
    const request = (headers: Record<string, string>, protocol: 'http' | 'https' = 'http') => ({
      headers,
      protocol,
      host: 'attune.example',
    })
    const cookies = 'attune_session=.plain; __Host-attune_session=.secure'
    expect(readSessionCookie(request({ cookie: cookies }))).toBe('.plain')
    for (const https of [
      request({ cookie: cookies }, 'https'),
      request({ cookie: cookies, 'x-forwarded-proto': 'https' }),
    ]) {
      expect(readSessionCookie(https)).toBe('.secure')
      expect(writeSessionCookie(https, '.x', 5)).toBe(
        '__Host-attune_session=.x; Path=/; HttpOnly; SameSite=Strict; Max-Age=5; Secure',
      )
    }
    expect(isOwnPage(request({ origin: 'https://shop.example', 'x-forwarded-host': 'shop.example' }))).toBe(true)
    expect(isOwnPage(request({ origin: 'https://attune.example' }))).toBe(true)
    expect(isOwnPage(request({ origin: 'https://shop.example' }))).toBe(false)
  })
})

describe('the limit of tries to sign in', () => {
  const wrong = (limit: SignInLimit, address: string, times: number) => {
    for (let i = 0; i < times; i++) limit.failed(address, 0)
  }
  const refuses = (limit: SignInLimit, address: string, now = 0) => {
    try {
      limit.check(address, now)
      return false
    } catch {
      return true
    }
  }

  it('gives a try back every half a minute', () => {
    const limit = new SignInLimit()
    wrong(limit, '192.0.2.1', 10)
    expect([0, 29_000, 31_000].map((now) => refuses(limit, '192.0.2.1', now))).toEqual([true, true, false])
  })

  it('takes a network of IPv6 for one address', () => {
    const limit = new SignInLimit()
    wrong(limit, '2001:db8::1', 10)
    expect(refuses(limit, '2001:db8:0:0:ffff::7')).toBe(true)
    expect(refuses(limit, '2001:DB8::2')).toBe(true)
    expect(refuses(limit, '2001:db8:0:1::1')).toBe(false)
    wrong(limit, '::ffff:192.0.2.1', 10)
    expect(refuses(limit, '::ffff:192.0.2.2')).toBe(false)
  })

  it('is bounded, whoever comes', () => {
    const limit = new SignInLimit()
    wrong(limit, '192.0.2.1', 10)
    for (let i = 0; i < 10_000; i++) limit.failed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0)
    expect(refuses(limit, '192.0.2.1')).toBe(false)
  })
})
