import { z } from 'zod'
import { Item } from '../catalog/item.js'
import { describe, Id } from '../platform/schema.js'
import type { Origin } from './dead-letters.js'
import { Event, type PlacedEvent } from './event.js'

/** Why a message can't be used. */
export interface Unusable {
  code: string
  reason: string
}

type Parsed<T> = { value: T; unusable?: undefined } | { value?: undefined; unusable: Unusable }

const EventMessage = z.strictObject({ ...Event.shape, tenantId: Id })
const ItemMessage = z.strictObject({ ...Item.shape, tenantId: Id })
const Moment = Event.shape.occurredAt.unwrap()

// Refuses what is no UTF-8, instead of storing question marks.
const utf8 = new TextDecoder('utf-8', { fatal: true })

const unusable = (code: string, reason: string) => ({ unusable: { code, reason } })

function parse<T extends z.ZodType>(bytes: Buffer, schema: T, code: string): Parsed<z.output<T>> {
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(bytes))
  } catch {
    return unusable('NOT_JSON', 'The value is not JSON in UTF-8.')
  }
  const parsed = schema.safeParse(json)
  return parsed.success ? { value: parsed.data } : unusable(code, describe(parsed.error))
}

/**
 * An event from Kafka. Without `eventId` it is named after where it was first met, so that a redelivery is a duplicate;
 * without `occurredAt` it happened when it was sent.
 */
export function parseEventMessage(
  bytes: Buffer | null,
  origin: Origin,
): Parsed<{ tenantId: string; event: PlacedEvent['event'] }> {
  if (bytes === null) return unusable('NO_VALUE', 'An event has to have a value.')
  const parsed = parse(bytes, EventMessage, 'INVALID_EVENT')
  if (parsed.unusable) return parsed
  const { tenantId, ...event } = parsed.value
  const eventId = event.eventId ?? `kafka:${origin.topic}/${origin.partition}/${origin.offset}`
  return { value: { tenantId, event: { ...event, eventId, occurredAt: event.occurredAt ?? sentAt(origin) } } }
}

/** A producer's clock is not to be trusted more than a client's. */
function sentAt({ timestamp }: Origin): Date {
  const ms = Number(timestamp)
  const sent = ms > 0 && ms <= 8.64e15 ? Moment.safeParse(new Date(ms).toISOString()).data : undefined
  return sent ?? new Date()
}

/** An item from Kafka: to be stored. */
export function parseItemMessage(bytes: Buffer): Parsed<{ tenantId: string; item: Item }> {
  const parsed = parse(bytes, ItemMessage, 'INVALID_ITEM')
  if (parsed.unusable) return parsed
  const { tenantId, ...item } = parsed.value
  return { value: { tenantId, item } }
}

const MAX_COLONS = 16

/**
 * All that a key `tenantId:itemId` may mean: both ids may hold a colon.
 * @returns pairs that could be ids, or why there is none
 */
export function readItemKey(key: Buffer | null): Parsed<{ tenantId: string; itemId: string }[]> {
  if (key === null) return unusable('BAD_KEY', 'A deletion needs a key: tenantId:itemId.')
  const pairs = readKey(key)
  if (pairs === null) return unusable('BAD_KEY', 'The key has too many colons to be told apart.')
  if (pairs.length === 0) return unusable('BAD_KEY', 'The key is not tenantId:itemId.')
  return { value: pairs.map(({ tenantId, id }) => ({ tenantId, itemId: id })) }
}

/**
 * All that a key `tenantId:id` may mean, the shortest tenant first.
 * @returns none where it is no such key; null where it has too many colons to be told apart
 */
export function readKey(key: Buffer | null): { tenantId: string; id: string }[] | null {
  let text: string
  try {
    text = key === null || key.length > 2048 ? '' : utf8.decode(key)
  } catch {
    text = ''
  }
  const parts = text.split(':')
  if (parts.length > MAX_COLONS + 1) return null
  return parts
    .slice(1)
    .map((_, i) => ({ tenantId: parts.slice(0, i + 1).join(':'), id: parts.slice(i + 1).join(':') }))
    .filter(({ tenantId, id }) => Id.safeParse(tenantId).success && Id.safeParse(id).success)
}
