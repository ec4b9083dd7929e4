import kafkajs, { type EachBatchPayload, type KafkaMessage } from 'kafkajs'
import type { Logger } from '../platform/logger.js'
import type { ConsumerHealth } from './consumer-health.js'

// Node finds only some of the names that this CommonJS package exports.
const { KafkaJSError } = kafkajs

/** Messages that are stored at once: `maxBytesPerPartition` counts compressed bytes, so a batch may be far larger. */
const CHUNK = 2000
const FIRST_BACKOFF_MS = 200
const LONGEST_BACKOFF_MS = 5000
/** A third of the session: storing may take longer than a session, and the client sends no heartbeat by itself. */
const HEARTBEAT_MS = 3000

/**
 * Makes everything of a chunk durable: its rows, and letters about what can't be used.
 * Has to be repeatable. An error means that nothing of the chunk counts as done.
 */
export type StoreChunk = (topic: string, partition: number, messages: KafkaMessage[]) => Promise<void>

/**
 * One partition after another, in order. Offsets are committed after the rows. A failure pauses its partition alone and
 * is tried again; nothing but the client's own errors ever leaves the handler, since any other may end the consumer.
 */
export class PartitionLoop {
  private readonly failures = new Map<string, number>()
  private readonly resumes = new Set<NodeJS.Timeout>()

  constructor(
    private readonly store: StoreChunk,
    private readonly health: ConsumerHealth,
    private readonly logger: Logger,
  ) {}

  /** The client's `eachBatch`, without auto-resolve and auto-commit. */
  async eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    const place = `${batch.topic}/${batch.partition}`
    for (let from = 0; from < batch.messages.length; from += CHUNK) {
      if (!payload.isRunning() || payload.isStale()) return
      const chunk = batch.messages.slice(from, from + CHUNK)
      try {
        await withHeartbeat(() => payload.heartbeat(), this.store(batch.topic, batch.partition, chunk))
      } catch (error) {
        this.wait(place, payload.pause(), error)
        return
      }
      this.failures.delete(place)
      this.health.waiting.delete(place)
      payload.resolveOffset(chunk[chunk.length - 1].offset)
      await clientsOwn(payload.commitOffsetsIfNecessary(payload.uncommittedOffsets()))
      await clientsOwn(payload.heartbeat())
    }
  }

  /** Ends all pauses without resuming: for the end of the consumer. */
  stop(): void {
    for (const timer of this.resumes) clearTimeout(timer)
    this.resumes.clear()
  }

  private wait(place: string, resume: () => void, error: unknown) {
    const failures = (this.failures.get(place) ?? 0) + 1
    this.failures.set(place, failures)
    const message = error instanceof Error ? error.message : String(error)
    this.health.waiting.set(place, message)
    const backoff = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 10))
    const delay = backoff * (0.5 + Math.random() / 2)
    this.logger.warn({ err: error, place, failures, delay: Math.round(delay) }, 'a partition waits')
    const timer = setTimeout(() => {
      this.resumes.delete(timer)
      resume()
    }, delay)
    this.resumes.add(timer)
  }
}

/** Keeps the session alive during work that may take longer. A lost membership shows at the next heartbeat after it. */
async function withHeartbeat<T>(heartbeat: () => Promise<void>, work: Promise<T>): Promise<T> {
  const timer = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}

/**
 * The client goes on after its own errors that may pass, and knows those of the protocol; any other would end the
 * consumer for good.
 */
async function clientsOwn(step: Promise<void>): Promise<void> {
  try {
    await step
  } catch (error) {
    if (error instanceof KafkaJSError && (error.retriable || 'type' in error || 'retryCount' in error)) throw error
    throw new KafkaJSError(error instanceof Error ? error : String(error), { retriable: true })
  }
}
