/// <reference lib="esnext.disposable" preserve="true" />
import { backoff } from './backoff.js'
import { batchLength, bodyOf, type Entry, entryOf, inBatches, MAX_ENTRIES } from './batches.js'
import type { CallOptions, Event, Rejected } from './calls.js'
import { newId } from './id.js'
import { AttuneError } from './problem.js'
import type { Transport } from './transport.js'

const BASE_PAUSE_MS = 500
const MOST_PAUSE_MS = 30_000

export interface Stored {
  accepted: number
  /** Known already, by their `eventId`. */
  duplicates: number
  rejected: Rejected[]
}

export interface RejectedEvent extends Rejected {
  event: Event
}

/** Events that were given to the queue and will not be sent. */
export interface Dropped {
  events: Event[]
  /** `full`: the queue was; `closed`: it had been closed; `refused`: the service does not take them; `unsent`: it could not be reached until the close. */
  reason: 'full' | 'closed' | 'refused' | 'unsent'
  error?: AttuneError
}

export interface QueueOptions {
  /** Events that may wait, those on their way included; 10,000 unless said. Further ones are dropped, and told. */
  maxQueued?: number
  /** Events in a request, at most 1000. */
  batchSize?: number
  /** How long an event waits for others, in milliseconds; 1000 unless said. */
  flushMs?: number
  /** Told of events that the service refused by themselves. Without it the console is. */
  onRejected?: (rejected: RejectedEvent[]) => void
  /** Told of events that will not be sent. Without it the console is. */
  onDropped?: (dropped: Dropped) => void
}

/** What became of all events given to `add`: their sum, with `waiting`, is how many there were. */
export interface QueueCounts {
  waiting: number
  accepted: number
  duplicates: number
  rejected: number
  dropped: number
}

interface Waiting extends Entry {
  event: Event
}

/**
 * Sends events: at once with `send`, or in batches with `add`. One batch is on its way at a time, so that the events of a
 * user arrive in their order; each event has an id from here, so that a batch which is sent twice counts once.
 */
export class EventQueue {
  private readonly waiting: Waiting[] = []
  private readonly sums = { accepted: 0, duplicates: 0, rejected: 0, dropped: 0 }
  private readonly maxQueued: number
  private readonly batchSize: number
  private readonly flushMs: number
  private readonly room: (() => void)[] = []
  private turn: Promise<AttuneError | undefined> = Promise.resolve(undefined)
  private timer: ReturnType<typeof setTimeout> | undefined
  /** How many left the queue, whatever became of them. */
  private settled = 0
  private failures = 0
  private draining = false
  private closed: Promise<QueueCounts> | undefined

  constructor(
    private readonly transport: Transport,
    private readonly options: QueueOptions = {},
  ) {
    const { maxQueued = 10_000, batchSize = MAX_ENTRIES, flushMs = 1000 } = options
    this.maxQueued = Math.max(1, maxQueued)
    this.batchSize = Math.min(MAX_ENTRIES, Math.max(1, batchSize))
    this.flushMs = Math.max(0, flushMs)
  }

  get counts(): QueueCounts {
    return { waiting: this.waiting.length, ...this.sums }
  }

  /** Sends events now, in as many requests as they need, one after the other. @throws AttuneError */
  async send(events: readonly Event[], options?: CallOptions): Promise<Stored> {
    const sum: Stored = { accepted: 0, duplicates: 0, rejected: [] }
    for (const { from, json } of inBatches('events', events.map(named))) {
      const { accepted, duplicates, rejected } = await this.sendJson(json, options)
      sum.accepted += accepted
      sum.duplicates += duplicates
      sum.rejected.push(...rejected.map((entry) => ({ ...entry, index: from + entry.index })))
    }
    return sum
  }

  /**
   * Takes an event to be sent soon. One that does not say when it happened happened now.
   * @returns false where it was dropped, which `onDropped` is told as well
   */
  add(event: Event): boolean {
    const taken = { ...named(event), occurredAt: event.occurredAt ?? new Date().toISOString() }
    if (this.closed || this.waiting.length >= this.maxQueued) {
      this.drop([taken], this.closed ? 'closed' : 'full')
      return false
    }
    this.waiting.push({ ...entryOf(taken), event: taken })
    if (this.isBatchFull() && this.failures === 0) void this.drain()
    else if (!this.draining) this.wake(this.flushMs)
    return true
  }

  /** The same, but waits until the queue has room: nothing is dropped, however slow the service is. */
  async push(event: Event): Promise<boolean> {
    while (!this.closed && this.waiting.length >= this.maxQueued)
      await new Promise<void>((done) => this.room.push(done))
    return this.add(event)
  }

  /**
   * Sends all that waits by now.
   * @throws AttuneError where the service cannot be reached; what was not sent goes on waiting, and is tried again
   */
  async flush(): Promise<void> {
    const last = this.settled + this.waiting.length
    while (this.settled < last) {
      const error = await this.sendNext()
      if (!error) continue
      if (!this.draining) this.wakeLater()
      throw error
    }
  }

  /** Sends all that waits and takes no more; what cannot be sent is dropped, and told. */
  close(): Promise<QueueCounts> {
    this.closed ??= this.end()
    return this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  private async end(): Promise<QueueCounts> {
    try {
      // After this turn: `closed` has to be set before anything is dropped.
      await Promise.resolve()
      await this.flush()
    } catch (error) {
      this.drop(
        this.waiting.splice(0).map(({ event }) => event),
        'unsent',
        error instanceof AttuneError ? error : undefined,
      )
    }
    clearTimeout(this.timer)
    this.tellRoom()
    return this.counts
  }

  private isBatchFull(): boolean {
    const { length } = this.waiting
    return length >= this.batchSize || batchLength(this.waiting, this.batchSize) < length
  }

  /** Sends full batches, and with `everything` the rest too, until the service cannot be reached. */
  private async drain(everything = false): Promise<void> {
    if (this.draining) return
    this.draining = true
    try {
      while (this.waiting.length > 0 && (everything || this.isBatchFull())) if (await this.sendNext()) break
    } finally {
      this.draining = false
    }
    if (this.waiting.length > 0) this.wakeLater()
  }

  private wakeLater() {
    const pause = backoff(this.failures, BASE_PAUSE_MS, MOST_PAUSE_MS)
    this.wake(this.failures > 0 ? pause : this.flushMs)
  }

  private wake(ms: number) {
    if (this.timer !== undefined) return
    this.timer = setTimeout(() => {
      this.timer = undefined
      void this.drain(true)
    }, ms)
  }

  /** Sends the oldest batch, after those before it. @returns why it has to be tried again, where it has to */
  private sendNext(): Promise<AttuneError | undefined> {
    this.turn = this.turn.then(() => this.sendBatch())
    return this.turn
  }

  private async sendBatch(): Promise<AttuneError | undefined> {
    const batch = this.waiting.slice(0, batchLength(this.waiting.slice(0, this.batchSize), this.batchSize))
    if (batch.length === 0) return undefined
    const events = batch.map(({ event }) => event)
    try {
      const stored = await this.sendJson(bodyOf('events', batch))
      this.settle(batch.length)
      this.sums.accepted += stored.accepted
      this.sums.duplicates += stored.duplicates
      this.reject(stored.rejected.map((entry) => ({ ...entry, event: events[entry.index] })))
    } catch (thrown) {
      const error = thrown instanceof AttuneError ? thrown : new AttuneError('NETWORK', String(thrown))
      if (error.retryable) {
        this.failures += 1
        return error
      }
      this.settle(batch.length)
      this.drop(events, 'refused', error)
    }
    this.failures = 0
    this.tellRoom()
    return undefined
  }

  private settle(count: number) {
    this.waiting.splice(0, count)
    this.settled += count
  }

  private sendJson(json: string, options?: CallOptions): Promise<Stored> {
    return this.transport.call('post', '/v1/tenants/{tenant}/events', { json }, options)
  }

  private tellRoom() {
    // Each of them adds one event, most likely; who finds the room taken waits again.
    for (const done of this.room.splice(0, this.closed ? Infinity : this.maxQueued - this.waiting.length)) done()
  }

  private reject(rejected: RejectedEvent[]) {
    if (rejected.length === 0) return
    this.sums.rejected += rejected.length
    if (this.options.onRejected) this.options.onRejected(rejected)
    else
      console.warn(
        `attune: ${rejected.length} events were refused, the first as ${rejected[0].code}: ${rejected[0].reason}`,
      )
  }

  private drop(events: Event[], reason: Dropped['reason'], error?: AttuneError) {
    if (events.length === 0) return
    this.sums.dropped += events.length
    if (this.options.onDropped) this.options.onDropped({ events, reason, ...(error && { error }) })
    else console.warn(`attune: ${events.length} events were dropped (${reason})${error ? `: ${error.message}` : ''}`)
  }
}

const named = (event: Event): Event => ({ ...event, eventId: event.eventId ?? newId() })
