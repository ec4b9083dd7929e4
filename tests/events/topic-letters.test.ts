import { type Consumer, type ConsumerConfig, Kafka, type Message } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { TopicLetters } from '../../src/events/topic-letters.js'
import { Database } from '../../src/platform/database.js'
import { kafkaForTests } from '../support/kafka.js'
import { testService, type TestService } from '../support/service.js'
import { kafkaShop } from './kafka-shop.js'

const brokers = await kafkaForTests()
const never = new AbortController().signal

describe.skipIf(brokers === null)('letters that lie in the topic only', () => {
  let service: TestService
  let letters: TopicLetters
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    letters = service.app.get(TopicLetters)
  })
  afterEach(() => vi.restoreAllMocks())
  afterAll(() => service.stop())

  const makeTopic = async (partitions: number) => {
    const shop = kafkaShop(brokers!)
    const topic = shop.config.deadLettersTopic
    await shop.withAdmin((admin) =>
      admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true }),
    )
    return shop
  }
  const letter = (topic: string, offset: number, bytes = 10): Message => ({
    value: 'x'.repeat(bytes),
    headers: {
      code: 'NOT_JSON',
      reason: '',
      topic,
      partition: '0',
      offset: String(offset),
      timestamp: '1700000000000',
    },
  })
  const taken = async (topic: string) => {
    const rows = await service.app
      .get(Database)
      .asSystem((sql) =>
        sql.query<{ at: string }>(`SELECT "offset"::text AS at FROM dead_letters WHERE topic = $1 ORDER BY "offset"`, [
          topic,
        ]),
      )
    return rows.map(({ at }) => Number(at))
  }

  it('are read from where the table would keep them, and what lies before is passed by', async () => {
    const { config, send, withAdmin } = await makeTopic(1)
    await send(
      config.deadLettersTopic,
      Array.from({ length: 60 }, (_, i) => letter(config.eventsTopic, i, 200_000)),
    )
    const read: number[] = []
    const original = Reflect.get(Kafka.prototype, 'consumer') as (this: Kafka, options?: ConsumerConfig) => Consumer
    vi.spyOn(Kafka.prototype, 'consumer').mockImplementation(function (this: Kafka, options) {
      const consumer = original.call(this, options)
      consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => read.push(Number(payload.firstOffset)))
      return consumer
    })
    expect(await letters.takeIn(config, never, 3)).toBe(3)
    expect(await taken(config.eventsTopic)).toEqual([57, 58, 59])
    const [first, ...others] = read
    expect(first).toBe(0)
    expect(Math.min(...others)).toBeGreaterThan(40)
    const [{ partitions }] = await withAdmin((admin) =>
      admin.fetchOffsets({ groupId: `${config.group}.dead-letters`, topics: [config.deadLettersTopic] }),
    )
    expect(partitions).toMatchObject([{ partition: 0, offset: '60' }])
    expect(await letters.takeIn(config, never, 3)).toBe(0)
  })

  it('are shared by instances that start together, and each ends when all are done', async () => {
    const { config, send } = await makeTopic(1)
    await send(
      config.deadLettersTopic,
      Array.from({ length: 10_000 }, (_, i) => letter(config.eventsTopic, i)),
    )
    const startedAt = Date.now()
    const counts = await Promise.all([letters.takeIn(config, never), letters.takeIn(config, never)])
    // One of them has no partition: it does not wait for messages that never come.
    expect(Date.now() - startedAt).toBeLessThan(45_000)
    expect(counts[0] + counts[1]).toBe(10_000)
    expect(await taken(config.eventsTopic)).toHaveLength(10_000)
  })
})
