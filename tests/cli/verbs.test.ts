import { readFileSync, writeFileSync } from 'node:fs'
import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Attune } from '../../src/client/index.js'
import { VersionsService } from '../../src/registry/versions.service.js'
import { RunQueue } from '../../src/training/run-queue.js'
import { serviceProcess } from '../support/process.js'
import { testService, type TestService } from '../support/service.js'
import { madeUpShop } from '../training/shop.js'
import { type Ended, type Home, newHome } from './attune.js'

describe('attune, against a service', () => {
  let service: TestService
  let home: Home
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    home = await newHome({ ATTUNE_SERVER: service.url, ATTUNE_KEY: service.operatorKey })
  })
  afterAll(async () => {
    await home.cleanUp()
    await service.stop()
  })
  const withShop = async () => {
    const { id, key } = await service.makeTenant()
    const attune = new Attune({ server: service.url, key, tenant: id })
    const shop = madeUpShop(60, 80)
    await attune.items.upsert(shop.items)
    await attune.events.send(shop.events)
    return { id, key, attune, shop, env: { ATTUNE_TENANT: id, ATTUNE_KEY: key } }
  }

  it('makes, shows, sets, lists and deletes tenants', async () => {
    const made = await home.attune([
      'tenants',
      'create',
      'acme',
      '--name',
      'Acme \u001b[31m<b>',
      '--settings',
      '{"hideAfter":[]}',
      '--json',
    ])
    expect(made.code).toBe(0)
    expect(made.json()).toMatchObject([
      { tenant: { id: 'acme', settings: { hideAfter: [] } }, apiKey: expect.any(String) as string },
    ])
    expect((await home.attune(['tenants', 'create', 'acme'])).code).toBe(1)
    const listed = await home.attune(['tenants'])
    expect(listed.out).toMatch(/^tenant +name +base +since$/m)
    expect(listed.out).toMatch(/^acme +Acme {2}\[31m<b> +default +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m)
    // What others wrote colours nobody's terminal.
    expect(listed.out).not.toContain('\u001b')
    expect((await home.attune(['tenants', 'list', '--json'])).json()).toMatchObject([{ id: 'acme' }])
    writeFileSync(join(home.folder, 'settings.json'), '{"training":{"autoPromote":false}}')
    const set = await home.attune(['tenants', 'set', 'acme', '--settings', '@settings.json', '--json'])
    expect(set.json()).toMatchObject([{ settings: { hideAfter: [], training: { autoPromote: false } } }])
    const piped = await home.attune(['tenants', 'set', '--tenant', 'acme', '--settings', '-'], {
      input: '{"hideAfter":["read"]}',
    })
    expect(JSON.parse(piped.out)).toMatchObject({ hideAfter: ['read'] })
    const shown = await home.attune(['tenants', 'show', 'acme'])
    expect(shown.out).toMatch(/^served by +popular$/m)
    expect(shown.out).toMatch(/^training +not ready/m)
    expect(shown.out).toMatch(/^missing: 0 of \d+ events: /m)
    expect(shown.out).toMatch(/^missing: 0 of \d+ users with history: /m)
    expect(shown.out).not.toContain('too old')
    expect((await home.attune(['tenants', 'set', 'acme', '--settings', '[1]'])).code).toBe(2)
    expect((await home.attune(['tenants', 'set', 'acme', '--settings', '@none.json'])).code).toBe(2)
    const wrong = await home.attune(['tenants', 'set', 'acme', '--settings', '{"hideAfter":5}'])
    expect(wrong.code).toBe(2)
    expect(wrong.err).toContain('VALIDATION_FAILED')
    // Said once, though the answer names the field and says it in words.
    expect(wrong.err.match(/settings\.hideAfter: /g)).toHaveLength(1)
    const unasked = await home.attune(['tenants', 'delete', 'acme'])
    expect([unasked.code, unasked.err]).toEqual([2, expect.stringContaining('--yes') as string])
    // A variable that is not set means no tenant, and least of all the one that was logged in to.
    for (const args of [
      ['delete', '', '--yes'],
      ['set', '', '--name', 'x'],
      ['show', '--tenant', ' '],
    ]) {
      const { code, err } = await home.attune(['tenants', ...args], { env: { ATTUNE_TENANT: 'acme' } })
      expect([code, err]).toEqual([2, expect.stringContaining('The tenant is named, but empty') as string])
    }
    expect((await home.attune(['tenants', 'set', 'acme'])).code).toBe(2)
    expect((await home.attune(['tenants', 'delete', 'acme', '--yes'])).code).toBe(0)
    expect((await home.attune(['tenants', 'show', 'acme'])).code).toBe(1)
  })

  it('shows whether a tenant may be trained, and what of its events no run reads', async () => {
    const { id, attune, shop } = await withShop()
    expect((await home.attune(['tenants', 'show', id])).out).toMatch(/^training +ready, would take about \d+:\d\d on /m)
    await attune.events.send([{ ...shop.events[0], eventId: 'long-ago', occurredAt: '2001-01-01T00:00:00Z' }])
    const shown = await home.attune(['tenants', 'show', id])
    const words = 'events are older than historyDays (730 days) before the newest, and take no part'
    expect(shown.out).toContain(`1 of ${(shop.events.length + 1).toLocaleString('en-US')} ${words}`)
    expect(await attune.readiness()).toMatchObject({ eventsOutsideHistory: 1, events: shop.events.length + 1 })
  })

  it('makes keys, shows each once, and revokes them', async () => {
    const { id } = await service.makeTenant()
    const at = ['--tenant', id]
    const made = await home.attune([
      'keys',
      'create',
      '--scopes',
      'recommend,ingest',
      '--name',
      'site',
      '--expires',
      '90d',
      '--json',
      ...at,
    ])
    const [key] = made.json() as { id: string; key: string; expiresAt: string }[]
    expect(Date.parse(key.expiresAt) - Date.now()).toBeGreaterThan(89 * 86_400_000)
    const listed = await home.attune(['keys', ...at])
    expect(listed.out).toMatch(new RegExp(`^${key.id} +site +(recommend ingest|ingest recommend) `, 'm'))
    expect(listed.out).not.toContain(key.key)
    const trending = ['recommend', '--trending', ...at]
    expect((await home.attune(trending, { env: { ATTUNE_KEY: key.key } })).code).toBe(0)
    expect((await home.attune(['keys', ...at], { env: { ATTUNE_KEY: key.key } })).code).toBe(5)
    expect((await home.attune(['keys', 'revoke', key.id, ...at])).code).toBe(0)
    expect((await home.attune(trending, { env: { ATTUNE_KEY: key.key } })).code).toBe(5)
    expect((await home.attune(['keys', 'create', '--scopes', 'fly', ...at])).code).toBe(2)
    expect((await home.attune(['keys', 'create', '--scopes', 'train', '--expires', 'soon', ...at])).code).toBe(2)
    expect((await home.attune(['keys', 'create', ...at])).code).toBe(2)
  })

  it('recommends in every way, with titles and reasons', async () => {
    const { env, shop, attune } = await withShop()
    await attune.items.upsert([{ itemId: 'item/1', title: '<script>\u0007' }])
    const user = shop.events[0].userId
    const run = (...args: string[]) => home.attune(['recommend', ...args, '--count', '5'], { env })
    const plain = await run(user, '--explain')
    expect(plain.out.trimEnd().split('\n')).toHaveLength(6)
    expect(plain.out).toMatch(/^ +item +score +title +because of$/m)
    expect(plain.out).toMatch(/^1 +item\/\d+ +-?\d\.\d{4} +\w+ \w+ number \d+ +\w+ \w+ number \d+ \(0\.\d\d\)/m)
    expect((await run(user)).out).toMatch(/^ +item +score +title$/m)
    expect(plain.err).toMatch(/^source: base, version: base, recommendation: \S+$/m)
    const { key } = await attune.keys.create({ scopes: ['recommend'], name: 'shop window' })
    const window = await home.attune(['recommend', user, '--explain'], { env: { ...env, ATTUNE_KEY: key } })
    expect(window.out).toMatch(/^ *1 +item\/\d+ +\S+ +\w+ \w+ number \d+ +(item\/\d+|\w+ \w+ number \d+) \(0\.\d\d\)/m)
    for (const way of [
      ['--history', 'item/2,item/5'],
      ['--similar', 'item/2'],
      ['--trending'],
      ['--rank', 'item/1,item/2,item/3,item/4,item/5'],
    ]) {
      const answer = (await run(...way, '--json')).json() as { items: unknown[] }[]
      expect(answer[0].items).toHaveLength(5)
    }
    const filtered = await run('--filter', '{"itemId":{"any":["item/1"]}}')
    expect(filtered.out).toMatch(/^1 +item\/1 +\S+ +<script>/m)
    expect(filtered.out).not.toContain('\u0007')
    expect((await run('--diversity', '2')).code).toBe(2)
    expect((await run('--similar', 'x', '--trending')).code).toBe(2)
    expect((await run('--similar', 'not there')).code).toBe(1)
    for (const [way, ...unheard] of [
      ['--trending', '--filter', '{}'],
      ['--similar=item/2', '--explain'],
      ['--rank=item/1', '--diversity', '1'],
    ]) {
      const { code, err } = await run(way, ...unheard)
      expect([code, err]).toEqual([2, expect.stringMatching(/^attune: --\w+ knows no --\w+\.$/m)])
    }
  })

  it('starts a run and follows it, or the one that is in its way', async () => {
    const { env, attune } = await withShop()
    const queue = service.app.get(RunQueue)
    const finish = async (state: 'rejected' | 'promoted') => {
      for (;;) {
        const claim = await queue.claim('test')
        if (claim) return queue.finish(claim, { state, outcome: state })
        await new Promise((next) => setTimeout(next, 50))
      }
    }
    const started = await home.attune(['train', '--reason', 'by hand', '--no-follow', '--json'], { env })
    expect(started.json()).toMatchObject([{ state: 'queued', reason: 'by hand' }])
    let following: Promise<Ended> = Promise.reject(new Error('not yet'))
    following.catch(() => undefined)
    await new Promise<void>((met) => {
      following = home.attune(['train'], { env, onErr: (text) => text.includes('is in progress already') && met() })
    })
    await finish('rejected')
    const followed = await following
    expect(followed.code).toBe(3)
    expect(followed.out).toMatch(/^state +rejected$/m)
    const again = home.attune(['train', '--force', '--from', 'base', '--json'], { env })
    await finish('promoted')
    const { code, json } = await again
    expect(code).toBe(0)
    expect(json().at(-1)).toMatchObject({ state: 'promoted', from: 'base' })
    expect(json()).toContainEqual(expect.objectContaining({ event: 'end' }))
    const [{ id }] = (await attune.runs.list({ limit: 1 })).data
    expect((await home.attune(['runs', 'follow', id], { env })).code).toBe(0)
    expect((await home.attune(['runs', 'cancel', id], { env })).out).toBe(`${id}: promoted\n`)
    expect((await home.attune(['runs'], { env })).out).toMatch(new RegExp(`^${id} +\\S+ \\S+ +promoted `, 'm'))
    const { id: empty } = await service.makeTenant()
    const refused = await home.attune(['train', '--tenant', empty])
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('NOT_ENOUGH_DATA') as string])
  })

  it('lists versions, shows one, promotes and rolls back', async () => {
    const { id, key } = await service.makeTenant()
    const env = { ATTUNE_TENANT: id, ATTUNE_KEY: key }
    const versions = service.app.get(VersionsService)
    const draft = {
      runId: null,
      parentId: null,
      baseModel: 'default',
      decision: 'rejected' as const,
      reason: 'no better than what is popular',
      report: {
        metrics: {
          candidate: { ndcg: { mean: 0.1234, low: 0.1, high: 0.2 } },
          popular: { ndcg: { mean: 0.2, low: 0.1, high: 0.3 } },
        },
        gate: {
          decision: 'rejected' as const,
          reason: 'r',
          checks: [
            { name: 'beats popular', passed: false, detail: 'it does not' },
            { name: 'keeps the tail', passed: true, asked: false, detail: 'too few' },
          ],
        },
        forgetting: {
          windows: [
            {
              from: '2026-01-01T00:00:00.000Z',
              to: '2026-02-01T00:00:00.000Z',
              users: 120,
              before: 0.4,
              now: 0.31,
              difference: { mean: -0.09, low: -0.12, high: -0.05 },
            },
          ],
        },
      },
    }
    const one = await versions.create(id, draft, {})
    const two = await versions.create(id, { ...draft, decision: 'passed', report: {} }, {})
    expect((await home.attune(['rollback'], { env })).code).toBe(1)
    expect((await home.attune(['promote', one.id], { env })).out).toBe(`${one.id} is served to ${id}\n`)
    expect((await home.attune(['promote', two.id, '--json'], { env })).json()).toMatchObject([{ serving: true }])
    const listed = await home.attune(['versions'], { env })
    expect(listed.out).toMatch(new RegExp(`^> +${two.id} `, 'm'))
    expect(listed.out).toMatch(new RegExp(`^ +${one.id} +\\S+ \\S+ +rejected +12\\.3 % +20\\.0 % +no better`, 'm'))
    // As docs/command-line.md picks the refused ones: an object a line.
    expect((await home.attune(['versions', 'list', '--json'], { env })).json()).toMatchObject([
      { id: two.id, decision: 'passed' },
      { id: one.id, decision: 'rejected' },
    ])
    const shown = await home.attune(['versions', 'show', one.id], { env })
    expect(shown.out).toMatch(/^candidate \(this version\) +12\.3 % +-/m)
    expect(shown.out).toMatch(
      /^2026-01-01 00:00:00 +2026-02-01 00:00:00 +120 +40\.0 % +31\.0 % +-9\.0 % \(-12\.0 % to -5\.0 %\)$/m,
    )
    expect(shown.out).toMatch(/^NO {2}beats popular: it does not$/m)
    expect(shown.out).toMatch(/^-- {2}keeps the tail: too few$/m)
    expect((await home.attune(['rollback'], { env })).out).toBe(
      `${id} is served by ${one.id} again, instead of ${two.id}\n`,
    )
    expect((await home.attune(['rollback'], { env })).out).toContain('is served by the base again')
    expect((await home.attune(['versions'], { env })).err).toContain('None of them is served: the base is.')
    expect((await home.attune(['promote', 'none'], { env })).code).toBe(1)
  })

  it('exports items, users and the audit log; items come back by import', async () => {
    const { env, shop, attune } = await withShop()
    await attune.items.upsert([
      { itemId: 'with/vector', title: 'x', price: 3, categories: ['a|b'], attributes: { n: 1, l: ['q'] } },
    ])
    const out = join(home.folder, 'items.ndjson.gz')
    const exported = await home.attune(['export', 'items', '--out', out], { env })
    expect([exported.code, exported.err]).toEqual([0, `61 items in ${out}\n`])
    expect(gunzipSync(readFileSync(out)).toString().trim().split('\n')).toHaveLength(61)
    const { id } = await service.makeTenant()
    const back = await home.attune(['import', 'items', out, '--tenant', id])
    expect(back.code).toBe(0)
    const { itemId, ...rest } = await new Attune({
      server: service.url,
      key: service.operatorKey,
      tenant: id,
    }).items.get('with/vector')
    expect([itemId, rest]).toMatchObject([
      'with/vector',
      { price: 3, categories: ['a|b'], attributes: { n: 1, l: ['q'] } },
    ])
    const whole = await home.attune(['export', 'items', '--embeddings'], { env })
    expect(whole.json()).toHaveLength(61)
    const user = await home.attune(['export', 'user', shop.events[0].userId], { env })
    expect(user.json().length).toBeGreaterThan(2)
    expect((await home.attune(['export', 'audit'], { env })).json().length).toBeGreaterThan(0)
  })
})

describe('which service, key and tenant', () => {
  let service: TestService
  let home: Home
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
  })
  beforeAll(async () => {
    home = await newHome()
  })
  afterAll(async () => {
    await home.cleanUp()
    await service.stop()
  })
  const config = () => join(home.folder, '.config', 'attune', 'config.json')

  it('login keeps them for the owner only; flags and environment come first; logout forgets', async () => {
    const { id, key } = await service.makeTenant()
    expect((await home.attune(['keys'])).code).toBe(5)
    expect((await home.attune(['keys', '--server', service.url, '--key', key])).code).toBe(2)
    const bad = await home.attune(['login', '--server', service.url, '--tenant', id], { input: 'no-such-key\n' })
    expect([bad.code, bad.err.includes('no-such-key')]).toEqual([5, false])
    const good = await home.attune(['login', '--server', service.url, '--tenant', id], { input: `${key}\n` })
    expect([good.code, good.out.includes(key)]).toEqual([0, false])
    expect((await stat(config())).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(config(), 'utf8'))).toEqual({ server: service.url, key, tenant: id })
    expect((await home.attune(['keys'])).code).toBe(0)
    expect((await home.attune(['keys'], { env: { ATTUNE_KEY: 'another-key-that-is-none' } })).code).toBe(5)
    expect((await home.attune(['keys', '--tenant', 'other'])).code).toBe(5)
    // The key goes to no other service than the one it is of.
    const other = await home.attune(['keys', '--server', 'http://localhost:1'])
    expect([other.code, other.err]).toEqual([
      5,
      expect.stringMatching(/No key for http:\/\/localhost:1.*DATA_DIR/) as string,
    ])
    expect((await home.attune(['tenants'])).code).toBe(5)
    await chmod(config(), 0o644)
    const open = await home.attune(['keys'])
    expect([open.code, open.err]).toEqual([2, expect.stringContaining('chmod 600') as string])
    await chmod(config(), 0o600)
    writeFileSync(config(), '{"server": 5}')
    expect((await home.attune(['keys'])).code).toBe(2)
    expect((await home.attune(['logout'])).code).toBe(0)
    expect((await home.attune(['keys', '--server', service.url, '--tenant', id])).code).toBe(5)
  })

  it('takes XDG_CONFIG_HOME, and a key that may not ask for its tenant', async () => {
    const { id, key } = await service.makeTenant()
    const attune = new Attune({ server: service.url, key, tenant: id })
    const narrow = await attune.keys.create({ scopes: ['recommend'] })
    const env = { XDG_CONFIG_HOME: join(home.folder, 'elsewhere') }
    const login = await home.attune(['login', '--server', service.url, '--tenant', id], { env, input: narrow.key })
    expect([login.code, login.err]).toEqual([0, expect.stringContaining('may not do everything') as string])
    expect((await home.attune(['recommend', '--trending'], { env })).code).toBe(0)
  })

  it("asks a service on this machine with the operator's key where no other is given, and says so", async () => {
    const local = await serviceProcess({ ROLES: 'api', OPERATOR_KEY: '' })
    try {
      const { DATA_DIR } = local.environment
      const env = { DATA_DIR, PORT: new URL(local.url).port }
      const listed = await home.attune(['tenants', '--json'], { env })
      expect([listed.code, listed.err]).toEqual([0, expect.stringContaining(join(DATA_DIR, 'operator.key')) as string])
      const far = await home.attune(['tenants', '--server', 'http://attune.invalid'], { env })
      expect([far.code, far.err]).toEqual([5, expect.stringContaining('No key for') as string])
    } finally {
      await local.cleanUp()
    }
  })
})
