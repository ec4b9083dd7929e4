import { randomUUID } from 'node:crypto'
import { type Admin, type EachBatchPayload, type Kafka, type KafkaMessage, type Message, Partitioners } from 'kafkajs'
import type { Config } from '../platform/config.js'
import { AppError } from '../platform/errors.js'
import { createKafka } from '../platform/kafka.js'
import type { Logger } from '../platform/logger.js'
import {
  headerText,
  inSends,
  type Origin,
  ORIGIN_HEADER,
  originOfLetter,
  VALUE_LEFT_OUT_HEADER,
} from './dead-letters.js'

type KafkaConfig = NonNullable<Config['kafka']>

export interface LetterFilter {
  code?: string
  /** The topic that the message came from. */
  topic?: string
}

export interface ListedLetter {
  code: string
  reason: string
  origin: Origin | null
  key: string | null
  /** The value as text, shortened to 2,000 characters. */
  value: string | null
}

const SHOWN = 2000
const CHUNK = 500
/** Headers that tell of the letter and not of the message. */
const LETTER_HEADERS = ['code', 'reason', 'topic', 'partition', 'offset', 'timestamp']

/** The letters that wait, oldest first, at most `limit`. Changes nothing. */
export async function listDeadLetters(
  config: KafkaConfig,
  logger: Logger,
  { limit = 100, filter = {} }: { limit?: number; filter?: LetterFilter } = {},
): Promise<ListedLetter[]> {
  const kafka = createKafka(config, logger)
  const found: ListedLetter[] = []
  await withAdmin(kafka, async (admin) => {
    const groupId = `${replayGroup(config)}.list-${randomUUID()}`
    await readLetters(kafka, admin, config, groupId, (messages) => {
      const room = limit - found.length
      found.push(
        ...messages
          .filter((message) => matches(message, filter))
          .slice(0, room)
          .map(toListed),
      )
      return Promise.resolve(found.length < limit ? messages.length : 0)
    })
    await admin.deleteGroups([groupId]).catch((error: unknown) => logger.debug({ err: error }, 'a group stays behind'))
  })
  return found
}

/**
 * Sends the letters that wait round again, to the topic each came from, oldest first. One that still can't be used comes
 * back as a new letter; one that the filter does not name, or that has lost its value, is put back at the end.
 * May be cut short and called again: what is sent twice is a duplicate, since each message says where it was first met.
 * @returns how many were sent, and how many put back
 * @throws AppError REPLAY_RUNNING (409)
 */
export async function replayDeadLetters(
  config: KafkaConfig,
  logger: Logger,
  { limit = Infinity, filter = {} }: { limit?: number; filter?: LetterFilter } = {},
): Promise<{ replayed: number; kept: number }> {
  const kafka = createKafka(config, logger)
  const result = { replayed: 0, kept: 0 }
  const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  try {
    await withAdmin(kafka, async (admin) => {
      const groupId = replayGroup(config)
      const { groups } = await admin.describeGroups([groupId])
      if (groups.some(({ members }) => members.length > 0))
        throw new AppError('REPLAY_RUNNING', 'Dead letters are being sent round already.', { status: 409 })
      await readLetters(kafka, admin, config, groupId, async (messages) => {
        const sorted = sortOut(messages, config, filter, limit - result.replayed)
        for (const [topic, outgoing] of sorted.byTopic)
          for (const part of inSends(outgoing)) await producer.send({ topic, acks: -1, messages: part })
        result.replayed += sorted.replayed
        result.kept += sorted.taken - sorted.replayed
        return sorted.taken
      })
    })
  } finally {
    await producer.disconnect()
  }
  return result
}

/** Where each letter goes, until `limit` go round. */
function sortOut(messages: KafkaMessage[], config: KafkaConfig, filter: LetterFilter, limit: number) {
  const byTopic = new Map<string, Message[]>()
  let [taken, replayed] = [0, 0]
  for (const message of messages) {
    if (replayed >= limit) break
    const origin = matches(message, filter) ? replayable(message, config) : undefined
    const topic = origin?.topic ?? config.deadLettersTopic
    const { key, value, headers = {} } = message
    const outgoing = origin ? again(message, origin) : { key, value, headers }
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), outgoing])
    taken++
    if (origin) replayed++
  }
  return { byTopic, taken, replayed }
}

/** Only to the topics that are consumed: a letter written by hand must not reach any other. */
function replayable({ headers }: KafkaMessage, config: KafkaConfig): Origin | undefined {
  const origin = originOfLetter(headers)
  if (headerText(headers, VALUE_LEFT_OUT_HEADER) !== undefined) return undefined
  return origin && [config.eventsTopic, config.itemsTopic].includes(origin.topic) ? origin : undefined
}

function again({ key, value, headers = {} }: KafkaMessage, origin: Origin): Message {
  const kept = Object.entries(headers).filter(([name]) => !LETTER_HEADERS.includes(name))
  return { key, value, headers: { ...Object.fromEntries(kept), [ORIGIN_HEADER]: JSON.stringify(origin) } }
}

const matches = ({ headers }: KafkaMessage, { code, topic }: LetterFilter) =>
  (code === undefined || headerText(headers, 'code') === code) &&
  (topic === undefined || headerText(headers, 'topic') === topic)

const toListed = ({ key, value, headers }: KafkaMessage): ListedLetter => ({
  code: headerText(headers, 'code') ?? '',
  reason: headerText(headers, 'reason') ?? '',
  origin: originOfLetter(headers) ?? null,
  key: key?.toString() ?? null,
  value: value?.toString().slice(0, SHOWN) ?? null,
})

/** Its offsets are the place up to which letters were sent round. */
const replayGroup = (config: KafkaConfig) => `${config.group}.dead-letters`

async function withAdmin(kafka: Kafka, work: (admin: Admin) => Promise<void>): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** By partition: the first letter that was not sent round, and the end as it is now. Empty partitions are left out. */
async function waitingRange(admin: Admin, config: KafkaConfig) {
  const topic = config.deadLettersTopic
  if (!(await admin.listTopics()).includes(topic)) return new Map<number, { from: bigint; end: bigint }>()
  const [committed] = await admin.fetchOffsets({ groupId: replayGroup(config), topics: [topic] })
  const ends = await admin.fetchTopicOffsets(topic)
  const ranges = ends.map(({ partition, low, high }) => {
    const done = BigInt(committed.partitions.find((candidate) => candidate.partition === partition)?.offset ?? -1)
    return [partition, { from: done > BigInt(low) ? done : BigInt(low), end: BigInt(high) }] as const
  })
  return new Map(ranges.filter(([, { from, end }]) => from < end))
}

/**
 * Hands over the letters that wait now, those that come meanwhile not, and commits after each part in the given group.
 * @param handle says how many of the messages it is done with; fewer than it was given ends the reading
 */
async function readLetters(
  kafka: Kafka,
  admin: Admin,
  config: KafkaConfig,
  groupId: string,
  handle: (messages: KafkaMessage[]) => Promise<number>,
): Promise<void> {
  const ranges = await waitingRange(admin, config)
  if (ranges.size === 0) return
  const topic = config.deadLettersTopic
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 250 })
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const unread = new Set(ranges.keys())
    await new Promise<void>((finish, fail) => {
      let over = false
      const end = () => {
        over = true
        finish()
      }
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) fail(payload.error)
      })
      const eachBatch = async (payload: EachBatchPayload) => {
        const { batch } = payload
        const range = ranges.get(batch.partition)
        if (!range || !unread.has(batch.partition)) {
          payload.pause()
          return
        }
        const messages = batch.messages.filter(
          ({ offset }) => BigInt(offset) >= range.from && BigInt(offset) < range.end,
        )
        if (BigInt(batch.lastOffset()) < range.from) payload.resolveOffset(batch.lastOffset())
        for (let from = 0; from < messages.length && !over; from += CHUNK) {
          const chunk = messages.slice(from, from + CHUNK)
          const done = await handle(chunk)
          if (done > 0) payload.resolveOffset(chunk[done - 1].offset)
          await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets())
          await payload.heartbeat()
          if (done < chunk.length) end()
        }
        if (BigInt(batch.lastOffset()) >= range.end - 1n) unread.delete(batch.partition)
        if (unread.size === 0) end()
      }
      consumer
        .run({
          autoCommit: false,
          eachBatchAutoResolve: false,
          eachBatch: async (payload) => {
            // Nothing may leave the handler: the client would try it again, or end.
            if (!over) await eachBatch(payload).catch((error: Error) => fail(error))
          },
        })
        .catch(fail)
    })
  } finally {
    await consumer.disconnect()
  }
}
