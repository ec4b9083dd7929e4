// A news app that sends everything through Kafka and shows each reader what to read next. Start Attune with
// KAFKA_BROKERS set, then:
//
//   ATTUNE_KEY=... ATTUNE_TENANT=my-paper KAFKA_BROKERS=127.0.0.1:9092 node examples/news/news.mjs
//
// ATTUNE_KEY is a key of the tenant with the scope recommend: what is written goes through Kafka. Make the tenant with
// { "baseModel": "media" }: then what is new and read now comes first, before any training.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Attune } from 'attune/client'
import { Kafka, logLevel } from 'kafkajs'

const { ATTUNE_SERVER = 'http://127.0.0.1:3000', ATTUNE_KEY, ATTUNE_TENANT: tenantId, KAFKA_BROKERS } = process.env
const { KAFKA_EVENTS_TOPIC = 'attune.events', KAFKA_ITEMS_TOPIC = 'attune.items' } = process.env
if (!ATTUNE_KEY || !tenantId || !KAFKA_BROKERS) {
  console.error('Set ATTUNE_KEY, ATTUNE_TENANT and KAFKA_BROKERS; ATTUNE_SERVER, if it is not http://127.0.0.1:3000.')
  process.exit(2)
}

const attune = new Attune({ server: ATTUNE_SERVER, key: ATTUNE_KEY, tenant: tenantId, timeoutMs: 2000 })
const producer = new Kafka({ brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.ERROR }).producer({
  // The client's own second try can pass over messages, and its idempotent producer lose some whose answer was lost.
  retry: { retries: 0 },
})
await producer.connect()

/** All of it again where any of it failed: items are written over, and an event's id makes it count once. */
async function send(topic, messages) {
  for (let attempt = 1; ; attempt++)
    try {
      return await producer.send({ topic, acks: -1, messages })
    } catch (error) {
      if (attempt === 5) throw error
      await sleep(500 * attempt)
    }
}

const HOUR = 3_600_000
// An article leaves the lists by itself: after a day nobody wants it.
const article = (itemId, title, section, publishedAt = new Date()) => ({
  tenantId,
  itemId,
  title,
  categories: [section],
  publishedAt: publishedAt.toISOString(),
  expiresAt: new Date(publishedAt.getTime() + 24 * HOUR).toISOString(),
})

/** Keys keep what belongs together in order: all of an article, all of a reader. */
const publish = (...articles) =>
  send(
    KAFKA_ITEMS_TOPIC,
    articles.map((item) => ({ key: `${tenantId}:${item.itemId}`, value: JSON.stringify(item) })),
  )
const read = (...reads) =>
  send(
    KAFKA_EVENTS_TOPIC,
    reads.map(({ reader, itemId, portion }) => ({
      key: `${tenantId}:${reader}`,
      value: JSON.stringify({
        tenantId,
        eventId: randomUUID(),
        userId: reader,
        // Whoever has not signed in is known by the session.
        sessionId: reader,
        itemId,
        type: 'read',
        // How much of it was read; below .1 it was opened and left, which is no wish for more.
        value: portion,
        occurredAt: new Date().toISOString(),
      }),
    })),
  )

/** Asks until the answer is as wanted. @returns seconds that it took, and the answer */
async function until(wanted, ask) {
  const started = Date.now()
  for (;;) {
    const answer = await ask()
    if (wanted(answer.items.map(({ itemId }) => itemId))) return { seconds: (Date.now() - started) / 1000, answer }
    if (Date.now() - started > 60_000) throw new Error('not within a minute')
    await sleep(200)
  }
}

const ago = (hours) => new Date(Date.now() - hours * HOUR)
await publish(
  article('vote', 'Parliament votes on the budget', 'politics', ago(5)),
  article('minister', 'Minister of finance resigns', 'politics', ago(3)),
  article('cup', 'Underdogs win the cup on penalties', 'sport', ago(4)),
  article('marathon', 'Record at the city marathon', 'sport', ago(2)),
  article('comet', 'A comet can be seen with the naked eye', 'science', ago(1)),
)
await until(
  (ids) => ids.includes('comet'),
  () => attune.trending({ count: 10 }),
)

const reader = `session-${randomUUID()}`
await read(
  ...['ada', 'ben', 'cem', 'dora'].flatMap((name) => [
    { reader: name, itemId: 'vote', portion: 0.9 },
    { reader: name, itemId: 'minister', portion: 0.8 },
  ]),
)
await read({ reader, itemId: 'vote', portion: 1 })

const asked = { sessionId: reader, count: 3, explain: true }
const next = await until(
  (ids) => ids[0] === 'minister' && !ids.includes('vote'),
  () => attune.recommend(asked),
)
console.log(
  `after reading 'vote', ${next.seconds.toFixed(1)} s later: ${next.answer.items.map(({ itemId }) => itemId).join(', ')}`,
)

await publish(article('coalition', 'Coalition in crisis after the minister of finance resigns', 'politics'))
const fresh = await until(
  (ids) => ids.includes('coalition'),
  () => attune.recommend(asked),
)
console.log(
  `'coalition', published ${fresh.seconds.toFixed(1)} s ago, is recommended: ${fresh.answer.items.map(({ itemId }) => itemId).join(', ')}`,
)

await producer.disconnect()
