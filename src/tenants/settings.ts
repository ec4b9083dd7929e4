import { Cron } from 'croner'
import { z } from 'zod'
import { isObject } from '../platform/schema.js'

/** The name of an event type: a lower-case word. */
export const EventTypeName = z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/, 'has to be a lower-case word')

const EventTypeSetting = z.strictObject({
  /** How much one event of this type says, beside one of weight 1. */
  weight: z.number().min(0).max(100),
  /** `positive` events are what the recommender tries to predict; `negative` ones it keeps away from. */
  meaning: z.enum(['positive', 'neutral', 'negative']),
})
export type EventTypeSetting = z.infer<typeof EventTypeSetting>

/** What a type that no setting names counts as. */
export const UNNAMED_EVENT_TYPE: EventTypeSetting = { weight: 0.5, meaning: 'positive' }

const isCron = (value: string) => {
  try {
    new Cron(value, { paused: true }).stop()
    return true
  } catch {
    return false
  }
}

/** What a tenant can set. Every field has a default, so `{}` is a whole setting. */
export const Settings = z
  .strictObject({
    // One byte holds a type where there are many events; place 0 is that of the unnamed ones.
    eventTypes: z
      .record(EventTypeName, EventTypeSetting)
      .refine((types) => Object.keys(types).length <= 255, 'has more than 255 names')
      .default({
        purchase: { weight: 1, meaning: 'positive' },
        read: { weight: 1, meaning: 'positive' },
        rating: { weight: 1, meaning: 'positive' },
        like: { weight: 1, meaning: 'positive' },
        cart: { weight: 0.7, meaning: 'positive' },
        view: { weight: 0.3, meaning: 'positive' },
        impression: { weight: 0, meaning: 'neutral' },
        remove: { weight: 0.5, meaning: 'negative' },
        dislike: { weight: 1, meaning: 'negative' },
      }),
    /** An item that a user had an event of such a type with is not recommended to that user again. */
    hideAfter: z.array(EventTypeName).max(100).default(['purchase', 'read', 'rating', 'dislike']),
    training: z
      .strictObject({
        /** When to look whether a training is due; null: only on request. Five or six fields, in UTC. */
        schedule: z.string().max(100).refine(isCron, 'is not a cron expression').nullable().default('0 3 * * *'),
        minNewEvents: z.number().int().min(1).max(1_000_000_000).default(1000),
        minIntervalMinutes: z.number().int().min(0).max(525_600).default(60),
        historyDays: z.number().int().min(1).max(36_500).default(730),
        /** Serve a version that passed the gate at once; otherwise it waits for `promote`. */
        autoPromote: z.boolean().default(true),
      })
      .prefault({}),
    /** Events and recommendations older than this are deleted; null: kept. */
    retentionDays: z.number().int().min(1).max(36_500).nullable().default(null),
    quotas: z
      .strictObject({
        eventsPerSecond: z.number().int().min(1).max(10_000_000).default(20_000),
        items: z.number().int().min(1).max(100_000_000).default(1_000_000),
        requestsPerSecond: z.number().int().min(1).max(1_000_000).default(1000),
      })
      .prefault({}),
    /** Whether an answer counts as an impression of its items, or only events of type `impression` do. */
    impressions: z.enum(['served', 'explicit']).default('served'),
  })
  .meta({ id: 'Settings' })
export type Settings = z.output<typeof Settings>

/** JSON merge patch (RFC 7396): objects are merged, null takes a field back to its default, anything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = mergePatch(result[key], value)
  }
  return result
}

/** The event types of a tenant as a table: a type's place in it is what the recommender sees. Place 0, `*`, is every type that no setting names. */
export function eventTypeTable(settings: Settings): (EventTypeSetting & { name: string })[] {
  const named = Object.entries(settings.eventTypes).sort(([a], [b]) => (a < b ? -1 : 1))
  return [{ name: '*', ...UNNAMED_EVENT_TYPE }, ...named.map(([name, setting]) => ({ name, ...setting }))]
}
