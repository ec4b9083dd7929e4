import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RetentionService } from '../../src/events/retention.service.js'
import { WaitingLetters } from '../../src/events/waiting-letters.service.js'
import { SketchesService } from '../../src/monitoring/sketches.service.js'
import { AnswersService } from '../../src/online/answers.service.js'
import { AttributionService } from '../../src/online/attribution.service.js'
import { GuardService } from '../../src/online/guard.service.js'
import { OnlineRetentionService } from '../../src/online/online-retention.service.js'
import { TenantsService } from '../../src/tenants/tenants.service.js'
import { DriftTrigger } from '../../src/training/drift-trigger.js'
import { TrainingWatch } from '../../src/training/training-watch.js'
import { catalogOf, encoded, storeVersion } from '../serving/made-version.js'
import { type TestService, testService } from '../support/service.js'
import { reachOf, recordStatements } from '../support/statements.js'
import { madeUpShop, send } from '../training/shop.js'

/** Statements that may reach further than one tenant, or join what is not joined by tenant, and why that is all right. */
const FURTHER: { statement: RegExp; why: string }[] = [
  {
    statement: /^\s*(DELETE FROM|UPDATE) dead_letters\b.* ctid = ANY/s,
    why: 'what all tenants and messages of none have room for together: a table that stays whole on one server',
  },
  {
    statement: /^\s*DELETE FROM event_counts WHERE grain = \$1 AND at < \$2 AND ctid = ANY/,
    why: 'rows of all tenants by their place: a wrong one is past its time as well',
  },
  {
    statement: /^\s*DELETE FROM sketches WHERE name = \$1 AND at < .* AND ctid = ANY/,
    why: 'rows of all tenants by their place: a wrong one is past its time as well',
  },
]

const PATIENCE = { timeout: 100_000, interval: 200 }

describe('the database, to be spread over servers by tenant', () => {
  const recorded = recordStatements()
  let service: TestService
  let owner: pg.Client
  let tables: Set<string>
  beforeAll(async () => {
    service = await testService({ BACKEND: 'wasm' })
    owner = new pg.Client({ connectionString: service.databaseUrl })
    await owner.connect()
    const { rows } = await owner.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
         AND relname <> 'migrations'`,
    )
    tables = new Set(rows.map(({ name }) => name))
  })
  afterAll(async () => {
    recorded.stop()
    await owner.end()
    await service.stop()
  })

  it('has the tenant in every table, never null', async () => {
    const { rows } = await owner.query<{ name: string }>(
      `SELECT attrelid::regclass::text AS name FROM pg_attribute WHERE attname = 'tenant_id' AND attnotnull
         AND atttypid = 'text'::regtype AND attrelid = ANY ($1::text[]::regclass[])`,
      [[...tables]],
    )
    expect(rows.map(({ name }) => name).sort()).toEqual([...tables].sort())
    expect(tables.size).toBeGreaterThan(20)
  })

  it('has the tenant in every primary, unique and exclusion key', async () => {
    const { rows } = await owner.query<{ key: string; hasTenant: boolean }>(
      `SELECT indexrelid::regclass::text AS key, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid
         AND a.attname = 'tenant_id' AND a.attnum = ANY (i.indkey)) AS "hasTenant"
       FROM pg_index i WHERE (indisunique OR indisexclusion) AND indrelid = ANY ($1::text[]::regclass[])`,
      [[...tables]],
    )
    expect(rows.filter(({ hasTenant }) => !hasTenant)).toEqual([])
    expect(rows.length).toBeGreaterThanOrEqual(tables.size)
  })

  it('has the tenant at the same place on both sides of every foreign key', async () => {
    const { rows } = await owner.query<{ key: string; columns: string[]; others: string[] }>(
      `SELECT conrelid::regclass || ' ' || conname AS key,
         ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY k (n, place) JOIN pg_attribute ON attrelid = conrelid
           AND attnum = n ORDER BY place) AS columns,
         ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY k (n, place) JOIN pg_attribute ON attrelid = confrelid
           AND attnum = n ORDER BY place) AS others
       FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY ($1::text[]::regclass[])`,
      [[...tables]],
    )
    const place = rows.map(({ key, columns, others }) => [
      key,
      columns.indexOf('tenant_id'),
      others.indexOf('tenant_id'),
    ])
    expect(place).toEqual(rows.map(({ key }) => [key, 0, 0]))
    expect(rows.length).toBeGreaterThan(10)
  })

  it('holds every statement of a day to its tenant, and joins by tenant', { timeout: 240_000 }, async () => {
    await aDay()
    const strays: unknown[] = []
    const reached = new Set<string>()
    for (const [statement, scopes] of recorded.seen) {
      if (!/\b(FROM|UPDATE|JOIN)\b/.test(statement) || /\bpg_\w+ c JOIN pg_attribute\b/.test(statement)) continue
      const { bound, loose } = await reachOf(owner, statement, tables).catch((error: unknown) => {
        throw new Error(`can not be explained: ${statement}`, { cause: error })
      })
      for (const scan of [...bound, ...loose.flat()]) reached.add(scan.split(' ')[0])
      const mayReach = scopes.has('tenant') ? 0 : 1
      if (loose.length > mayReach && !FURTHER.some(({ statement: known }) => known.test(statement)))
        strays.push({ statement, scopes: [...scopes], loose })
    }
    expect(strays).toEqual([])
    // What the day did not touch it says nothing of.
    expect([...tables].filter((table) => !reached.has(table))).toEqual([])
    expect(recorded.seen.size).toBeGreaterThan(100)
    for (const { statement, why } of FURTHER)
      expect(
        [...recorded.seen.keys()].some((text) => statement.test(text)),
        why,
      ).toBe(true)
  })

  /** Every call of the contract, and what the service does by itself. */
  async function aDay() {
    const { app } = service
    const shop = madeUpShop(60, 80)
    const { id, key } = await service.makeTenant('acme', {
      retentionDays: 3650,
      training: { schedule: '0 3 * * *' },
      quotas: { requestsPerSecond: 10_000 },
    })
    await send(service, { id, key }, shop)
    const done = new Set<string>()
    const call = async (name: string, body?: unknown, query = '', names: Record<string, string> = {}) => {
      const [method, template] = name.split(' ')
      const known: Record<string, string> = { tenant: id, itemId: 'item/1', userId: 'user 1', name: 'home', ...names }
      const path = template.replaceAll(/\{(\w+)\}/g, (_, part: string) => encodeURIComponent(known[part]))
      const bearer = template.startsWith('/v1/tenants/{tenant}/') ? key : undefined
      const answer = await service.call(method, path + query, { key: bearer, body })
      expect(answer.status, `${name}: ${JSON.stringify(answer.body)}`).toBeLessThan(300)
      done.add(name)
      return answer.body as Record<string, string> & { data: { id: string }[] }
    }
    const of = '/v1/tenants/{tenant}'
    await call('POST /v1/tenants', { id: 'other' })
    await call('GET /v1/tenants')
    await call(`GET ${of}`)
    await call(`PATCH ${of}`, { name: 'Acme' })
    const made = await call(`POST ${of}/keys`, { scopes: ['ingest'] })
    await call(`GET ${of}/keys`)
    await call(`DELETE ${of}/keys/{id}`, undefined, '', { id: made.id })
    await call(`POST ${of}/items`, { items: [{ itemId: 'own', title: 'a late lamp' }, shop.items[0]] })
    await call(`GET ${of}/items`)
    await call(`GET ${of}/items/{itemId}`)
    await call(`DELETE ${of}/items/{itemId}`, undefined, '', { itemId: 'own' })

    const run = await call(`POST ${of}/training-runs`, { from: 'base' })
    await call(`GET ${of}/training-runs`)
    await expect
      .poll(async () => (await call(`GET ${of}/training-runs/{id}`, undefined, '', { id: run.id })).state, PATIENCE)
      .toMatch(/promoted|rejected|failed/)
    await call(`GET ${of}/training-runs/{id}/events`, undefined, '', { id: run.id })
    const again = await call(`POST ${of}/training-runs`, { force: true })
    await call(`POST ${of}/training-runs/{id}/cancel`, undefined, '', { id: again.id })
    const version = await storeVersion(service, id, encoded(await catalogOf(service, id), 1))
    await call(`POST ${of}/model-versions/{id}/promote`, undefined, '', { id: version })
    await call(`GET ${of}/model-versions`)
    await call(`GET ${of}/model-versions/{id}`, undefined, '', { id: version })
    await call(`POST ${of}/model-versions/{id}/recommendations`, { userId: 'user 1' }, '', { id: version })

    await call(`PUT ${of}/scenarios/{name}`, { count: 3 })
    await call(`GET ${of}/scenarios/{name}`)
    const arms = [
      { name: 'a', share: 0.5, modelVersion: 'base' },
      { name: 'b', share: 0.5 },
    ]
    const experiment = await call(`POST ${of}/experiments`, { name: 'a split', metric: 'clicks', arms })
    await call(`GET ${of}/experiments`)
    for (let user = 1; user < 8; user++) {
      const answer = await call(`POST ${of}/recommendations`, {
        userId: `user ${user}`,
        scenario: 'home',
        explain: true,
      })
      const [item] = answer.items as unknown as { itemId: string }[]
      const { recommendationId } = answer
      await app.get(AnswersService).flush()
      const event = { userId: `user ${user}`, sessionId: 's', itemId: item.itemId, recommendationId }
      const types = ['view', 'purchase'].map((type) => ({ ...event, type }))
      await call(`POST ${of}/events`, { events: [...types, { ...event, type: 'view', recommendationId: 'not there' }] })
    }
    await call(`POST ${of}/recommendations`, { sessionId: 's', history: ['item/1'] })
    await call(`GET ${of}/users/{userId}/recommendations`)
    await call(`POST ${of}/rankings`, { userId: 'user 1', itemIds: ['item/1', 'item/2'] })
    await call(`GET ${of}/items/{itemId}/similar`)
    await call(`GET ${of}/trending`)
    await app.get(AttributionService).round(() => false, 0)
    await app.get(GuardService).round(() => false)
    await call(`GET ${of}/experiments/{id}`, undefined, '', { id: experiment.id })
    await call(`POST ${of}/experiments/{id}/stop`, { winner: 'a' }, '', { id: experiment.id })
    await call(`GET ${of}/metrics/online`, undefined, '?by=day')
    await call(`POST ${of}/model-versions/rollback`)
    await call(`DELETE ${of}/scenarios/{name}`)

    await call(`GET ${of}/users`)
    await call(`GET ${of}/users`, undefined, '?prefix=us')
    await call(`GET ${of}/users/{userId}/history`)
    await call(`GET ${of}/users/{userId}/export`)
    await call(`POST ${of}/users/{userId}/merge`, { into: 'user 2' })
    const erasure = await call(`DELETE ${of}/users/{userId}`, undefined, '', { userId: 'user 3' })
    await call(`GET ${of}/erasures/{id}`, undefined, '', { id: erasure.id })
    await call(`GET ${of}/audit`)
    await call(`GET ${of}/events/counts`)
    await call(`GET ${of}/freshness`)
    await call(`GET ${of}/drift`)
    await call(`GET ${of}/readiness`)
    await call(`GET ${of}/quotas`)
    await call(`GET ${of}/overview`)
    await call('GET /v1/overview')

    const letter = (offset: string) => ({
      message: {
        key: Buffer.from('acme:user 1'),
        value: Buffer.from('{"tenantId":"acme"}'),
        timestamp: '1',
        attributes: 0,
        headers: {},
        offset,
      },
      origin: { topic: 'attune.events', partition: 0, offset, timestamp: String(Date.now()) },
      code: 'INVALID_EVENT',
      reason: 'no item',
    })
    await app.get(WaitingLetters).add('attune.events', 0, ['1', '2', '3'].map(letter))
    const letters = (await call('GET /v1/dead-letters', undefined, '?limit=2')) as unknown as {
      data: { id: string }[]
      nextCursor: string
    }
    await call('GET /v1/dead-letters', undefined, `?cursor=${letters.nextCursor}&tenant=acme&code=INVALID_EVENT`)
    await call('GET /v1/dead-letters/{id}', undefined, '', { id: letters.data[0].id })
    await call('DELETE /v1/dead-letters/{id}', undefined, '', { id: letters.data[0].id })
    await call('POST /v1/dead-letters/drop', { code: 'INVALID_EVENT' })

    await app.get(RetentionService).sweep(Date.now())
    await app.get(OnlineRetentionService).sweep(Date.now(), () => false)
    await app.get(WaitingLetters).sweep()
    await app.get(SketchesService).sweep()
    await app.get(TrainingWatch).look()
    await app.get(DriftTrigger).look()
    await service.call('GET', '/metrics')
    await call(`DELETE ${of}`, undefined, '', { tenant: 'other' })
    await app.get(TenantsService).purge()

    const { body } = await service.call('GET', '/openapi.json')
    const contract = Object.entries((body as { paths: Record<string, object> }).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    // These need a broker, and read and write what the others do.
    const withKafka = ['POST /v1/dead-letters/{id}/replay', 'POST /v1/dead-letters/replay']
    const missed = contract.filter((name) => name.includes(' /v1/') && !done.has(name) && !withKafka.includes(name))
    expect(missed).toEqual([])
  }
})
