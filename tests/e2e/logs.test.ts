import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allContracts } from '../../src/platform/http.js'
// What declares the endpoints.
import '../../src/app.module.js'
import { kafkaShop } from '../events/kafka-shop.js'
import { kafkaForTests } from '../support/kafka.js'
import { type ServiceProcess, serviceProcess } from '../support/process.js'
import { madeUpShop } from '../training/shop.js'

const brokers = await kafkaForTests()

/** In everything that is somebody's own, and nowhere else. */
const MARK = 'zq7private'
const PERSONAL = [
  `${MARK}@example.com`,
  `+49 170 ${MARK}`,
  `<script>alert("${MARK}")</script>`,
  `'; DROP TABLE ${MARK}; --`,
  `${MARK}\n{"level":"fatal","msg":"forged"}`,
  `\u001b[31m${MARK}`,
  `%${MARK}%s%d%j`,
  `{"__proto__":{"${MARK}":1}}`,
]

interface Line {
  level: string
  time: string
  msg: string
  requestId?: string
  tenant?: string
  run?: string
  route?: string
  code?: string
}

describe('the log', () => {
  const output = { stdout: '', stderr: '' }
  const shop = brokers === null ? undefined : kafkaShop(brokers)
  let service: ServiceProcess
  let key: string
  const secrets: string[] = []
  const tenant = 'the-tenant'
  const path = `/v1/tenants/${tenant}`

  const sql = async (statement: string) => {
    const client = new pg.Client({ connectionString: service.databaseUrl })
    client.on('error', () => undefined)
    await client.connect()
    await client.query(statement).catch(() => undefined)
    await client.end().catch(() => undefined)
  }
  const lines = () =>
    output.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line)

  beforeAll(async () => {
    // The loudest there is: less is said on every other level.
    service = await serviceProcess({ ...shop?.env, ROLES: 'api,ingest,trainer', LOG_LEVEL: 'trace' }, output)
    key = (await service.makeTenant(tenant, { quotas: { requestsPerSecond: 100_000 } })).key
    secrets.push(key, key.split('.')[3], 'operator-key-of-the-tests', new URL(service.databaseUrl).password)
  })
  afterAll(() => service.cleanUp())

  /** The calls of an ordinary day, for a person. */
  const useAs = async (person: string) => {
    const post = (to: string, body: unknown) => service.call('POST', `${path}${to}`, { key, body })
    const user = encodeURIComponent(person)
    const event = { userId: person, itemId: 'lamp', type: 'view', sessionId: person, recommendationId: person }
    await post('/events', { events: [{ ...event, eventId: person, properties: { phone: person } }, event] })
    await post('/events', {
      events: [
        { ...event, occurredAt: person },
        { userId: person, [person]: 1 },
      ],
    })
    await post('/recommendations', { userId: person, explain: true })
    await post('/recommendations', { sessionId: person, history: [person], filter: { 'attributes.x': { eq: person } } })
    await post('/recommendations', { userId: person, scenario: person })
    await post('/rankings', { userId: person, itemIds: ['lamp', person] })
    await service.call('GET', `${path}/users/${user}/recommendations?scenario=${user}`, { key })
    await service.call('GET', `${path}/users/${user}/export`, { key })
    await post(`/users/${user}/merge`, { into: `${person} again` })
    await service.call('DELETE', `${path}/users/${user}`, { key })
    await service.call('GET', `${path}/${user}?email=${user}`, {
      key,
      headers: { cookie: person.replace(/[^\w@.]/g, '') },
    })
    await post('/training-runs', { reason: person })
    const made = await post('/keys', { scopes: ['ingest'], name: person })
    secrets.push((made.body as { key: string }).key)
  }

  it('is said in lines of JSON, with request, tenant and run', async () => {
    const items = [{ itemId: 'lamp', title: 'A lamp' }]
    expect((await service.call('POST', `${path}/items`, { key, body: { items } })).status).toBe(200)
    const refused = await service.call('GET', `${path}/items/nothing`, { key })
    const { requestId } = refused.body as { requestId: string }
    await expect
      .poll(() => lines().filter((line) => line.requestId === requestId && line.msg === 'request refused'))
      .toEqual([expect.objectContaining({ tenant, code: 'NOT_FOUND', level: 'debug' })])
    await expect
      .poll(() => lines().find((line) => line.requestId === requestId && line.msg === 'request answered'))
      .toMatchObject({ tenant, route: '/v1/tenants/:tenant/items/:itemId', status: 404 })

    const { items: more, events } = madeUpShop(60, 80)
    await service.call('POST', `${path}/items`, { key, body: { items: more } })
    await service.call('POST', `${path}/events`, { key, body: { events: events.slice(0, 1000) } })
    const { status, body } = await service.call('POST', `${path}/training-runs`, { key })
    expect(status).toBe(202)
    const { id } = body as { id: string }
    const ofRun = () => lines().filter(({ run }) => run === id)
    await expect.poll(() => ofRun().map(({ msg }) => msg), { timeout: 60_000 }).toContain('training run starts')
    await service.call('POST', `${path}/training-runs/${id}/cancel`, { key })
    await expect.poll(() => ofRun().map(({ msg }) => msg), { timeout: 60_000 }).toContain('training run ended')
    expect(ofRun().filter((line) => line.tenant !== tenant)).toEqual([])
    // Nobody asked for what a loop does, whoever woke it.
    expect(ofRun().filter((line) => line.requestId !== undefined)).toEqual([])
  }, 180_000)

  it('holds nothing of what persons are called, whatever door it came through', async () => {
    for (const person of PERSONAL) await useAs(person)
    for (const { method, path: template, access } of allContracts()) {
      if (access === 'public' || (method === 'DELETE' && template.endsWith(':tenant'))) continue
      for (const person of PERSONAL.slice(0, 3)) {
        const body = {
          items: [{ itemId: 1, title: person }],
          name: person,
          settings: { [person]: person },
          userId: person,
        }
        await service.call(
          method,
          `${template.replace(':tenant', tenant).replaceAll(/:\w+/g, encodeURIComponent(person))}?q=${encodeURIComponent(person)}`,
          {
            key,
            body: method === 'GET' || method === 'DELETE' ? undefined : body,
          },
        )
      }
    }
    // Keys that are none, in the right place and in wrong ones.
    for (const wrong of [`attune.${MARK}.x.${'a'.repeat(43)}`, `Bearer ${MARK}`, MARK.repeat(100)]) {
      await service.call('GET', path, { key: wrong })
      await service.call('GET', `${path}?apiKey=${wrong}`, { key: '' })
      await service.call('GET', path, {
        key: '',
        headers: { authorization: `Basic ${btoa(wrong)}`, 'x-api-key': wrong },
      })
    }
    const { hostname, port } = new URL(service.url)
    await new Promise<void>((done) => {
      const socket = connect(Number(port), hostname, () =>
        socket.end(`GET /${MARK} HTTP/9.9\r\nCookie: ${MARK}\r\n\r\n`),
      )
      socket.on('close', () => done()).on('error', () => done())
      socket.resume()
    })
    await service.call('GET', `/%ZZ${MARK}`)
    await service.call('POST', `${path}/events`, { key, raw: `{"events": [{"userId": "${MARK}` })
    if (shop) {
      const event = { tenantId: tenant, itemId: 'lamp', type: 'view' }
      await shop.send(
        shop.config.eventsTopic,
        PERSONAL.flatMap((person) => [
          { key: person, value: JSON.stringify({ ...event, userId: person }) },
          { key: person, value: JSON.stringify({ ...event, userId: person, occurredAt: person }) },
          { key: person, value: person, headers: { 'attune-origin': person } },
        ]),
      )
      await shop.send(shop.config.itemsTopic, [{ key: `nobody:${MARK}`, value: null }])
      await expect.poll(shop.lag, { timeout: 60_000, interval: 250 }).toBe(0)
    }
    expect(lines().filter(({ msg }) => msg === 'request refused').length).toBeGreaterThan(100)
    expectNothingPrivate()
  }, 180_000)

  it('holds nothing of it either when things go wrong', async () => {
    const before = lines().filter(({ msg }) => msg === 'request failed').length
    await sql('ALTER TABLE events RENAME TO events_elsewhere')
    await useAs(`${MARK} without a table`)
    if (shop)
      await shop.send(shop.config.eventsTopic, [
        { key: MARK, value: JSON.stringify({ tenantId: tenant, userId: MARK, itemId: 'lamp', type: 'view' }) },
      ])
    await sleep(1000)
    await sql('ALTER TABLE events_elsewhere RENAME TO events')
    const busy = useAs(`${MARK} cut off`)
    await sql(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
    await busy
    const failed = lines().filter(({ msg }) => msg === 'request failed')
    expect(failed.length).toBeGreaterThan(before)
    for (const line of failed) expect(line).toMatchObject({ tenant, requestId: expect.any(String) as string })
    expectNothingPrivate()
    expect(await service.stop()).toBe(0)
    expectNothingPrivate()
  }, 120_000)

  function expectNothingPrivate() {
    const all = output.stdout + output.stderr
    const telling = all
      .split('\n')
      .filter((line) => line.includes(MARK) || secrets.some((s) => s !== '' && line.includes(s)))
    expect(telling).toEqual([])
    expect(output.stderr).toBe('')
    for (const line of lines()) {
      expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT/)
      expect(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).toContain(line.level)
    }
  }
})
