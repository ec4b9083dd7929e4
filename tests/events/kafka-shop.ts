import { randomUUID } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Kafka, type KafkaMessage, logLevel, type Message } from 'kafkajs'
import pg from 'pg'
import { pino } from 'pino'
import { inSends } from '../../src/events/dead-letters.js'
import type { Config } from '../../src/platform/config.js'

/** Topics and a group of its own at the run's broker, and what it takes to look at them. */
export function kafkaShop(brokers: string) {
  const name = randomUUID()
  const config: NonNullable<Config['kafka']> = {
    brokers: brokers.split(','),
    ssl: false,
    eventsTopic: `${name}.events`,
    itemsTopic: `${name}.items`,
    deadLettersTopic: `${name}.dead-letters`,
    group: `${name}.group`,
  }
  const kafka = new Kafka({ brokers: config.brokers, logLevel: logLevel.NOTHING })
  const env = {
    ROLES: 'api,ingest',
    KAFKA_BROKERS: brokers,
    KAFKA_EVENTS_TOPIC: config.eventsTopic,
    KAFKA_ITEMS_TOPIC: config.itemsTopic,
    KAFKA_DEAD_LETTERS_TOPIC: config.deadLettersTopic,
    KAFKA_GROUP: config.group,
  }
  const send = async (topic: string, messages: Message[]) => {
    const producer = kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    for (const part of inSends(messages)) await producer.send({ topic, acks: -1, messages: part })
    await producer.disconnect()
  }
  const withAdmin = async <T>(work: (admin: ReturnType<typeof kafka.admin>) => Promise<T>): Promise<T> => {
    const admin = kafka.admin()
    await admin.connect()
    return work(admin).finally(() => admin.disconnect())
  }
  /** Messages of both topics that the group has not committed yet. */
  const lag = () =>
    withAdmin(async (admin) => {
      let lag = 0
      const committed = await admin.fetchOffsets({
        groupId: config.group,
        topics: [config.eventsTopic, config.itemsTopic],
      })
      for (const { topic, partitions } of committed)
        for (const { partition, high } of await admin.fetchTopicOffsets(topic))
          lag += Number(high) - Math.max(0, Number(partitions.find((p) => p.partition === partition)?.offset ?? 0))
      return lag
    })
  /** All that lies in a topic of one partition. */
  const read = async (topic: string): Promise<KafkaMessage[]> => {
    const [{ low, high }] = await withAdmin((admin) => admin.fetchTopicOffsets(topic))
    const found: KafkaMessage[] = []
    if (low === high) return found
    const consumer = kafka.consumer({ groupId: randomUUID(), allowAutoTopicCreation: false })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await new Promise<void>((done) => {
      const eachMessage = ({ message }: { message: KafkaMessage }) => {
        found.push(message)
        if (message.offset === String(BigInt(high) - 1n)) done()
        return Promise.resolve()
      }
      void consumer.run({ autoCommit: false, eachMessage })
    })
    await consumer.disconnect()
    return found
  }
  return { config, env, send, read, lag, withAdmin, logger: pino({ level: 'silent' }) }
}

/** Rows of a tenant's events, in the order of arrival. */
export async function eventRows(databaseUrl: string, tenant: string) {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ event_id: string; user_id: string; item_id: string; occurred_at: Date }>(
    'SELECT event_id, user_id, item_id, occurred_at FROM events WHERE tenant_id = $1 ORDER BY arrival',
    [tenant],
  )
  await client.end()
  return rows
}

/** A line to a server that can be cut. */
export async function cuttableLine(target: { host: string; port: number }) {
  let isCut = false
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(target)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    mend: () => {
      isCut = false
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
