import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { startKafka } from '../../scripts/kafka.mjs'
import { kafkaForTests } from './kafka.js'

const brokers = await kafkaForTests()

const clientOf = (addresses: string) => new Kafka({ brokers: addresses.split(','), logLevel: logLevel.NOTHING })
const numbered = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `user-${i % 7}`, value: `${i}` }))

async function createTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true })
  await admin.disconnect()
}

async function produce(kafka: Kafka, topic: string, messages: { key: string; value: string }[]): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({ topic, acks: -1, messages })
  await producer.disconnect()
}

/** The first `count` messages of a topic, as they arrive. */
async function consume(kafka: Kafka, topic: string, count: number): Promise<{ key: string; value: string }[]> {
  const consumer = kafka.consumer({ groupId: randomUUID() })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const got: { key: string; value: string }[] = []
  await new Promise<void>((all, failed) => {
    consumer
      .run({
        eachMessage: ({ message }) => {
          got.push({ key: String(message.key), value: String(message.value) })
          if (got.length === count) all()
          return Promise.resolve()
        },
      })
      .catch(failed)
  })
  await consumer.disconnect()
  return got
}

describe.skipIf(brokers === null)('a real Kafka broker', () => {
  it('takes 1,000 messages and gives each back once, in order for each key', async () => {
    const kafka = clientOf(brokers!)
    const topic = `test.${randomUUID()}`
    const sent = numbered(1000)
    await createTopic(kafka, topic)
    await produce(kafka, topic, sent)
    const got = await consume(kafka, topic, sent.length)
    for (const key of new Set(sent.map((message) => message.key))) {
      const of = (messages: typeof sent) => messages.filter((message) => message.key === key)
      expect(of(got)).toEqual(of(sent))
    }
    expect(got).toHaveLength(sent.length)
  })

  // With KAFKA_BROKERS set there need not be a Java here to start a second one.
  it.skipIf(process.env.KAFKA_BROKERS)('comes back after kill -9 at the same address with its messages', async () => {
    const first = await startKafka()
    const topic = `test.${randomUUID()}`
    const sent = numbered(100)
    await createTopic(clientOf(first.brokers), topic)
    await produce(clientOf(first.brokers), topic, sent)
    await first.kill()
    const second = await startKafka({ dataDir: first.dataDir })
    try {
      expect(second.brokers).toBe(first.brokers)
      const got = await consume(clientOf(second.brokers), topic, sent.length)
      expect(got.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual(sent.map((_, i) => i))
    } finally {
      await second.stop()
      await first.stop()
    }
  })
})
