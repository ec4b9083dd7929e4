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
/** Without a step forward for so long, in this process or another, they are gone meanwhile. */
const MOST_SILENCE_MS = 60_000
const LOOK_EVERY_MS = 1000

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

  /**
   * Those that lie there now; may be cut short, and goes on with the next start. Instances share the partitions, and each
   * ends when all are done.
   * @param most of each partition, the newest
   * @returns how many were taken in here
   */
  async takeIn(config: KafkaConfig, signal: AbortSignal, most = MOST_KEPT): Promise<number> {
    const kafka = createKafka(config, this.logger)
    const groupId = `${config.group}.dead-letters`
    const topic = config.deadLettersTopic
    const admin = kafka.admin()
    await admin.connect()
    let taken = 0
    try {
      const ranges = await unread(admin, groupId, topic, most)
      if (ranges.size === 0 || signal.aborted) return 0
      const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 250 })
      await consumer.connect()
      try {
        await consumer.subscribe({ topics: [topic], fromBeginning: true })
        const committed = () => committedOf(admin, groupId, topic)
        await readRanges(consumer, topic, ranges, committed, signal, async (partition, messages) => {
          const letters = messages.map(letterOf).filter((letter): letter is DeadLetter => letter !== undefined)
          taken += await this.waiting.takeIn(topic, partition, letters)
        })
      } finally {
        await consumer.disconnect()
      }
    } finally {
      await admin.disconnect()
    }
    if (taken > 0) this.logger.info({ topic, letters: taken }, 'dead letters that lay in the topic only were taken in')
    return taken
  }
}

/** By partition, where the group goes on; -1: at the beginning. */
async function committedOf(admin: Admin, groupId: string, topic: string): Promise<Map<number, bigint>> {
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]))
}

/** Empty partitions are left out, and what the table would not keep. */
async function unread(admin: Admin, groupId: string, topic: string, most: number): Promise<Ranges> {
  const ranges: Ranges = new Map()
  if (!(await admin.listTopics()).includes(topic)) return ranges
  const committed = await committedOf(admin, groupId, topic)
  for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
    const end = BigInt(high)
    const from = [committed.get(partition) ?? -1n, BigInt(low), end - BigInt(most)].reduce((a, b) => (a > b ? a : b))
    if (from < end) ranges.set(partition, { from, end })
  }
  return ranges
}

/** Hands over what lies in the ranges, and commits after each part. */
async function readRanges(
  consumer: Consumer,
  topic: string,
  ranges: Ranges,
  committed: () => Promise<Map<number, bigint>>,
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
    const last = BigInt(batch.lastOffset())
    // Only forward: where another process had the partition before, the group is further than this one knows.
    if (last < range.from) return consumer.seek({ topic, partition: batch.partition, offset: String(range.from) })
    const messages = batch.messages.filter(({ offset }) => BigInt(offset) >= range.from && BigInt(offset) < range.end)
    for (let from = 0; from < messages.length && !until.aborted; from += CHUNK) {
      const chunk = messages.slice(from, from + CHUNK)
      await handle(batch.partition, chunk)
      payload.resolveOffset(chunk[chunk.length - 1].offset)
      await payload.heartbeat()
    }
    const isThrough = !until.aborted
    // To the end also where what lies there is no message.
    if (isThrough) payload.resolveOffset(String(last < range.end ? last : range.end - 1n))
    await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets())
    if (isThrough && last >= range.end - 1n) waiting.delete(batch.partition)
    if (waiting.size === 0) end()
  }
  consumer
    .run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // Nothing else may leave the handler than what the client knows, as that the group is shared out anew: it would try
      // it again, or end.
      eachBatch: async (payload) => {
        if (until.aborted) return
        await eachBatch(payload).catch((error: Error) => {
          if (error.name.startsWith('Kafka')) throw error
          end(error)
        })
      },
    })
    .catch(end)
  let before = ''
  while (!until.aborted && waiting.size > 0 && Date.now() - heardAt < MOST_SILENCE_MS) {
    await setTimeout(LOOK_EVERY_MS, undefined, { signal: until }).catch(() => undefined)
    if (until.aborted) break
    // Other processes' partitions.
    const reached = await committed().catch((error: Error) => {
      end(error)
      return new Map<number, bigint>()
    })
    for (const [partition, offset] of reached)
      if (offset >= (ranges.get(partition)?.end ?? 0n)) waiting.delete(partition)
    const now = [...reached].join()
    if (now !== before) heardAt = Date.now()
    before = now
  }
  if (failure) throw failure
}
