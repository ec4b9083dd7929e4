import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { freeForm, Id, Timestamp } from '../platform/schema.js'
import { EventTypeName } from '../tenants/settings.js'

const DAY_MS = 86_400_000
const MAX_PROPERTIES = 16 * 1024

/** One thing that a user did, as a tenant tells it. */
export const Event = z
  .strictObject({
    eventId: Id.optional(),
    userId: Id,
    itemId: Id,
    type: EventTypeName,
    value: z.number().optional().meta({
      description:
        'What its type means by it: a rating, the portion read between 0 and 1, a price. The setting eventTypes says from where on one is low or high.',
    }),
    // A clock may be wrong by a time zone; further ahead it is another field, or seconds read as milliseconds.
    occurredAt: Timestamp.refine((at) => at.getTime() <= Date.now() + DAY_MS, 'is more than a day ahead').optional(),
    sessionId: Id.optional(),
    recommendationId: Id.optional(),
    properties: freeForm(MAX_PROPERTIES).optional(),
  })
  .meta({ id: 'Event' })
export type Event = z.output<typeof Event>

/** An event that has all it needs to be stored, with its place in the batch. */
export interface PlacedEvent {
  index: number
  event: Event & { eventId: string; occurredAt: Date }
}

/**
 * Gives an event of an HTTP batch what it lacks. Without `eventId`, an event that says when it happened is named after
 * its content, so that a batch that is sent again adds nothing; one that says neither is taken for new each time.
 */
export function completeEvent(event: Event, now: Date): PlacedEvent['event'] {
  const eventId = event.eventId ?? (event.occurredAt ? `sha256:${contentHash(event)}` : `uuid:${randomUUID()}`)
  return { ...event, eventId, occurredAt: event.occurredAt ?? now }
}

function contentHash({ userId, itemId, type, occurredAt, value, sessionId, recommendationId, properties }: Event) {
  const content = [userId, itemId, type, occurredAt?.getTime(), value, sessionId, recommendationId, properties]
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url')
}

/** An event as other rooms read it. */
export interface UserEvent {
  itemId: string
  type: string
  value: number | null
  occurredAt: Date
}

export interface WrittenEvent extends UserEvent {
  /** Grows from event to event of one writer; breaks ties of `occurredAt`. A decimal bigint. */
  arrival: string
  userId: string
  /** Seconds since it was accepted, by the database's clock when it was read; only of what was read since a horizon. */
  age?: number
}

/** An event as a model counts it; the last one is its moment, milliseconds since 1970. */
export type CountedEvent = [
  arrival: number,
  userId: string,
  itemId: string,
  type: string,
  value: number | null,
  at: number,
]
