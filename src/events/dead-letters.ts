import type { IHeaders, KafkaMessage, Message, Producer } from 'kafkajs'
import { z } from 'zod'
import { sendAll } from '../platform/kafka.js'

/** Where a message was first met, and when it was sent, in ms since the epoch. */
export interface Origin {
  topic: string
  partition: number
  offset: string
  timestamp: string
  /** How often it could not be used before it was sent round. */
  attempts?: number
  /** When it could not be used for the first time, in ms since the epoch. */
  failedAt?: string
}

/** A message that can't be used, and why. */
export interface DeadLetter {
  message: KafkaMessage
  origin: Origin
  /** Stable, upper snake case. */
  code: string
  reason: string
  /** Of its value, where that was left out. */
  bytes?: number
  /** When it could not be used, in ms since the epoch; now unless said. */
  failedAt?: number
}

/** A message that is sent round again says here where it was first met: its event keeps its id. */
export const ORIGIN_HEADER = 'attune-origin'
/** Where a value was too large for the dead-letter topic: its length in bytes. It is still at its origin. */
export const VALUE_LEFT_OUT_HEADER = 'value-left-out'

/** On what goes to the dead-letter topic: that it waits in the table too. */
const LISTED_HEADER = 'listed'

/** Kafka's and PostgreSQL's largest integer. */
export const MOST_PARTITION = 2 ** 31 - 1
export const MAX_REASON = 1000
const MAX_CODE = 256
/** One send is one record batch for each partition, and that has to be smaller than what the broker takes. */
const SEND_BYTES = 512 * 1024

/** Anybody may send one: it holds only what Kafka has, in one way of writing it, and what a column takes. */
const OriginHeader = z.object({
  topic: z.string().regex(/^[\w.-]{1,249}$/),
  partition: z.number().int().min(0).max(MOST_PARTITION),
  offset: z.string().regex(/^(0|[1-9]\d{0,17})$/),
  timestamp: z.string().regex(/^\d{1,19}$/),
  attempts: z.number().int().min(1).max(1_000_000).optional(),
  failedAt: z
    .string()
    .regex(/^\d{1,19}$/)
    .optional(),
})

export function headerText(headers: IHeaders | undefined, name: string): string | undefined {
  const value = headers?.[name]
  const first = Array.isArray(value) ? value[0] : value
  return first?.toString()
}

/** Where a message was first met: here, unless it is one that was sent round again. */
export function originOf(topic: string, partition: number, message: KafkaMessage): Origin {
  const replayed = headerText(message.headers, ORIGIN_HEADER)
  if (replayed !== undefined) {
    const origin = readOrigin(replayed)
    if (origin) return origin
  }
  return { topic, partition, offset: message.offset, timestamp: message.timestamp }
}

function readOrigin(json: string): Origin | undefined {
  try {
    return OriginHeader.parse(JSON.parse(json))
  } catch {
    return undefined
  }
}

/** A dead letter as a message: key, value and other headers as they came. */
export function toMessage({ message, origin, code, reason }: DeadLetter): Message {
  return {
    key: message.key,
    value: message.value,
    headers: {
      ...message.headers,
      code,
      reason: reason.slice(0, MAX_REASON).toWellFormed(),
      topic: origin.topic,
      partition: String(origin.partition),
      offset: origin.offset,
      timestamp: origin.timestamp,
      [LISTED_HEADER]: 'true',
    },
  }
}

/** Headers that tell of the letter and not of the message. */
const LETTER_HEADERS = [
  ...['code', 'reason', 'topic', 'partition', 'offset', 'timestamp'],
  ...[ORIGIN_HEADER, VALUE_LEFT_OUT_HEADER],
]

/** A message of the dead-letter topic as the letter that it is; undefined where it is listed already, or none. */
export function letterOf(message: KafkaMessage): DeadLetter | undefined {
  const { key, value, offset, timestamp, attributes } = message
  const text = (name: string) => headerText(message.headers, name)
  if (text(LISTED_HEADER) !== undefined) return undefined
  const parsed = OriginHeader.safeParse({
    topic: text('topic'),
    partition: Number(text('partition')),
    offset: text('offset'),
    timestamp: text('timestamp'),
  })
  if (!parsed.success) return undefined
  const { attempts, failedAt = timestamp } = readOrigin(text(ORIGIN_HEADER) ?? '') ?? {}
  const kept = Object.entries(message.headers ?? {}).filter(([name]) => !LETTER_HEADERS.includes(name))
  const leftOut = text(VALUE_LEFT_OUT_HEADER)
  return {
    message: { key, value, offset, timestamp, attributes, headers: Object.fromEntries(kept) },
    origin: { ...parsed.data, failedAt, ...(attempts !== undefined && { attempts }) },
    code: (text('code') ?? '').slice(0, MAX_CODE) || 'UNKNOWN',
    reason: (text('reason') ?? '').slice(0, MAX_REASON),
    ...(leftOut !== undefined && /^\d{1,9}$/.test(leftOut) && { bytes: Number(leftOut) }),
    failedAt: Number(timestamp),
  }
}

/** What is sent to one topic, in parts that a broker takes. */
export const inSends = (messages: Message[]): Message[][] => inParts(messages, sizeOf, SEND_BYTES)

/** In order, each part of at most so many bytes, or a single row. */
export function inParts<T>(rows: T[], bytesOf: (row: T) => number, most: number): T[][] {
  const parts: T[][] = []
  let bytes = Infinity
  for (const row of rows) {
    const own = bytesOf(row)
    if (bytes + own > most) {
      parts.push([])
      bytes = 0
    }
    parts[parts.length - 1].push(row)
    bytes += own
  }
  return parts
}

/** Of a message, about: in bytes. */
export const sizeOf = ({ key, value, headers = {} }: Pick<Message, 'key' | 'value' | 'headers'>) =>
  (key?.length ?? 0) +
  (value?.length ?? 0) +
  Object.values(headers)
    .flat()
    .reduce((sum, v) => sum + (v?.length ?? 0) + 64, 100)

/** Sends to the dead-letter topic and waits until the broker has it on all its replicas. */
export async function sendDeadLetters(producer: Producer, topic: string, letters: DeadLetter[]): Promise<void> {
  for (const messages of inSends(letters.map(toMessage))) {
    try {
      await sendAll(producer, topic, messages)
    } catch (error) {
      if (messages.length > 1 || !isTooLarge(error)) throw error
      // The topic was made by somebody else with a lower limit. A letter without its value is better than a partition
      // that stands still for good.
      const [{ value, ...message }] = messages
      const headers = { ...message.headers, [VALUE_LEFT_OUT_HEADER]: String(value?.length ?? 0) }
      await sendAll(producer, topic, [{ ...message, value: null, headers }])
    }
  }
}

/** The client wraps errors in errors. */
function isTooLarge(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('type' in error && error.type === 'MESSAGE_TOO_LARGE') return true
  return isTooLarge(error.cause)
}
