import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ConsumerHealth } from '../../src/events/consumer-health.js'
import { Database } from '../../src/platform/database.js'
import { packagePath } from '../../src/platform/paths.js'
import { readTraceparent } from '../../src/platform/tracing.js'
import { eventRows, kafkaShop } from '../events/kafka-shop.js'
import { type CollectedSpan, startCollector } from '../support/collector.js'
import { kafkaForTests } from '../support/kafka.js'
import { testDatabase, testService, type TestService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'

const brokers = await kafkaForTests()

/** As in OTLP: one more than in the API. */
const SERVER = 2
const CLIENT = 3
const CONSUMER = 5
const MARK = 'zq7private'

const newTrace = () => {
  const traceId = randomBytes(16).toString('hex')
  const spanId = randomBytes(8).toString('hex')
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` }
}

describe('traces', () => {
  let collector: Awaited<ReturnType<typeof startCollector>>
  let database: Awaited<ReturnType<typeof testDatabase>>
  const shop = brokers === null ? undefined : kafkaShop(brokers)
  const asked = newTrace()
  const failing = newTrace()
  const events = [newTrace(), newTrace()]
  let run: string
  let requestId: string

  const spansOf = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId)
  const childrenOf = (parent: CollectedSpan) => collector.spans.filter((span) => span.parent === parent.spanId)
  const below = (parent: CollectedSpan): CollectedSpan[] =>
    childrenOf(parent).flatMap((child) => [child, ...below(child)])

  // Everything happens before the service stops: what it sends at its end is what is looked at.
  beforeAll(async () => {
    collector = await startCollector()
    database = await testDatabase()
    const service = await testService({
      ...shop?.env,
      ROLES: 'api,ingest,trainer',
      BACKEND: 'wasm',
      DATABASE_URL: database.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
    })
    await use(service)
    await service.stop()
  }, 300_000)
  afterAll(async () => {
    collector.close()
    await database.drop()
  })

  async function use(service: TestService) {
    const tenant = await service.makeTenant('the-tenant')
    const { key } = tenant
    const path = `/v1/tenants/${tenant.id}`
    await send(service, tenant, madeUpShop(60, 80))
    const user = { userId: `${MARK}@example.com`, sessionId: MARK, count: 5 }
    const ask = (headers: Record<string, string>) =>
      service.call('POST', `${path}/recommendations`, { key, body: user, headers })
    expect((await ask({ traceparent: asked.traceparent, tracestate: `${MARK}=1` })).status).toBe(200)
    await service.call('GET', `${path}/users/${MARK}/recommendations?x=${MARK}`, { key })
    const { headers } = await service.call('GET', `${path}/items/${MARK}`, { key: `attune.${MARK}` })
    expect(headers.get('content-type')).toContain('problem')

    const { body } = await service.call('GET', `${path}/audit?cursor=${MARK}`, { key })
    requestId = (body as { requestId: string }).requestId
    await failingCall(service, path, key)

    const asking = await service.call('POST', `${path}/training-runs`, { key })
    run = (asking.body as { id: string }).id
    const runNow = async () =>
      (await service.call('GET', `${path}/training-runs/${run}`, { key })).body as { finishedAt: string | null }
    await vi.waitFor(async () => expect((await runNow()).finishedAt).not.toBeNull(), {
      timeout: 200_000,
      interval: 500,
    })

    if (!shop) return
    await vi.waitFor(() => expect(service.app.get(ConsumerHealth).state).toBe('running'), { timeout: 60_000 })
    const message = (i: number, headers?: Record<string, string>) => ({
      key: `${tenant.id}:${MARK}`,
      value: JSON.stringify({ tenantId: tenant.id, eventId: `k${i}`, userId: MARK, itemId: 'item/1', type: 'view' }),
      headers,
    })
    const arrived = (count: number) =>
      vi.waitFor(
        async () => {
          const rows = await eventRows(database.url, tenant.id)
          expect(rows.filter((row) => /^k\d/.test(row.event_id))).toHaveLength(count)
        },
        { timeout: 30_000, interval: 200 },
      )
    await shop.send(shop.config.eventsTopic, [message(0, { traceparent: asked.traceparent })])
    await arrived(1)
    await shop.send(shop.config.eventsTopic, [
      message(1, { traceparent: events[0].traceparent }),
      message(2),
      message(3, { traceparent: events[1].traceparent }),
      message(4, { traceparent: `00-${MARK}` }),
    ])
    await arrived(5)
  }

  async function failingCall(service: TestService, path: string, key: string) {
    const database = service.app.get(Database)
    const inTenant = database.inTenant.bind(database)
    database.inTenant = (tenantId, work) =>
      inTenant(tenantId, async (sql) => {
        await sql.query(`SELECT $1::text::integer FROM events`, [MARK])
        return work(sql)
      })
    const { status } = await service.call('GET', `${path}/users/${MARK}/recommendations`, {
      key,
      headers: { traceparent: failing.traceparent },
    })
    database.inTenant = inTenant
    expect(status).toBe(500)
  }

  it('of a request hold server, SQL and model in one, below where the client began', () => {
    const [server, ...others] = spansOf(asked.traceId).filter(({ kind }) => kind === SERVER)
    expect(others).toEqual([])
    expect(server).toMatchObject({
      name: 'POST /v1/tenants/:tenant/recommendations',
      parent: asked.spanId,
      failed: false,
    })
    expect(server.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/v1/tenants/:tenant/recommendations',
      'http.response.status_code': 200,
      'attune.tenant.id': 'the-tenant',
      'attune.request.id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    })
    const inside = below(server)
    const sql = inside.filter(({ attributes }) => attributes['db.system.name'] === 'postgresql')
    expect(sql.map(({ name }) => name)).toContain('SELECT events')
    for (const span of sql) {
      expect(span.kind).toBe(CLIENT)
      expect(span.attributes['db.query.summary']).toBe(span.name)
      expect(Object.keys(span.attributes)).not.toContain('db.query.text')
    }
    const rank = inside.find(({ name }) => name === 'rank')
    expect(rank?.parent).toBe(server.spanId)
    expect(rank?.attributes).toMatchObject({
      'attune.model.version': 'base',
      'attune.recommendation.kind': 'recommendations',
      'attune.recommendation.items': 5,
    })
    // It was the first of its tenant.
    const load = inside.find(({ name }) => name === 'load model')
    expect(load?.attributes).toMatchObject({ 'attune.model.load': 'cold', 'attune.tenant.id': 'the-tenant' })
    expect(load && childrenOf(load).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['read items', 'read events', 'prepare model']),
    )
    for (const span of inside) {
      expect(span.from).toBeGreaterThanOrEqual(server.from - 1)
      expect(span.traceId).toBe(asked.traceId)
    }
  })

  it('of a request that failed say so, where it did and at the top', () => {
    const spans = spansOf(failing.traceId)
    const server = spans.find(({ kind }) => kind === SERVER)
    expect(server).toMatchObject({
      failed: true,
      attributes: { 'http.response.status_code': 500, 'error.type': '500' },
    })
    const failed = spans.filter(({ kind, failed }) => kind === CLIENT && failed)
    expect(failed.length).toBeGreaterThan(0)
    expect(failed[0].attributes['error.type']).toBe('22P02')
  })

  it('are not made of a refusal a failure, and begin anew where nobody began', () => {
    const refused = collector.spans.find(({ attributes }) => attributes['attune.request.id'] === requestId)
    expect(refused).toMatchObject({ parent: null, failed: false, attributes: { 'http.response.status_code': 400 } })
  })

  it('of a training run hold its phases, those of its process among them, in order', () => {
    const training = collector.spans.find(({ attributes }) => attributes['attune.training.run.id'] === run)
    expect(training).toMatchObject({
      name: 'training run',
      parent: null,
      attributes: { 'attune.tenant.id': 'the-tenant' },
    })
    const phases = childrenOf(training!).filter(({ attributes }) => !attributes['db.system.name'])
    expect(phases.map(({ name }) => name)).toEqual(['admit', 'prepare data', 'train', 'publish'])
    const train = phases.find(({ name }) => name === 'train')!
    const stages = childrenOf(train).sort((a, b) => a.from - b.from)
    const names = stages.map(({ name }) => name)
    expect(names.slice(0, 4)).toEqual(['train: reading', 'train: cleaning', 'train: texts', 'train: training'])
    expect(names.at(-1)).toBe('train: storing')
    stages.slice(1).forEach((stage, i) => expect(stage.from).toBeCloseTo(stages[i].to, 0))
    // Heartbeats and progress are no part of it.
    expect(below(training!).filter(({ name }) => name === 'UPDATE training_runs').length).toBeLessThan(10)
  })

  it.skipIf(brokers === null)('lead from a message to its rows', () => {
    const [batch] = spansOf(asked.traceId).filter(({ kind }) => kind === CONSUMER)
    expect(batch).toMatchObject({ name: `process ${shop?.config.eventsTopic}`, parent: asked.spanId })
    expect(batch.attributes).toMatchObject({
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.destination.name': shop?.config.eventsTopic,
      'messaging.consumer.group.name': shop?.config.group,
      'messaging.batch.message_count': 1,
    })
    expect(below(batch).map(({ name }) => name)).toContain('WITH events')
  })

  it.skipIf(brokers === null)('of messages that were stored together lead to what stored them, and back', () => {
    const messages = events.map(({ traceId, spanId }) => {
      const [span] = spansOf(traceId)
      expect(span).toMatchObject({ kind: CONSUMER, parent: spanId })
      return span
    })
    const batch = collector.spans.find(({ spanId }) => messages[0].links.some((link) => link.spanId === spanId))
    expect(batch?.links).toContainEqual({ traceId: events[0].traceId, spanId: events[0].spanId })
    expect(below(batch!).map(({ name }) => name)).toContain('WITH events')
  })

  it('hold nothing private, no key and no value of a statement', () => {
    expect(collector.spans.length).toBeGreaterThan(50)
    expect(collector.text()).not.toContain(MARK)
    expect(collector.text()).not.toContain('operator-key-of-the-tests')
    expect(collector.text()).not.toContain('item/1')
    expect(collector.resources[0]).toMatchObject({
      'service.name': 'attune',
      'service.version': expect.any(String) as string,
    })
  })
})

describe('without a collector', () => {
  it('nothing of OpenTelemetry is loaded but its API, which the metrics bring along', () => {
    const program = `
      import module from 'node:module'
      await import(${JSON.stringify(packagePath('dist', 'src', 'service.js'))})
      const { startTracing } = await import(${JSON.stringify(packagePath('dist', 'src', 'platform', 'tracing.js'))})
      const loaded = () => Object.keys(module._cache).filter((path) => /@opentelemetry[/](?!api[/])/.test(path)).length
      const logger = { warn() {}, info() {} }
      await startTracing({}, logger)
      const without = loaded()
      await startTracing({ otlpEndpoint: 'http://127.0.0.1:9' }, logger)
      console.log(JSON.stringify({ without, with: loaded() }))`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    const counts = JSON.parse(said) as { without: number; with: number }
    expect(counts.without).toBe(0)
    expect(counts.with).toBeGreaterThan(10)
  })

  it('a service whose collector is away works, and stops in time', async () => {
    const service = await testService({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', ROLES: 'api' })
    const { id, key } = await service.makeTenant()
    expect((await service.call('GET', `/v1/tenants/${id}`, { key })).status).toBe(200)
    await sleep(100)
    const started = performance.now()
    await service.stop()
    expect(performance.now() - started).toBeLessThan(40_000)
  })
})

describe('a traceparent', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const span = '00f067aa0ba902b7'

  it('is read as the standard says', () => {
    const read = { traceId: trace, spanId: span, isRemote: true }
    expect(readTraceparent(`00-${trace}-${span}-01`)).toEqual({ ...read, traceFlags: 1 })
    expect(readTraceparent(`00-${trace}-${span}-00`)).toEqual({ ...read, traceFlags: 0 })
    expect(readTraceparent(`cc-${trace}-${span}-09-what-will-be`)).toEqual({ ...read, traceFlags: 1 })
  })

  it('is none where it is not one', () => {
    for (const wrong of [
      undefined,
      '',
      'x'.repeat(100_000),
      `ff-${trace}-${span}-01`,
      `00-${trace}-${span}-01-more`,
      `00-${trace.toUpperCase()}-${span}-01`,
      `00-${'0'.repeat(32)}-${span}-01`,
      `00-${trace}-${'0'.repeat(16)}-01`,
      `00-${trace}-${span}`,
      `00-${trace}-${span}-01\n`,
    ])
      expect(readTraceparent(wrong), wrong?.slice(0, 80)).toBeUndefined()
  })
})
