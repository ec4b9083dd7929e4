// Events a second into committed rows, over HTTP and over Kafka, each sent twice: the second time all are duplicates.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { pause, type RunningService, startAttune } from '../scripts/quickstart/service.js'
import { median, type Bench } from './report.js'

const EVENTS = 50_000
const BATCH = 1000
const ROUNDS = 3
/** Requests in flight: what a backend with a few workers keeps. */
const IN_FLIGHT = 4

/** Made-up events of 2,000 users on 5,000 items; the time taken does not depend on what they say. */
const events = (round: number) =>
  Array.from({ length: EVENTS }, (_, i) => ({
    eventId: `${round}-${i}`,
    userId: `user-${(i * 7919) % 2000}`,
    itemId: `item-${(i * 104_729) % 5000}`,
    type: 'view',
    occurredAt: new Date(1_700_000_000_000 + i * 1000).toISOString(),
  }))

const batches = <T>(all: T[]) =>
  Array.from({ length: Math.ceil(all.length / BATCH) }, (_, i) => all.slice(i * BATCH, (i + 1) * BATCH))

async function overHttp(service: RunningService, tenant: string, key: string, round: number): Promise<number> {
  const queue = batches(events(round))
  const started = performance.now()
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let batch = queue.shift(); batch; batch = queue.shift())
        await service.call('POST', `/v1/tenants/${tenant}/events`, { key, body: { events: batch } })
    }),
  )
  return EVENTS / ((performance.now() - started) / 1000)
}

async function overKafka(
  service: RunningService,
  brokers: string,
  topic: string,
  tenant: string,
  key: string,
  round: number,
) {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  const before = await stored(service, tenant, key)
  const started = performance.now()
  for (const batch of batches(events(round)))
    await producer.send({
      topic,
      messages: batch.map((event) => ({
        key: `${tenant}:${event.userId}`,
        value: JSON.stringify({ tenantId: tenant, ...event }),
      })),
    })
  const produced = performance.now()
  while ((await stored(service, tenant, key)) < before + EVENTS) await pause(50)
  const seconds = (performance.now() - started) / 1000
  await producer.disconnect()
  return { rate: EVENTS / seconds, produceRate: EVENTS / ((produced - started) / 1000) }
}

const stored = async (service: RunningService, tenant: string, key: string) =>
  (await service.call<{ events: number }>('GET', `/v1/tenants/${tenant}/readiness`, { key })).events

const folder = await mkdtemp(join(tmpdir(), 'attune-bench-'))
const { checkKafka, prepareKafka, startKafka } = (await import(
  new URL('../../scripts/kafka.mjs', import.meta.url).href
)) as typeof import('../scripts/kafka.mjs')
const possible = await checkKafka()
if (!possible.ok) console.error(`SKIPPED: Kafka (${possible.reason})`)
else await prepareKafka()
const broker = possible.ok ? await startKafka() : undefined
const topic = `bench-${randomUUID()}`
const service = await startAttune(join(folder, 'data'), {
  ...(broker && {
    KAFKA_BROKERS: broker.brokers,
    KAFKA_EVENTS_TOPIC: topic,
    KAFKA_ITEMS_TOPIC: `${topic}-items`,
    KAFKA_DEAD_LETTERS_TOPIC: `${topic}-dead`,
  }),
})
try {
  const settings = { quotas: { eventsPerSecond: 10_000_000, requestsPerSecond: 1_000_000 } }
  const make = async (id: string) =>
    (await service.call<{ apiKey: string }>('POST', '/v1/tenants', { body: { id, settings } })).apiKey
  const httpKey = await make('http')
  const first: number[] = []
  const again: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    first.push(await overHttp(service, 'http', httpKey, round))
    again.push(await overHttp(service, 'http', httpKey, round))
  }
  const kafka: { rate: number; produceRate: number }[] = []
  if (broker) {
    const kafkaKey = await make('kafka')
    for (let round = 0; round < ROUNDS; round++)
      kafka.push(await overKafka(service, broker.brokers, topic, 'kafka', kafkaKey, round))
  }
  const result: Bench = {
    bench: 'ingest',
    events: EVENTS,
    rounds: ROUNDS,
    httpEventsPerSecond: Math.round(median(first)),
    httpDuplicatesPerSecond: Math.round(median(again)),
    kafkaEventsPerSecond: kafka.length > 0 ? Math.round(median(kafka.map((k) => k.rate))) : null,
    kafkaProducedPerSecond: kafka.length > 0 ? Math.round(median(kafka.map((k) => k.produceRate))) : null,
  }
  console.log(JSON.stringify(result))
} finally {
  await service.stop()
  await broker?.stop()
  await rm(folder, { recursive: true, force: true })
}
