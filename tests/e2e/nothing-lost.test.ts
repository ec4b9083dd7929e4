import { randomBytes } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaForTests } from '../support/kafka.js'
import { serviceProcess, type ServiceProcess } from '../support/process.js'

const EVENTS = 50_000
const BATCH = 1000

const events = Array.from({ length: EVENTS }, (_, i) => ({
  eventId: `event-${i}`,
  userId: `user-${i % 997}`,
  itemId: `item-${(i * 31) % 500}`,
  type: 'view',
  occurredAt: new Date(1_750_000_000_000 + i * 1000).toISOString(),
}))
const batches = Array.from({ length: EVENTS / BATCH }, (_, i) => events.slice(i * BATCH, (i + 1) * BATCH))
const quotas = { eventsPerSecond: 1_000_000 }
const brokers = await kafkaForTests()

/** Rows as the database has them, past the service. */
async function rows(
  service: ServiceProcess,
  tenant: string,
): Promise<{ stored: number; distinct: number; inOrder: boolean }> {
  const client = new pg.Client({ connectionString: service.databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ stored: number; distinct: number; inOrder: boolean }>(
      `SELECT count(*)::int AS stored, count(DISTINCT event_id)::int AS distinct,
         coalesce(bool_and(ordered), true) AS "inOrder" FROM (
           SELECT event_id, lag(arrival, 1, 0) OVER (PARTITION BY user_id ORDER BY occurred_at) < arrival AS ordered
           FROM events WHERE tenant_id = $1) e`,
      [tenant],
    )
    return rows[0]
  } finally {
    await client.end()
  }
}

describe('nothing is lost, nothing is double', () => {
  let service: ServiceProcess
  const topic = `events-${randomBytes(6).toString('hex')}`
  beforeAll(async () => {
    const kafka: Record<string, string> =
      brokers === null
        ? {}
        : {
            KAFKA_BROKERS: brokers,
            KAFKA_GROUP: topic,
            KAFKA_EVENTS_TOPIC: topic,
            KAFKA_ITEMS_TOPIC: `${topic}-items`,
            KAFKA_DEAD_LETTERS_TOPIC: `${topic}-dead`,
          }
    service = await serviceProcess(kafka)
  })
  afterAll(() => service.cleanUp())

  it('50,000 events over HTTP, killed in the middle, sent again, and once more', async () => {
    const { id, key } = await service.makeTenant('http', { quotas })
    const send = (batch: typeof events) =>
      service.call('POST', `/v1/tenants/${id}/events`, { key, body: { events: batch } })
    let acknowledged = 0
    const killed = (async () => {
      while (acknowledged < 15) await new Promise((next) => setTimeout(next, 5))
      await service.kill()
    })()
    // Four in flight, so that the kill meets some of them half done.
    const queue = [...batches]
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let batch = queue.shift(); batch; batch = queue.shift()) {
          const answer = await send(batch).catch(() => undefined)
          if (!answer) return
          expect(answer).toMatchObject({ status: 202, body: { accepted: BATCH, duplicates: 0, rejected: [] } })
          acknowledged++
        }
      }),
    )
    await killed
    const before = await rows(service, id)
    // What was acknowledged is there; of what was not, whole batches may be.
    expect(before.stored).toBeGreaterThanOrEqual(acknowledged * BATCH)
    expect(before.stored).toBeLessThan(EVENTS)
    expect(before.stored % BATCH).toBe(0)

    await service.start()
    let accepted = 0
    for (const batch of batches) {
      const { status, body } = await send(batch)
      expect(status).toBe(202)
      accepted += (body as { accepted: number }).accepted
    }
    expect(accepted).toBe(EVENTS - before.stored)
    expect(await rows(service, id)).toMatchObject({ stored: EVENTS, distinct: EVENTS })

    for (const batch of batches) expect((await send(batch)).body).toMatchObject({ accepted: 0, duplicates: BATCH })
    expect((await rows(service, id)).stored).toBe(EVENTS)
  })

  it.skipIf(brokers === null)('50,000 events over Kafka, killed in the middle, produced again', async () => {
    const { id } = await service.makeTenant('kafka', { quotas })
    const producer = new Kafka({ brokers: [brokers ?? ''], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    const produce = async () => {
      for (const batch of batches)
        await producer.send({
          topic,
          acks: -1,
          messages: batch.map((event) => ({
            key: `${id}:${event.userId}`,
            value: JSON.stringify({ tenantId: id, ...event }),
          })),
        })
    }
    const producing = produce()
    while ((await rows(service, id)).stored < 5000) await new Promise((next) => setTimeout(next, 20))
    await service.kill()
    expect((await rows(service, id)).stored).toBeLessThan(EVENTS)
    await producing
    await service.start()
    await expect.poll(async () => (await rows(service, id)).stored, { timeout: 90_000, interval: 500 }).toBe(EVENTS)
    expect(await rows(service, id)).toEqual({ stored: EVENTS, distinct: EVENTS, inOrder: true })

    await produce()
    await producer.send({
      topic,
      acks: -1,
      messages: [
        { key: `${id}:last`, value: JSON.stringify({ tenantId: id, ...events[0], eventId: 'last', userId: 'last' }) },
      ],
    })
    await producer.disconnect()
    await expect
      .poll(async () => (await rows(service, id)).stored, { timeout: 90_000, interval: 500 })
      .toBeGreaterThan(EVENTS)
    expect((await rows(service, id)).stored).toBe(EVENTS + 1)
  })

  it('ends in order on SIGTERM', async () => {
    expect(await service.stop()).toBe(0)
  })
})
