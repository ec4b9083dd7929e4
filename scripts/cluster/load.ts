import type { Producer } from 'kafkajs'
import { createProducer, sendAll } from '../../src/platform/kafka.js'
import { Caller } from './caller.js'
import type { Cluster } from './cluster.js'
import { Ledger } from './ledger.js'
import { type Door, loadedEvent, type Shop } from './shop.js'
import { pause } from './system.js'

const TICK_MS = 100
const MOST_IN_BATCH = 500
/** The share of answers that something comes of. */
const CLICKED = 0.1

export interface Rates {
  /** Half of them by HTTP, half by Kafka. */
  eventsPerSecond: number
  requestsPerSecond: number
}

/** What was sent for a shop by a door: the first `sent`, of which those below were acknowledged. */
interface Sent {
  sent: number
  acknowledged: number
}

/** Clients of a cluster: events by both doors, requests for recommendations, at a steady rate whatever is killed meanwhile. */
export class Load {
  readonly ledger = new Ledger()
  readonly sent = new Map<string, Record<Door, Sent>>()
  /** Events that answer recommendations: `eventId` by shop. */
  readonly clicks = new Map<string, { sent: number; acknowledged: number }>()
  /** Versions that answers said they were made by. */
  readonly versions = new Map<string, Set<string>>()
  readonly caller: Caller
  private readonly stopping = new AbortController()
  private readonly giveUp = new AbortController()
  private readonly open = new Set<Promise<void>>()
  private readonly loops: Promise<void>[] = []
  private turn = 0

  constructor(
    private readonly cluster: Cluster,
    private readonly shops: Shop[],
    private readonly rates: Rates,
  ) {
    this.caller = new Caller(cluster.apis, this.ledger, this.giveUp.signal)
    for (const { id } of shops) {
      this.sent.set(id, { http: { sent: 0, acknowledged: 0 }, kafka: { sent: 0, acknowledged: 0 } })
      this.clicks.set(id, { sent: 0, acknowledged: 0 })
      this.versions.set(id, new Set())
    }
  }

  start(): this {
    const half = this.rates.eventsPerSecond / 2
    this.loops.push(
      this.every(half, (count) => {
        for (let left = count; left > 0; left -= MOST_IN_BATCH)
          this.background(this.overHttp(this.nextShop(), Math.min(left, MOST_IN_BATCH)))
      }),
      this.overKafka(half),
      this.every(this.rates.requestsPerSecond, (count) => {
        for (let i = 0; i < count; i++) this.background(this.askFor(this.nextShop()))
      }),
    )
    return this
  }

  /** Sends nothing new, and waits until all that was sent is acknowledged, or has not been for `withinMs`. */
  async stop(withinMs = 60_000): Promise<void> {
    this.stopping.abort()
    const late = setTimeout(() => this.giveUp.abort(), withinMs)
    await Promise.all(this.loops)
    await Promise.all(this.open)
    clearTimeout(late)
    this.giveUp.abort()
  }

  private nextShop(): Shop {
    return this.shops[this.turn++ % this.shops.length]
  }

  private background(work: Promise<void>) {
    const done = work
      .catch((error: unknown) => this.ledger.fault('client', 0, String(error)))
      .finally(() => this.open.delete(done))
    this.open.add(done)
  }

  /** Hands out what is due by the clock: a client that was held up catches up. */
  private async every(perSecond: number, due: (count: number) => void): Promise<void> {
    const started = performance.now()
    for (let done = 0; !this.stopping.signal.aborted; await pause(TICK_MS)) {
      const target = Math.floor(((performance.now() - started) / 1000) * perSecond)
      if (target > done) due(target - done)
      done = Math.max(done, target)
    }
  }

  private async overHttp({ id, key }: Shop, count: number): Promise<void> {
    const mine = this.sent.get(id)!.http
    const from = mine.sent
    mine.sent += count
    const events = Array.from({ length: count }, (_, i) => loadedEvent(id, 'http', from + i))
    const answer = await this.insistOnEvents(id, key, events)
    if (answer) mine.acknowledged += count
  }

  /** @returns whether all were taken */
  private async insistOnEvents(id: string, key: string, events: object[]): Promise<boolean> {
    const path = `/v1/tenants/${id}/events`
    const answer = await this.caller.insist({ kind: 'events', method: 'POST', path, key, body: { events } })
    if (answer?.status !== 202) return false
    const told = JSON.parse(answer.body) as { accepted: number; duplicates: number; rejected: unknown[] }
    // Sent again after an answer that was lost, they are duplicates: told apart, and none missing.
    if (told.accepted + told.duplicates === events.length && told.rejected.length === 0) return true
    this.ledger.fault('events', answer.status, answer.body.slice(0, 300))
    return false
  }

  /** One send at a time: two at once could change places where one of them is sent again. */
  private async overKafka(perSecond: number): Promise<void> {
    const producer = createProducer(this.cluster.kafka())
    const started = performance.now()
    try {
      for (let done = 0; !this.stopping.signal.aborted; await pause(TICK_MS)) {
        const target = Math.floor(((performance.now() - started) / 1000) * perSecond)
        if (target > done) await this.produce(producer, target - done)
        done = target
      }
    } finally {
      await producer.disconnect().catch(() => undefined)
    }
  }

  private async produce(producer: Producer, count: number): Promise<void> {
    const parts = this.shops.map((shop, i) => {
      const mine = this.sent.get(shop.id)!.kafka
      const share = Math.floor(count / this.shops.length) + Number(i < count % this.shops.length)
      const from = mine.sent
      mine.sent += share
      return {
        mine,
        share,
        events: Array.from({ length: share }, (_, k) => loadedEvent(shop.id, 'kafka', from + k)),
        shop,
      }
    })
    const messages = parts.flatMap(({ shop, events }) =>
      events.map((event) => ({
        key: `${shop.id}:${event.userId}`,
        value: JSON.stringify({ tenantId: shop.id, ...event }),
      })),
    )
    while (!this.giveUp.signal.aborted)
      try {
        await producer.connect()
        await sendAll(producer, this.cluster.topics.events, messages)
        for (const { mine, share } of parts) mine.acknowledged += share
        return
      } catch {
        this.ledger.transportErrors++
        await pause(500)
      }
  }

  private async askFor({ id, key }: Shop): Promise<void> {
    const { http } = this.sent.get(id)!
    const { userId } = loadedEvent(id, 'http', Math.max(0, http.sent - 1 - Math.floor(Math.random() * 200)))
    const path = `/v1/tenants/${id}/recommendations`
    const answer = await this.caller.ask({ kind: 'recommendations', method: 'POST', path, key, body: { userId } })
    if (!answer || answer.status === 503) return
    if (answer.status !== 200) return this.ledger.fault('recommendations', answer.status, answer.body.slice(0, 300))
    const told = JSON.parse(answer.body) as {
      recommendationId: string
      modelVersion: string
      items: { itemId: string }[]
    }
    this.versions.get(id)!.add(told.modelVersion)
    const foreign = told.items.filter((item) => !item.itemId.startsWith(`${id}/`))
    if (foreign.length > 0) this.ledger.fault('wrong tenant', 200, answer.body.slice(0, 300))
    if (told.items.length === 0) this.ledger.fault('empty answer', 200, answer.body)
    if (told.items.length > 0 && Math.random() < CLICKED) await this.click(id, key, userId, told)
  }

  private async click(
    id: string,
    key: string,
    userId: string,
    { recommendationId, items: [{ itemId }] }: { recommendationId: string; items: { itemId: string }[] },
  ) {
    const mine = this.clicks.get(id)!
    const event = { eventId: `click-${mine.sent++}`, userId, itemId, type: 'view', recommendationId }
    if (await this.insistOnEvents(id, key, [event])) mine.acknowledged++
  }
}
