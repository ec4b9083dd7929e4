import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ItemsService } from '../../src/catalog/items.service.js'
import { ConsumerHealth } from '../../src/events/consumer-health.js'
import { headerText } from '../../src/events/dead-letters.js'
import { WaitingLetters } from '../../src/events/waiting-letters.service.js'
import { Database } from '../../src/platform/database.js'
import { newHome } from '../cli/attune.js'
import { kafkaForTests } from '../support/kafka.js'
import { testDatabase, testService, type TestService } from '../support/service.js'
import { cuttableLine, eventRows, kafkaShop } from './kafka-shop.js'

const brokers = await kafkaForTests()
interface Waiting {
  id: string
  code: string
  reason: string
  topic: string
  attempts: number
}
interface Opened extends Waiting {
  value: string | null
  headers: Record<string, string>
}

const PATIENCE = { timeout: 60_000, interval: 250 }

describe.skipIf(brokers === null)('the Kafka consumer', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>
  let shop: ReturnType<typeof kafkaShop>
  const running: TestService[] = []

  const start = async (env: Record<string, string> = {}) => {
    const service = await testService({ DATABASE_URL: database.url, ...shop.env, ...env })
    running.push(service)
    await expect.poll(() => service.app.get(ConsumerHealth).state, PATIENCE).toBe('running')
    return service
  }
  const stop = async (service: TestService) => {
    running.splice(running.indexOf(service), 1)
    await service.stop()
  }
  const caughtUp = () => expect.poll(shop.lag, PATIENCE).toBe(0)
  /** Those that wait, the newest first. */
  const letters = async (query = '') => {
    const ours = [shop.config.eventsTopic, shop.config.itemsTopic]
    const { body } = await running[0].call('GET', `/v1/dead-letters?limit=1000${query}`)
    return (body as { data: Waiting[] }).data.filter(({ topic }) => ours.includes(topic))
  }
  const openLetter = async ({ id }: Waiting) =>
    (await running[0].call('GET', `/v1/dead-letters/${encodeURIComponent(id)}`)).body as Opened

  const eventOf = (tenantId: string, i: number) => ({
    tenantId,
    eventId: `e${i}`,
    userId: `user ${i % 40}`,
    itemId: `item ${i}`,
    type: 'view',
    occurredAt: '2024-01-01T00:00:00Z',
  })
  const messageOf = (event: { tenantId: string; userId: string }) => ({
    key: `${event.tenantId}:${event.userId}`,
    value: JSON.stringify(event),
  })
  const inUserOrder = (rows: { user_id: string; item_id: string }[]) => {
    const last = new Map<string, number>()
    for (const { user_id: user, item_id: item } of rows) {
      const place = Number(item.split(' ')[1])
      if (place <= (last.get(user) ?? -1)) return false
      last.set(user, place)
    }
    return true
  }

  beforeAll(async () => {
    database = await testDatabase()
  })
  afterEach(async () => {
    for (const service of [...running]) await stop(service)
  })
  afterAll(() => database.drop())

  it('stores each of 5,000 events once and in order, poison between them, and again after a restart without commit', async () => {
    shop = kafkaShop(brokers!)
    const service = await start()
    const { id } = await service.makeTenant('shop: one')
    const good = Array.from({ length: 5000 }, (_, i) => messageOf(eventOf(id, i)))
    const valid = eventOf(id, 0)
    const poison: [string, { key: string | null; value: string | Buffer | null }][] = [
      ['NOT_JSON', { key: 'k', value: 'no json' }],
      ['NOT_JSON', { key: 'k', value: Buffer.from([0x22, 0xff, 0xfe, 0x22]) }],
      ['NOT_JSON', { key: 'k', value: '' }],
      ['NO_VALUE', { key: 'k', value: null }],
      ['INVALID_EVENT', { key: 'k', value: '[]' }],
      ['INVALID_EVENT', { key: 'k', value: '"text"' }],
      ['INVALID_EVENT', { key: 'k', value: '['.repeat(100_000) + ']'.repeat(100_000) }],
      ['INVALID_EVENT', { key: 'k', value: JSON.stringify({ ...valid, userId: undefined }) }],
      ['INVALID_EVENT', { key: 'k', value: JSON.stringify({ ...valid, tenantId: undefined }) }],
      ['INVALID_EVENT', { key: 'k', value: JSON.stringify({ ...valid, occurredAt: 'soon' }) }],
      ['INVALID_EVENT', { key: 'k', value: JSON.stringify({ ...valid, userId: 'nul \u0000' }) }],
      ['INVALID_EVENT', { key: null, value: JSON.stringify({ ...valid, itemId: 'x'.repeat(1_040_000) }) }],
      ['UNKNOWN_TENANT', { key: 'k', value: JSON.stringify({ ...valid, tenantId: 'nobody' }) }],
      ['UNKNOWN_TENANT', { key: 'k', value: JSON.stringify({ ...valid, tenantId: '*' }) }],
    ]
    const mixed = good.flatMap((message, i) => [
      message,
      ...(i % 5 === 0 ? [message] : []),
      ...(i % 300 === 0 && i / 300 < poison.length ? [poison[i / 300][1]] : []),
    ])
    // Usable all the same: only the order among others of that user is not promised.
    const keyless = { ...valid, eventId: 'keyless', userId: 'keyless' }
    await shop.send(shop.config.eventsTopic, [...mixed, { key: null, value: JSON.stringify(keyless) }])
    await caughtUp()

    const rows = await eventRows(database.url, id)
    expect(rows).toHaveLength(5001)
    expect(new Set(rows.map(({ event_id }) => event_id)).size).toBe(5001)
    expect(inUserOrder(rows.filter(({ user_id }) => user_id !== 'keyless'))).toBe(true)
    const found = await letters()
    expect(found.map(({ code }) => code).sort()).toEqual(poison.map(([code]) => code).sort())
    // The topic tells the same, with the value as it came.
    const told = (await shop.read(shop.config.deadLettersTopic)).map(({ value, headers }) => {
      expect(headerText(headers, 'topic')).toBe(shop.config.eventsTopic)
      for (const name of ['partition', 'offset', 'timestamp']) expect(headerText(headers, name)).toMatch(/^\d+$/)
      expect(headerText(headers, 'reason')).not.toBe('')
      return `${headerText(headers, 'code')} ${value?.toString('base64')}`
    })
    const bytes = (value: string | Buffer | null) =>
      value === null ? undefined : Buffer.from(value).toString('base64')
    expect(told.sort()).toEqual(poison.map(([code, { value }]) => `${code} ${bytes(value)}`).sort())
    const metrics = String((await service.call('GET', '/metrics')).body)
    expect(metrics).toContain('attune_events_accepted_total{tenant="shop: one",source="kafka"} 5001')
    expect(metrics).toContain(`attune_kafka_dead_letters_total{topic="${shop.config.eventsTopic}",code="NOT_JSON"} 3`)
    const messages = new RegExp(`attune_kafka_messages_total\\{topic="${shop.config.eventsTopic}"\\} (\\d+)`).exec(
      metrics,
    )
    expect(Number(messages?.[1])).toBeGreaterThan(5000)
    expect(metrics).toContain(`attune_kafka_batch_seconds_count{topic="${shop.config.eventsTopic}"}`)
    expect(metrics).toContain('attune_kafka_consumer_state{state="running"} 1')
    expect(metrics).toMatch(/^attune_kafka_partitions_waiting 0$/m)

    await stop(service)
    await shop.withAdmin((admin) =>
      admin.resetOffsets({ groupId: shop.config.group, topic: shop.config.eventsTopic, earliest: true }),
    )
    await start()
    await caughtUp()
    expect(await eventRows(database.url, id)).toEqual(rows)
  })

  it('names events without an id after their place, and takes the time they were sent', async () => {
    shop = kafkaShop(brokers!)
    const service = await start()
    const { id } = await service.makeTenant()
    const { eventId, occurredAt, ...bare } = eventOf(id, 1)
    expect([eventId, occurredAt]).toBeDefined()
    const timestamp = String(Date.UTC(2024, 5, 1))
    await shop.send(shop.config.eventsTopic, [messageOf(bare), { ...messageOf(bare), timestamp }])
    await caughtUp()
    const rows = await eventRows(database.url, id)
    expect(rows.map(({ event_id }) => event_id.replace(/\d+\/(\d+)$/, '$1'))).toEqual(
      [0, 1].map((i) => `kafka:${shop.config.eventsTopic}/${i}`),
    )
    expect(rows[1].occurred_at).toEqual(new Date(Number(timestamp)))
    expect(Math.abs(rows[0].occurred_at.getTime() - Date.now())).toBeLessThan(60_000)
    await stop(service)
    await shop.withAdmin((admin) =>
      admin.resetOffsets({ groupId: shop.config.group, topic: shop.config.eventsTopic, earliest: true }),
    )
    await start()
    await caughtUp()
    expect(await eventRows(database.url, id)).toEqual(rows)
  })

  it('waits through an outage of the database, longer than a few retries, and loses and doubles nothing', async () => {
    shop = kafkaShop(brokers!)
    const address = new URL(database.url)
    const line = await cuttableLine({ host: address.hostname, port: Number(address.port) })
    address.port = String(line.port)
    address.hostname = '127.0.0.1'
    const service = await start({ DATABASE_URL: address.href })
    const health = service.app.get(ConsumerHealth)
    const { id } = await service.makeTenant()
    const all = Array.from({ length: 6000 }, (_, i) => messageOf(eventOf(id, i)))
    await shop.send(shop.config.eventsTopic, all.slice(0, 2000))
    line.cut()
    await shop.send(shop.config.eventsTopic, [...all.slice(2000, 4000), { key: 'k', value: 'poison' }])
    await expect.poll(() => health.waiting.size, PATIENCE).toBeGreaterThan(0)
    await setTimeout(6000)
    expect(health.state).toBe('running')
    line.mend()
    await shop.send(shop.config.eventsTopic, all.slice(4000))
    await caughtUp()
    expect(health.waiting.size).toBe(0)
    const rows = await eventRows(database.url, id)
    expect(rows).toHaveLength(6000)
    expect(inUserOrder(rows)).toBe(true)
    expect((await letters()).map(({ code }) => code)).toEqual(['NOT_JSON'])
    await stop(service)
    line.close()
  })

  it('loses and doubles nothing when connections die and consumers come and go while it works', async () => {
    shop = kafkaShop(brokers!)
    const first = await start()
    const { id } = await first.makeTenant()
    const all = Array.from({ length: 20_000 }, (_, i) => messageOf(eventOf(id, i)))
    const { default: pg } = await import('pg')
    const second = await start()
    const killer = new pg.Client({ connectionString: database.url })
    await killer.connect()
    const sending = shop.send(shop.config.eventsTopic, all)
    const killing = (async () => {
      for (let i = 0; i < 8; i++) {
        await killer.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        )
        await setTimeout(150)
      }
    })()
    await stop(first)
    await Promise.all([sending, killing])
    await killer.end()
    await caughtUp()
    const rows = await eventRows(database.url, id)
    expect(new Set(rows.map(({ event_id }) => event_id)).size).toBe(20_000)
    expect(rows).toHaveLength(20_000)
    expect(inUserOrder(rows)).toBe(true)
    expect(await letters()).toEqual([])
    await stop(second)
  })

  it('stores items, deletes those of a null value, and names what it can not use', async () => {
    shop = kafkaShop(brokers!)
    const service = await start()
    const items = service.app.get(ItemsService)
    const { id } = await service.makeTenant('items: of one', { quotas: { items: 5 } })
    const message = (itemId: string, item: object | null) => ({
      key: `${id}:${itemId}`,
      value: item && JSON.stringify({ tenantId: id, itemId, ...item }),
    })
    await shop.send(shop.config.itemsTopic, [
      message('a', { title: 'first' }),
      message('a', { title: 'second' }),
      message('b:c', { title: 'with a colon', embedding: [1, 2] }),
      message('gone', { title: 'gone soon' }),
      message('gone', null),
      message('back', null),
      message('back', { title: 'back' }),
      message('bad', { price: 'free' }),
      { key: null, value: null },
      { key: 'no colon', value: null },
      { key: 'nobody:x', value: null },
      { key: 'k', value: JSON.stringify({ tenantId: 'nobody', itemId: 'x' }) },
    ])
    await caughtUp()
    // Only now: it may lie in another partition than the vector that fixed the length, and be first.
    await shop.send(shop.config.itemsTopic, [message('wrong length', { embedding: [1, 2, 3] })])
    await caughtUp()
    const { data } = await items.list(id, 100)
    expect(data.map(({ itemId, title }) => [itemId, title])).toEqual([
      ['a', 'second'],
      ['b:c', 'with a colon'],
      ['back', 'back'],
    ])
    await service.makeTenant('items')
    // 'items: of one:b:c' could also be an item ' of one:b:c' of the tenant 'items'.
    await shop.send(shop.config.itemsTopic, [message('b:c', null)])
    await shop.send(
      shop.config.itemsTopic,
      Array.from({ length: 4 }, (_, i) => message(`more ${i}`, {})),
    )
    await caughtUp()
    const codes = (await letters()).map(({ code }) => code).sort()
    expect(codes).toEqual(
      [
        ...['EMBEDDING_LENGTH', 'INVALID_ITEM', 'BAD_KEY', 'BAD_KEY', 'UNKNOWN_TENANT', 'UNKNOWN_TENANT'],
        ...['AMBIGUOUS_KEY', 'ITEM_QUOTA_EXCEEDED', 'ITEM_QUOTA_EXCEEDED'],
      ].sort(),
    )
  })

  it('sends dead letters round again: filtered, at most so many, each once', async () => {
    shop = kafkaShop(brokers!)
    const service = await start()
    const home = await newHome({ ATTUNE_SERVER: service.url, ATTUNE_KEY: service.operatorKey })
    const known = await service.makeTenant()
    const later = `later-${known.id}`
    const bare = (i: number) => ({ tenantId: later, userId: 'u', itemId: `item ${i}`, type: 'view' })
    const early = Array.from({ length: 10 }, (_, i) => messageOf(bare(i)))
    await shop.send(shop.config.eventsTopic, [...early, { key: 'k', value: 'poison' }])
    await caughtUp()
    expect(await letters()).toHaveLength(11)
    const topic = ['--topic', shop.config.eventsTopic]
    const list = async (...flags: string[]) =>
      (await home.attune(['dead-letters', 'list', ...topic, '--json', ...flags])).json() as Waiting[]
    expect(await list('--limit', '3')).toHaveLength(3)
    expect(await list('--code', 'NOT_JSON')).toMatchObject([{ code: 'NOT_JSON' }])

    await service.makeTenant(later)
    // An unknown tenant is remembered for two seconds.
    await setTimeout(2500)
    const replay = async (...flags: string[]) => {
      const { code, json } = await home.attune(['dead-letters', 'replay', ...topic, '--json', ...flags])
      expect(code).toBe(0)
      return json()
    }
    const unknown = ['--code', 'UNKNOWN_TENANT']
    expect(await replay(...unknown, '--limit', '4')).toEqual([{ replayed: 4, kept: 0, more: true }])
    await caughtUp()
    expect((await eventRows(database.url, later)).map(({ item_id }) => item_id)).toEqual(
      [0, 1, 2, 3].map((i) => `item ${i}`),
    )
    expect(await replay(...unknown, '--tenant', later)).toEqual([{ replayed: 6, kept: 0, more: false }])
    await caughtUp()
    const rows = await eventRows(database.url, later)
    expect(rows.map(({ item_id }) => item_id)).toEqual(bareItems(10))
    // Named after where they were first met, not after where they came from this time.
    expect(rows.map(({ event_id }) => Number(event_id.split('/').at(-1)))).toEqual(
      Array.from({ length: 10 }, (_, i) => i),
    )

    const [before, ...others] = await letters()
    expect([before, others]).toMatchObject([{ code: 'NOT_JSON', attempts: 1 }, []])
    expect(await openLetter(before)).toMatchObject({ value: 'poison' })
    // More than one call takes: what comes back meanwhile goes round once all the same.
    await shop.send(
      shop.config.eventsTopic,
      Array.from({ length: 450 }, () => ({ key: 'k', value: 'poison' })),
    )
    await caughtUp()
    expect(await replay()).toEqual([{ replayed: 451, kept: 0, more: false }])
    await caughtUp()
    expect((await letters()).map(({ attempts }) => attempts)).toEqual(Array<number>(451).fill(2))
    // So do those that are too large to be read at once.
    await shop.send(
      shop.config.itemsTopic,
      Array.from({ length: 12 }, () => ({ key: 'k', value: 'x'.repeat(900_000) })),
    )
    await caughtUp()
    const items = ['dead-letters', 'replay', '--topic', shop.config.itemsTopic, '--json']
    expect((await home.attune(items)).json()).toEqual([{ replayed: 12, kept: 0, more: false }])
    await caughtUp()
    // What can not go round is told.
    const message = {
      key: null,
      value: Buffer.alloc(1024 * 1024 + 1),
      offset: '7',
      timestamp: '7',
      attributes: 0,
      headers: {},
    }
    const origin = { topic: shop.config.eventsTopic, partition: 9, offset: '7', timestamp: '7' }
    const large = { message, origin, code: 'LARGE', reason: '' }
    await service.app.get(WaitingLetters).add(origin.topic, origin.partition, [large])
    const left = await home.attune(['dead-letters', 'replay', '--code', 'LARGE'])
    expect([left.code, left.out]).toEqual([3, '0 sent round again, 1 kept\n'])
    expect(await eventRows(database.url, later)).toHaveLength(10)
    const one = await home.attune(['dead-letters', 'replay', before.id])
    expect([one.code, one.out]).toEqual([0, `${before.id} was sent round again\n`])
    await expect.poll(() => openLetter(before), PATIENCE).toMatchObject({ value: 'poison', attempts: 3 })
    await home.cleanUp()
  })

  it('takes in letters that an older build left in the topic alone, once', async () => {
    shop = kafkaShop(brokers!)
    const { eventsTopic, deadLettersTopic, group } = shop.config
    await stop(await start())
    const letter = (offset: number, headers: object = {}) => ({
      key: 'k',
      value: JSON.stringify({ tenantId: 'nobody', userId: 'u', itemId: 'x', type: 'view' }),
      headers: {
        ...{ trace: 'abc', code: 'UNKNOWN_TENANT', reason: 'There is no such tenant.', topic: eventsTopic },
        ...{ partition: '3', offset: String(offset), timestamp: '1700000000000', ...headers },
      },
    })
    // The first was sent round by that build: its group's offset says so.
    await shop.send(deadLettersTopic, [letter(1), letter(2), letter(3), { value: 'no letter', headers: {} }])
    await shop.withAdmin((admin) =>
      admin.setOffsets({
        groupId: `${group}.dead-letters`,
        topic: deadLettersTopic,
        partitions: [{ partition: 0, offset: '1' }],
      }),
    )
    await shop.send(deadLettersTopic, [letter(4, { 'value-left-out': '2000000' }), letter(5, { listed: 'true' })])
    const first = await start()
    const ids = async () => (await letters()).map(({ id }) => id).sort()
    const waiting = [2, 3, 4].map((offset) => `${eventsTopic}-3-${offset}`)
    await expect.poll(ids, PATIENCE).toEqual(waiting)
    const opened = await openLetter({ id: waiting[0] } as Waiting)
    expect(opened).toMatchObject({ code: 'UNKNOWN_TENANT', headers: { trace: 'abc' }, tenant: 'nobody', attempts: 1 })
    expect(Object.keys(opened.headers)).toEqual(['trace'])
    // What is dropped stays dropped, also where the service starts anew; so does what this build sent there itself.
    await first.call('POST', '/v1/dead-letters/drop', { body: { topic: eventsTopic } })
    await shop.send(eventsTopic, [{ key: 'k', value: 'poison' }])
    await caughtUp()
    await first.call('POST', '/v1/dead-letters/drop', { body: { topic: eventsTopic } })
    await stop(first)
    await start()
    await shop.send(deadLettersTopic, [letter(6)])
    await stop(running[0])
    await start()
    await expect.poll(ids, PATIENCE).toEqual([`${eventsTopic}-3-6`])
  })

  it('sends one round again through REST, and forgets it where it was of use', async () => {
    shop = kafkaShop(brokers!)
    const service = await start()
    const later = `later-${shop.config.group}`
    const bare = (itemId: string) => {
      const event = { tenantId: later, userId: 'u', itemId, type: 'view' }
      return messageOf(event)
    }
    const poison = { key: 'k', value: 'poison', headers: { trace: 'abc' } }
    await shop.send(shop.config.eventsTopic, [bare('a'), bare('b'), bare('c'), poison])
    await caughtUp()
    const waiting = async () => {
      const { body } = await service.call('GET', `/v1/dead-letters?topic=${shop.config.eventsTopic}`)
      return (body as { data: { id: string; code: string; attempts: number }[] }).data
    }
    const replay = (path: string, body?: object) => service.call('POST', `/v1/dead-letters${path}`, { body })
    const found = await waiting()
    expect(found.map(({ code }) => code).sort()).toEqual(['NOT_JSON', ...Array<string>(3).fill('UNKNOWN_TENANT')])
    const [first] = found.filter(({ code }) => code === 'UNKNOWN_TENANT')
    await service.makeTenant(later)
    // An unknown tenant is remembered for two seconds.
    await setTimeout(2500)
    expect(await replay(`/${encodeURIComponent(first.id)}/replay`)).toMatchObject({ status: 202 })
    expect(await replay('/replay', { code: 'UNKNOWN_TENANT', limit: 1 })).toMatchObject({
      body: { replayed: 1, more: true },
    })
    expect(await replay('/replay', { tenant: later })).toMatchObject({ body: { replayed: 1, more: false } })
    const { body: log } = await service.call('GET', `/v1/tenants/${encodeURIComponent(later)}/audit?limit=3`)
    const entry = { actor: 'operator', action: 'dead-letter.replay' }
    expect((log as { data: unknown[] }).data).toMatchObject([
      { ...entry, target: '*', detail: { tenant: later, letters: 1 } },
      { ...entry, target: 'UNKNOWN_TENANT', detail: { code: 'UNKNOWN_TENANT', letters: 1 } },
      { ...entry, target: first.id, detail: { letters: 1 } },
    ])
    await caughtUp()
    const rows = await eventRows(database.url, later)
    expect(rows.map(({ item_id }) => item_id).sort()).toEqual(['a', 'b', 'c'])
    const [left, ...others] = await waiting()
    expect([left, others]).toMatchObject([{ code: 'NOT_JSON', attempts: 1 }, []])
    // It comes back, and waits since it failed first all the same.
    const backdated = new Date(Date.now() - 10 * 86_400_000).toISOString()
    await service.app
      .get(Database)
      .asSystem((sql) => sql.execute('UPDATE dead_letters SET first_failed_at = $1', [backdated]))
    await replay('/replay', {})
    await expect
      .poll(waiting, { timeout: 20_000 })
      .toMatchObject([{ id: left.id, attempts: 2, firstFailedAt: backdated }])
    expect((await service.call('GET', `/v1/dead-letters/${encodeURIComponent(left.id)}`)).body).toMatchObject({
      value: 'poison',
      headers: { trace: 'abc' },
    })
  })

  const bareItems = (count: number) => Array.from({ length: count }, (_, i) => `item ${i}`)
})
