import { Kafka, logLevel } from 'kafkajs'
import { pause, type RunningService } from './service.js'

/** How events get in: over REST, or through a Kafka broker. */
export interface Door {
  environment: Record<string, string>
  send(
    service: RunningService,
    shop: { id: string; key: string },
    events: QuickstartEvent[],
  ): Promise<{ duplicates: number }>
  stop(): Promise<void>
}

interface QuickstartEvent {
  eventId: string
  userId: string
  [field: string]: unknown
}

const BATCH = 1000

export async function startBroker(wanted: boolean): Promise<Door> {
  return wanted ? kafkaDoor() : restDoor
}

const batches = <T>(all: T[]) =>
  Array.from({ length: Math.ceil(all.length / BATCH) }, (_, i) => all.slice(i * BATCH, (i + 1) * BATCH))

const restDoor: Door = {
  environment: {},
  async send(service, shop, events) {
    let duplicates = 0
    // One after the other: events of one moment keep the order in which they arrive.
    for (const batch of batches(events)) {
      const answer = await service.call<{ duplicates: number; rejected: unknown[] }>(
        'POST',
        `/v1/tenants/${shop.id}/events`,
        {
          key: shop.key,
          body: { events: batch },
        },
      )
      if (answer.rejected.length > 0) throw new Error(`refused: ${JSON.stringify(answer.rejected[0])}`)
      duplicates += answer.duplicates
    }
    return { duplicates }
  },
  stop: () => Promise.resolve(),
}

async function kafkaDoor(): Promise<Door> {
  const { checkKafka, prepareKafka, startKafka } = (await import(
    new URL('../../../scripts/kafka.mjs', import.meta.url).href
  )) as typeof import('../kafka.mjs')
  const possible = await checkKafka()
  if (!possible.ok) throw new Error(`No Kafka here: ${possible.reason}`)
  await prepareKafka()
  const broker = await startKafka()
  const topic = 'attune.events'
  return {
    environment: { KAFKA_BROKERS: broker.brokers },
    async send(service, shop, events) {
      const stored = async () =>
        (await service.call<{ events: number }>('GET', `/v1/tenants/${shop.id}/readiness`, { key: shop.key })).events
      const before = await stored()
      const producer = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).producer()
      await producer.connect()
      for (const batch of batches(events))
        await producer.send({
          topic,
          acks: -1,
          messages: batch.map((event) => ({
            key: `${shop.id}:${event.userId}`,
            value: JSON.stringify({ tenantId: shop.id, ...event }),
          })),
        })
      await producer.disconnect()
      // A second quickstart sends what is there already: then there is nothing to wait for.
      while ((await stored()) < events.length) await pause(200)
      return { duplicates: Math.min(before, events.length) }
    },
    stop: () => broker.stop(),
  }
}
