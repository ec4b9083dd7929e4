import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ItemsService } from '../../src/catalog/items.service.js'
import { ConsumerHealth } from '../../src/events/consumer-health.js'
import { listDeadLetters, replayDeadLetters } from '../../src/events/dead-letter-replay.js'
import { kafkaForTests } from '../support/kafka.js'
import { testDatabase, testService, type TestService } from '../support/service.js'
import { cuttableLine, eventRows, kafkaShop } from './kafka-shop.js'

const brokers = await kafkaForTests()
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
  const letters = () => listDeadLetters(shop.config, shop.logger, { limit: 10_000 })

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
    for (const { origin, reason } of found) {
      expect(origin).toMatchObject({ topic: shop.config.eventsTopic, partition: expect.any(Number) as number })
      expect(reason).not.toBe('')
    }
    expect(found.find(({ code }) => code === 'UNKNOWN_TENANT')?.value).toBe(
      JSON.stringify({ ...valid, tenantId: 'nobody' }),
    )
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
    const known = await service.makeTenant()
    const later = `later-${known.id}`
    const bare = (i: number) => ({ tenantId: later, userId: 'u', itemId: `item ${i}`, type: 'view' })
    const early = Array.from({ length: 10 }, (_, i) => messageOf(bare(i)))
    await shop.send(shop.config.eventsTopic, [...early, { key: 'k', value: 'poison' }])
    await caughtUp()
    expect(await letters()).toHaveLength(11)
    expect(await listDeadLetters(shop.config, shop.logger, { limit: 3 })).toHaveLength(3)
    expect(await listDeadLetters(shop.config, shop.logger, { filter: { code: 'NOT_JSON' } })).toHaveLength(1)

    await service.makeTenant(later)
    // An unknown tenant is remembered for two seconds.
    await setTimeout(2500)
    const replay = (options: object) => replayDeadLetters(shop.config, shop.logger, options)
    expect(await replay({ limit: 4, filter: { code: 'UNKNOWN_TENANT' } })).toMatchObject({ replayed: 4 })
    await caughtUp()
    expect((await eventRows(database.url, later)).map(({ item_id }) => item_id)).toEqual(
      [0, 1, 2, 3].map((i) => `item ${i}`),
    )
    expect(await replay({ filter: { code: 'UNKNOWN_TENANT' } })).toMatchObject({ replayed: 6 })
    await caughtUp()
    const rows = await eventRows(database.url, later)
    expect(rows.map(({ item_id }) => item_id)).toEqual(bareItems(10))
    // Named after where they were first met, not after where they came from this time.
    expect(rows.map(({ event_id }) => Number(event_id.split('/').at(-1)))).toEqual(
      Array.from({ length: 10 }, (_, i) => i),
    )

    expect(await letters()).toMatchObject([{ code: 'NOT_JSON', value: 'poison' }])
    const [before] = await letters()
    expect(await replay({})).toEqual({ replayed: 1, kept: 0 })
    await caughtUp()
    expect(await letters()).toEqual([before])
    expect(await eventRows(database.url, later)).toHaveLength(10)
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
    await caughtUp()
    const rows = await eventRows(database.url, later)
    expect(rows.map(({ item_id }) => item_id).sort()).toEqual(['a', 'b', 'c'])
    const [left, ...others] = await waiting()
    expect([left, others]).toMatchObject([{ code: 'NOT_JSON', attempts: 1 }, []])
    await replay('/replay', {})
    await expect.poll(waiting, { timeout: 20_000 }).toMatchObject([{ id: left.id, attempts: 2 }])
    expect((await service.call('GET', `/v1/dead-letters/${encodeURIComponent(left.id)}`)).body).toMatchObject({
      value: 'poison',
      headers: { trace: 'abc' },
    })
  })

  const bareItems = (count: number) => Array.from({ length: count }, (_, i) => `item ${i}`)
})
