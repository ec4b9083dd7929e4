import { Inject, Injectable } from '@nestjs/common'
import type { Admin, Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../platform/config.js'
import { createKafka } from '../platform/kafka.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { type DeadLetter, letterOf } from './dead-letters.js'
import { MOST_KEPT, WaitingLetters } from './waiting-letters.service.js'

type KafkaConfig = NonNullable<Config['kafka']>

const CHUNK = 500
/** Without a message for so long, another process reads them, or they are gone meanwhile. */
const MOST_SILENCE_MS = 60_000

/** By partition: the first that nobody looked at, and the end as it was. */
type Ranges = Map<number, { from: bigint; end: bigint }>

/**
 * Takes in letters that lie in the topic only: builds that had no table sent them, also beside this one while it takes
 * their place. Its group goes on where their replays ended. The builds since mark what they send, and that is passed by.
 */
@Injectable()
export class TopicLetters {
  constructor(
    @Inject(WaitingLetters) private readonly waiting: WaitingLetters,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Those that lie there now; may be cut short, and goes on with the next start. @returns how many were taken in */
  async takeIn(config: KafkaConfig, signal: AbortSignal): Promise<number> {
    const kafka = createKafka(config, this.logger)
    const groupId = `${config.group}.dead-letters`
    const topic = config.deadLettersTopic
    const admin = kafka.admin()
    await admin.connect()
    const ranges = await unread(admin, groupId, topic).finally(() => admin.disconnect())
    if (ranges.size === 0 || signal.aborted) return 0
    const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 250 })
    await consumer.connect()
    let taken = 0
    try {
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await readRanges(consumer, ranges, signal, async (partition, messages) => {
        const letters = messages.map(letterOf).filter((letter): letter is DeadLetter => letter !== undefined)
        taken += await this.waiting.takeIn(topic, partition, letters)
      })
    } finally {
      await consumer.disconnect()
    }
    if (taken > 0) this.logger.info({ topic, letters: taken }, 'dead letters that lay in the topic only were taken in')
    return taken
  }
}

/** Empty partitions are left out, and what the table would not keep. */
async function unread(admin: Admin, groupId: string, topic: string): Promise<Ranges> {
  const ranges: Ranges = new Map()
  if (!(await admin.listTopics()).includes(topic)) return ranges
  const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
  for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
    const done = BigInt(committed.partitions.find((candidate) => candidate.partition === partition)?.offset ?? -1)
    const end = BigInt(high)
    const from = [done, BigInt(low), end - BigInt(MOST_KEPT)].reduce((a, b) => (a > b ? a : b))
    if (from < end) ranges.set(partition, { from, end })
  }
  return ranges
}

/** Hands over what lies in the ranges, and commits after each part. */
async function readRanges(
  consumer: Consumer,
  ranges: Ranges,
  signal: AbortSignal,
  handle: (partition: number, messages: KafkaMessage[]) => Promise<void>,
): Promise<void> {
  const waiting = new Set(ranges.keys())
  const ending = new AbortController()
  const until = AbortSignal.any([signal, ending.signal])
  let heardAt = Date.now()
  let failure: Error | undefined
  const end = (error?: Error) => {
    failure ??= error
    ending.abort()
  }
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) end(payload.error)
  })
  const eachBatch = async (payload: EachBatchPayload) => {
    const { batch } = payload
    heardAt = Date.now()
    const range = ranges.get(batch.partition)
    if (!range || !waiting.has(batch.partition)) return payload.pause()
    const messages = batch.messages.filter(({ offset }) => BigInt(offset) >= range.from && BigInt(offset) < range.end)
    if (messages.length === 0) payload.resolveOffset(batch.lastOffset())
    for (let from = 0; from < messages.length && !until.aborted; from += CHUNK) {
      const chunk = messages.slice(from, from + CHUNK)
      await handle(batch.partition, chunk)
      payload.resolveOffset(chunk[chunk.length - 1].offset)
      await payload.heartbeat()
    }
    await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets())
    if (BigInt(batch.lastOffset()) >= range.end - 1n) waiting.delete(batch.partition)
    if (waiting.size === 0) end()
  }
  consumer
    .run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // Nothing may leave the handler: the client would try it again, or end.
      eachBatch: async (payload) => {
        if (!until.aborted) await eachBatch(payload).catch(end)
      },
    })
    .catch(end)
  while (!until.aborted && Date.now() - heardAt < MOST_SILENCE_MS)
    await setTimeout(1000, undefined, { signal: until }).catch(() => undefined)
  if (failure) throw failure
}
