import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startKafka } from '../../scripts/kafka.mjs'
import { ConsumerHealth } from '../../src/events/consumer-health.js'
import { kafkaForTests } from '../support/kafka.js'
import { testService } from '../support/service.js'
import { eventRows, kafkaShop } from './kafka-shop.js'

// Asks only whether there can be a broker here.
const possible = (await kafkaForTests()) !== null && !process.env.KAFKA_BROKERS

describe.skipIf(!possible)('the Kafka consumer without its broker', () => {
  it('starts before the broker is there, and goes on after it was killed', { timeout: 180_000 }, async () => {
    const first = await startKafka()
    const shop = kafkaShop(first.brokers)
    await first.kill()
    const service = await testService(shop.env)
    const health = service.app.get(ConsumerHealth)
    const { id } = await service.makeTenant()
    expect((await service.call('GET', '/health/live')).status).toBe(200)
    expect(health.state).toBe('starting')
    // Named, since a producer that misses an answer sends again.
    const message = (i: number) => ({
      key: `${id}:u${i % 7}`,
      value: JSON.stringify({ tenantId: id, eventId: `${i}`, userId: `u${i % 7}`, itemId: `${i}`, type: 'view' }),
    })
    const messages = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => message(from + i))

    const second = await startKafka({ dataDir: first.dataDir })
    await expect.poll(() => health.state, { timeout: 60_000 }).toBe('running')
    await shop.send(shop.config.eventsTopic, messages(0, 3000))
    await second.kill()
    await setTimeout(5000)
    const third = await startKafka({ dataDir: first.dataDir })
    await shop.send(shop.config.eventsTopic, messages(3000, 4000))
    await expect.poll(async () => (await eventRows(service.databaseUrl, id)).length, { timeout: 90_000 }).toBe(4000)
    expect(health.state).toBe('running')
    const places = (await eventRows(service.databaseUrl, id)).map(({ item_id }) => Number(item_id))
    expect(new Set(places).size).toBe(4000)
    await service.stop()
    await third.stop()
    await first.stop()
  })

  it('stops soon while its broker is away', async () => {
    const away = await startKafka()
    const shop = kafkaShop(away.brokers)
    const service = await testService(shop.env)
    await expect.poll(() => service.app.get(ConsumerHealth).state, { timeout: 60_000 }).toBe('running')
    await away.kill()
    await setTimeout(3000)
    const started = Date.now()
    await service.stop()
    expect(Date.now() - started).toBeLessThan(15_000)

    const never = await testService(shop.env)
    await setTimeout(1000)
    const again = Date.now()
    await never.stop()
    expect(Date.now() - again).toBeLessThan(15_000)
    await away.stop()
  })
})
