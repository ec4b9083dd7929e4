import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeVersion } from '../../src/model/version-file.js'
import { allContracts } from '../../src/platform/http.js'
import { encodeCursor } from '../../src/platform/schema.js'
import { VERSION_ARTIFACT, VersionsService } from '../../src/registry/versions.service.js'
import { type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'

/** A word in every id and title of the other tenant: it must never reach this one. */
const SECRET = 'zzsecretzz'
/** The same for ours: it must never reach the other. */
const OURS = 'yyopenyy'
const ITEMS = 120
const USERS = 700
const FINISHED = ['promoted', 'rejected', 'skipped', 'failed', 'cancelled']

interface Tenant {
  id: string
  key: string
}
interface Run {
  id: string
  state: string
  startedAt: string
  finishedAt: string
  modelVersion: string
}
/** What the service made up for a tenant: ids that no word marks. */
type Made = Record<'run' | 'skippedRun' | 'version' | 'keyId' | 'recommendation' | 'erasure', string>

describe('isolation of tenants that are fine-tuned at once, through every route', () => {
  let service: TestService
  let ours: Tenant
  let theirs: Tenant
  let runs: Run[]
  let ourIds: Made
  let theirIds: Made
  let theirCursors: string[]
  const theirShop = shopOf(SECRET, 2)
  const erased = `${SECRET}-user 1`
  /** Everything of theirs that a path can name. */
  const theirNames = () => [
    ...Object.values(theirIds),
    `${SECRET}-item/1`,
    `${SECRET}-user 0`,
    `${SECRET}-scenario`,
    SECRET,
  ]

  beforeAll(async () => {
    service = await testService({ BACKEND: 'wasm' })
    const settings = { quotas: { requestsPerSecond: 100_000 }, training: { schedule: null } }
    ours = await service.makeTenant('ours', settings)
    theirs = await service.makeTenant(`theirs-${SECRET}`, settings)
    await Promise.all([send(service, ours, shopOf(OURS, 1)), send(service, theirs, theirShop)])
    const erasures = [await erase(ours, OURS), await erase(theirs, SECRET)]
    const asked = await Promise.all([ours, theirs].map((tenant) => ask(tenant, 'POST', '/training-runs', {})))
    expect(asked.map(({ status }) => status)).toEqual([202, 202])
    const ids = asked.map(({ body }) => (body as Run).id)
    runs = await Promise.all([ended(ours, ids[0]), ended(theirs, ids[1])])
    ourIds = await make(ours, OURS, runs[0], erasures[0])
    theirIds = await make(theirs, SECRET, runs[1], erasures[1])
    theirCursors = await cursorsOf(theirs, runs[1])
  }, 240_000)
  afterAll(() => service.stop())

  const ask = (tenant: Tenant, method: string, path: string, body?: object) =>
    service.call(method, `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })

  /** The answer as it is: not every one is JSON. */
  async function read(tenant: Tenant, method: string, path: string, body?: object) {
    const answer = await fetch(`${service.url}/v1/tenants/${tenant.id}${path}`, {
      method,
      headers: { authorization: `Bearer ${tenant.key}`, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    })
    return { status: answer.status, text: await answer.text() }
  }

  async function ended(tenant: Tenant, id: string): Promise<Run> {
    for (;;) {
      const run = (await ask(tenant, 'GET', `/training-runs/${id}`)).body as Run
      if (FINISHED.includes(run.state)) return run
      await sleep(200)
    }
  }

  /** Before the training: an erasure is a reason to train again. */
  async function erase(tenant: Tenant, word: string): Promise<string> {
    const { status, body } = await ask(tenant, 'DELETE', `/users/${encodeURIComponent(`${word}-user 1`)}`)
    expect(status).toBe(202)
    return (body as { id: string }).id
  }

  async function make(tenant: Tenant, word: string, run: Run, erasure: string): Promise<Made> {
    const skipped = await ask(tenant, 'POST', '/training-runs', {})
    expect(skipped).toMatchObject({ status: 200, body: { state: 'skipped' } })
    const keys = await ask(tenant, 'GET', '/keys')
    const scenario = await ask(tenant, 'PUT', `/scenarios/${word}-scenario`, { count: 3 })
    expect(scenario.status).toBeLessThan(300)
    const answer = await ask(tenant, 'POST', '/recommendations', { userId: `${word}-user 0` })
    const made = {
      run: run.id,
      skippedRun: (skipped.body as Run).id,
      version: run.modelVersion,
      keyId: (keys.body as { data: { id: string }[] }).data[0].id,
      recommendation: (answer.body as { recommendationId: string }).recommendationId,
      erasure,
    }
    for (const [kind, id] of Object.entries(made)) expect(id, kind).toMatch(/^.{8,}$/)
    return made
  }

  async function cursorsOf(tenant: Tenant, { modelVersion }: Run): Promise<string[]> {
    const cursors: string[] = []
    for (const list of ['items', 'audit', 'training-runs']) {
      const { body } = await ask(tenant, 'GET', `/${list}?limit=1`)
      cursors.push((body as { nextCursor: string }).nextCursor)
      expect(cursors.at(-1), list).toMatch(/./)
    }
    // The only version is the end of its list: this is the cursor that it would have if another followed.
    const { body } = await ask(tenant, 'GET', `/model-versions/${modelVersion}`)
    cursors.push(encodeCursor([(body as { createdAt: string }).createdAt.replace('Z', '000Z'), modelVersion]))
    const list = await ask(tenant, 'GET', `/model-versions?limit=1&cursor=${cursors[3]}`)
    expect(list.status).toBe(200)
    return cursors
  }

  it('trains both at the same time, and each on its own data alone', async () => {
    expect(runs.map(({ state }) => state)).toEqual(['promoted', 'promoted'])
    const [from, to] = [runs.map((run) => run.startedAt).sort(), runs.map((run) => run.finishedAt).sort()]
    expect(from[1] < to[0], `both from ${from[1]}, one alone from ${to[0]}`).toBe(true)
    const versions = service.app.get(VersionsService)
    for (const [tenant, word, made] of [
      [ours, OURS, ourIds],
      [theirs, SECRET, theirIds],
    ] as const) {
      const file = decodeVersion(await versions.readArtifact(tenant.id, made.version, VERSION_ARTIFACT))
      expect(file.itemIds).toHaveLength(ITEMS)
      expect(file.itemIds.filter((id) => !id.startsWith(`${word}-item/`))).toEqual([])
    }
    const erasure = await ask(ours, 'GET', `/erasures/${ourIds.erasure}`)
    expect(erasure.body).toMatchObject({ firstModelVersionWithout: ourIds.version })
    await expect(versions.readArtifact(ours.id, theirIds.version, VERSION_ARTIFACT)).rejects.toThrow()
    const report = await ask(ours, 'GET', `/model-versions/${ourIds.version}`)
    expect(report.body).toMatchObject({ serving: true, runId: ourIds.run })
    expect(JSON.stringify(report.body)).not.toContain(SECRET)
  })

  it('recommends to each only what is its own', async () => {
    // Users of the other are strangers here: they get what is popular with us.
    for (const [tenant, word] of [
      [ours, OURS],
      [theirs, SECRET],
    ] as const)
      for (const user of [`${OURS}-user 0`, `${SECRET}-user 0`, ...[2, 3, 4, 5].map((i) => `${word}-user ${i}`)]) {
        const body = { userId: user, count: 500, excludeSeen: false, explain: true, returnProperties: true }
        const answer = await ask(tenant, 'POST', '/recommendations', body)
        const { items, modelVersion } = answer.body as { items: { itemId: string }[]; modelVersion: string }
        expect(modelVersion).toBe(tenant === ours ? ourIds.version : theirIds.version)
        expect(items).toHaveLength(ITEMS)
        expect(items.filter(({ itemId }) => !itemId.startsWith(`${word}-item/`))).toEqual([])
        expect(JSON.stringify(items)).not.toContain(word === OURS ? SECRET : OURS)
      }
  })

  it('shows each, in everything it can read, nothing of the other', async () => {
    const told = async (tenant: Tenant, word: string, made: Made) => {
      const paths = [
        ...['', '/items', '/keys', '/audit', '/training-runs', '/model-versions'].map((path) => `${path}?limit=1000`),
        ...[`/training-runs/${made.run}`, `/training-runs/${made.run}/events`, `/model-versions/${made.version}`],
        ...[`/erasures/${made.erasure}`, `/scenarios/${word}-scenario`, '/readiness', '/quotas', '/trending?count=500'],
        `/items/${encodeURIComponent(`${word}-item/1`)}/similar?count=500`,
        `/users/${encodeURIComponent(`${word}-user 0`)}/export`,
      ]
      const answers = await Promise.all(paths.map((path) => read(tenant, 'GET', path)))
      expect(answers.map(({ status }, i) => [paths[i], status])).toEqual(paths.map((path) => [path, 200]))
      return answers.map(({ text }) => text).join('\n')
    }
    const [toUs, toThem] = [await told(ours, OURS, ourIds), await told(theirs, SECRET, theirIds)]
    for (const id of [SECRET, ...Object.values(theirIds)]) expect([id, toUs.includes(id)]).toEqual([id, false])
    for (const id of [OURS, ...Object.values(ourIds)]) expect([id, toThem.includes(id)]).toEqual([id, false])
    // It would be there to see.
    for (const id of [OURS, ourIds.run, ourIds.version, ourIds.keyId, ourIds.erasure])
      expect([id, toUs.includes(id)]).toEqual([id, true])
  })

  it('refuses our key on every path of theirs', async () => {
    const routes = allContracts().filter(({ path }) => path.includes(':tenant'))
    expect(routes.length).toBeGreaterThan(30)
    for (const { method, path } of routes)
      for (const id of theirNames()) {
        const target = path.replace(':tenant', theirs.id).replaceAll(/:\w+/g, encodeURIComponent(id))
        const body = method === 'GET' || method === 'DELETE' ? undefined : {}
        const answer = await service.call(method, target, { key: ours.key, body })
        expect([`${method} ${target}`, answer.status]).toEqual([`${method} ${target}`, 403])
        if (!/:\w+/.test(path.replace(':tenant', ''))) break
      }
    expect((await service.call('GET', '/v1/tenants', { key: ours.key })).status).toBe(403)
  })

  it('knows no id of theirs on our paths', async () => {
    const item = encodeURIComponent(`${SECRET}-item/1`)
    for (const [method, path] of [
      ['GET', `/training-runs/${theirIds.run}`],
      ['GET', `/training-runs/${theirIds.run}/events`],
      ['POST', `/training-runs/${theirIds.run}/cancel`],
      ['GET', `/model-versions/${theirIds.version}`],
      ['POST', `/model-versions/${theirIds.version}/promote`],
      ['GET', `/erasures/${theirIds.erasure}`],
      ['GET', `/scenarios/${SECRET}-scenario`],
      ['DELETE', `/scenarios/${SECRET}-scenario`],
      ['DELETE', `/keys/${theirIds.keyId}`],
      ['GET', `/items/${item}`],
      ['GET', `/items/${item}/similar`],
    ])
      expect([method, path, (await ask(ours, method, path)).status]).toEqual([method, path, 404])
    const exported = await read(ours, 'GET', `/users/${encodeURIComponent(`${SECRET}-user 0`)}/export`)
    expect(exported.status).toBe(200)
    expect(exported.text).not.toContain(`${SECRET}-item`)
  })

  it('shows nothing of theirs to our key with their ids and cursors', async () => {
    const queries = ['', ...theirCursors.map((cursor) => `?limit=1000&cursor=${encodeURIComponent(cursor)}`)]
    let tried = 0
    for (const { method, path } of allContracts()) {
      if (!path.includes(':tenant') || method === 'DELETE') continue
      for (const id of theirNames())
        for (const query of queries) {
          const target = path.replace('/v1/tenants/:tenant', '').replaceAll(/:\w+/g, encodeURIComponent(id))
          const body = method === 'GET' ? undefined : bodyWith(path, id)
          const answer = await read(ours, method, target + query, body)
          tried++
          expect(answer.status).toBeLessThan(500)
          // What we sent may be said back to us ("there is no item 'x'"): anything else of theirs may not.
          const told = answer.text.replaceAll(id, '')
          for (const other of [SECRET, ...Object.values(theirIds)])
            expect([`${method} ${target}`, other, told.includes(other)]).toEqual([`${method} ${target}`, other, false])
        }
    }
    expect(tried).toBeGreaterThan(1000)
  })

  it('lets our key change nothing of theirs', async () => {
    for (const id of theirNames())
      for (const path of ['items', 'keys', 'scenarios', 'users'])
        await ask(ours, 'DELETE', `/${path}/${encodeURIComponent(id)}`)
    expect((await ask(theirs, 'GET', '/items?limit=1000')).body).toMatchObject({ data: { length: ITEMS } })
    expect((await ask(theirs, 'GET', '/keys')).body).toMatchObject({ data: { length: 1 } })
    expect((await ask(theirs, 'GET', `/scenarios/${SECRET}-scenario`)).status).toBe(200)
    expect((await ask(theirs, 'GET', '/training-runs')).body).toMatchObject({
      data: [
        { id: theirIds.skippedRun, state: 'skipped' },
        { id: theirIds.run, state: 'promoted' },
      ],
    })
    expect((await ask(theirs, 'GET', `/model-versions/${theirIds.version}`)).body).toMatchObject({ serving: true })
    const events = theirShop.events.filter(({ userId }) => userId !== erased)
    expect((await ask(theirs, 'GET', '/readiness')).body).toMatchObject({
      events: events.length,
      users: USERS - 1,
      items: ITEMS,
    })
  })

  function bodyWith(path: string, id: string): object {
    if (path.endsWith('/recommendations'))
      return { userId: id, history: [id], count: 100, returnProperties: true, explain: true }
    if (path.endsWith('/rankings')) return { userId: id, itemIds: [id] }
    if (path.endsWith('/merge')) return { into: id }
    if (path.endsWith('/training-runs')) return { from: 'active' }
    return {}
  }
})

/** A shop in which every id and title has the word. */
function shopOf(word: string, seed: number) {
  const shop = madeUpShop(ITEMS, USERS, seed)
  return {
    items: (shop.items as { itemId: string; title: string }[]).map(({ itemId, title }) => ({
      itemId: `${word}-${itemId}`,
      title: `${word} ${title}`,
    })),
    events: shop.events.map((event) => ({
      ...event,
      eventId: `${word}-${event.eventId}`,
      userId: `${word}-${event.userId}`,
      itemId: `${word}-${event.itemId}`,
    })),
  }
}
