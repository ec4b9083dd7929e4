import { Cron } from 'croner'
import { z } from 'zod'
import { isObject } from '../platform/schema.js'

/** The name of an event type: a lower-case word. */
export const EventTypeName = z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/, 'has to be a lower-case word')

/** The parts of a score, each of which a tenant can switch off. */
export const PARTS = ['network', 'text', 'lexical', 'wide', 'narrow', 'popular', 'recent', 'fresh', 'again'] as const

/** The longest attribution window that can be set. */
export const MAX_WINDOW_HOURS = 720

const ValueReading = z
  .strictObject({
    lowBelow: z.number().optional().meta({
      description: 'An event of a lower value counts for nothing and is never predicted, as if its type were negative.',
    }),
    highFrom: z.number().optional().meta({ description: 'An event of this value or a higher one counts twice.' }),
  })
  .refine(({ lowBelow, highFrom }) => lowBelow !== undefined || highFrom !== undefined, 'needs lowBelow or highFrom')
  .refine(({ lowBelow = -Infinity, highFrom = Infinity }) => lowBelow <= highFrom, 'has a lowBelow above its highFrom')
  .meta({
    id: 'ValueReading',
    description:
      'How the value of an event decides what it says. An event without a value, or with one in between, says what its type says.',
  })

const EventTypeSetting = z
  .strictObject({
    weight: z
      .number()
      .min(0)
      .max(100)
      .meta({ description: 'How much one event of this type says, beside one of weight 1.' }),
    meaning: z.enum(['positive', 'neutral', 'negative']).meta({
      description:
        'positive: what the recommender counts and tries to predict; neutral: the same by its weight, 0 keeps it on record only; negative: never predicted, counted or taken for a wish.',
    }),
    value: ValueReading.optional(),
  })
  .refine(({ meaning, value }) => value === undefined || meaning === 'positive', {
    path: ['value'],
    message: 'is for positive types only',
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

const Guard = z
  .strictObject({
    metric: z.enum(['clicks', 'conversions']).default('clicks'),
    holdback: z.number().min(0.01).max(0.5).default(0.1).meta({
      description: 'The share of users who stay with what was served before, to be compared with.',
    }),
    days: z.number().min(1).max(30).default(7).meta({ description: 'For how long after a promotion.' }),
    maxDrop: z.number().min(0).max(0.9).default(0).meta({
      description:
        'What is tolerated: 0.1 rolls back a version whose rate is significantly below nine tenths of the old one’s.',
    }),
  })
  .nullable()
  .default(null)
  .meta({
    description:
      'Rolls a freshly promoted version back, once, when its rate an impression falls significantly below that of the users who stayed with the old version. `{}` switches it on; null: off.',
  })

const Attribution = z
  .strictObject({
    windowHours: z.number().int().min(1).max(MAX_WINDOW_HOURS).default(24).meta({
      description:
        'For how long after an answer an event that carries its `recommendationId` is attributed to it. Figures of answers younger than this still grow.',
    }),
    conversions: z.array(EventTypeName).max(100).default(['purchase']).meta({
      description: 'Types of events that are conversions. Events with a negative meaning, by type or value, never are.',
    }),
    clicks: z.array(EventTypeName).max(100).nullable().default(null).meta({
      description:
        'Types of events that are clicks. null: every type of positive meaning that is no conversion (view, read, cart, like, and those that no setting names). Events with a negative meaning, by type or value, never are.',
    }),
  })
  .prefault({})
  .meta({
    description:
      'How events that carry a `recommendationId` are counted for the answer: each item of it at most once as a click and once as a conversion.',
  })

/**
 * Five or six fields, or null. In a merge patch null takes a field back to its default, which here is a schedule: there a
 * word says that there be none.
 */
const Schedule = z
  .preprocess(
    (value) => (value === 'never' ? null : value),
    z.string().max(100).refine(isCron, 'is not a cron expression').nullable(),
  )
  .default('0 3 * * *')
  .meta({
    description:
      'When to look whether a training is due: a cron expression in UTC. Null: only on request; in a PATCH, where null takes a field back to its default, "never" says so.',
  })

/** What a tenant can set. Every field has a default, so `{}` is a whole setting. */
export const Settings = z
  .strictObject({
    // One byte holds a type where there are many events; place 0 is that of the unnamed ones.
    eventTypes: z
      .record(EventTypeName, EventTypeSetting)
      .refine((types) => namedRows(types).length <= 255, 'has more than 255 names, with those of low and high values')
      .default({
        purchase: { weight: 1, meaning: 'positive' },
        // By the contract the value of a read is the portion: opened and left is no wish.
        read: { weight: 1, meaning: 'positive', value: { lowBelow: 0.1 } },
        rating: { weight: 1, meaning: 'positive' },
        like: { weight: 1, meaning: 'positive' },
        cart: { weight: 0.7, meaning: 'positive' },
        view: { weight: 0.3, meaning: 'positive' },
        impression: { weight: 0, meaning: 'neutral' },
        remove: { weight: 0.5, meaning: 'negative' },
        dislike: { weight: 1, meaning: 'negative' },
      })
      .meta({
        description:
          'What an event of each type says. One of a type that is not named here counts as positive, with a weight of 0.5.',
      }),
    hideAfter: z.array(EventTypeName).max(100).default(['purchase', 'read', 'rating', 'dislike']).meta({
      description:
        'An item that a user had an event of such a type with, whatever its value, is not recommended to that user again.',
    }),
    training: z
      .strictObject({
        schedule: Schedule,
        minNewEvents: z.number().int().min(1).max(1_000_000_000).default(1000).meta({
          description: 'Fewer new events than this since the last training are no reason for another one.',
        }),
        minIntervalMinutes: z.number().int().min(0).max(525_600).default(60).meta({
          description: 'So long after the last run the schedule starts none.',
        }),
        historyDays: z.number().int().min(1).max(36_500).default(730).meta({
          description: 'How far back from the newest event a run reads.',
        }),
        autoPromote: z.boolean().default(true).meta({
          description: 'Serve a version that passed the gate at once; otherwise it waits for `promote`.',
        }),
        onDrift: z.enum(['never', 'moderate', 'strong']).default('never').meta({
          description:
            'Train beside the schedule too, once events, catalogue or scores have drifted as far from the training window of the version that is served: at most once in 7 days, and as `minNewEvents` and `minIntervalMinutes` say.',
        }),
        guard: Guard,
        without: z.array(z.enum(PARTS)).max(PARTS.length).default([]).meta({
          description:
            'Parts that a blend may not have: network (the sequence model; none is trained then), text (how near the texts are), lexical (words in common), wide and narrow (what goes with or follows what), popular, recent (popular lately), fresh (new items), again (what the user had before). From the next training on, and at once where the base is served.',
        }),
      })
      .prefault({}),
    retentionDays: z.number().int().min(1).max(36_500).nullable().default(null).meta({
      description: 'Events and recommendations older than this are deleted. Null: all are kept.',
    }),
    quotas: z
      .strictObject({
        eventsPerSecond: z.number().int().min(1).max(10_000_000).default(20_000),
        items: z.number().int().min(1).max(100_000_000).default(1_000_000),
        requestsPerSecond: z.number().int().min(1).max(1_000_000).default(1000),
        trainingRunsPerDay: z.number().int().min(1).max(1_000_000).default(100).meta({
          description:
            'Past so many within a day none is started on request; those of the schedule and of drift have rules of their own.',
        }),
      })
      .prefault({})
      .meta({ description: 'What is past them is refused with 429 and a time to come back.' }),
    impressions: z.enum(['served', 'explicit']).default('served').meta({
      description:
        'served: an answer counts as an impression of each of its items; explicit: only events of type `impression` that carry its `recommendationId` do. For the answers that are made from then on.',
    }),
    attribution: Attribution,
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

/** An event type as a row of a table; only the row of the plain type says how to read values. */
interface TypeRow extends EventTypeSetting {
  name: string
}

// No type that a tenant names holds a colon.
const LOW = ':low'
const HIGH = ':high'
const HIGH_FACTOR = 2

/**
 * The event types of a tenant as a table: a type's place in it is what the recommender sees. Place 0, `*`, is every type
 * that no setting names. A type that is read by value has further rows, `rating:low` and `rating:high`.
 */
export function eventTypeTable(settings: Settings): TypeRow[] {
  return [{ name: '*', ...UNNAMED_EVENT_TYPE }, ...namedRows(settings.eventTypes)]
}

function namedRows(types: Record<string, EventTypeSetting>): TypeRow[] {
  const named = Object.entries(types).sort(([a], [b]) => (a < b ? -1 : 1))
  return named.flatMap(([name, setting]) => {
    const { weight, value } = setting
    const rows: TypeRow[] = [{ name, ...setting }]
    if (value?.highFrom !== undefined)
      rows.push({ name: name + HIGH, weight: HIGH_FACTOR * weight, meaning: 'positive' })
    if (value?.lowBelow !== undefined) rows.push({ name: name + LOW, weight: 0, meaning: 'negative' })
    return rows
  })
}

/**
 * Reads events by a table of event types: the place of an event of this type and value. Training and serving both go
 * through it, a version by the table that it was trained with.
 */
export function typeReader(types: TypeRow[]): (type: string, value: number | null) => number {
  // A place is kept in one byte.
  const places = new Map(types.slice(0, 256).map(({ name }, place) => [name, place]))
  return (type, value) => {
    const plain = places.get(type) ?? 0
    if (value === null) return plain
    const { lowBelow = -Infinity, highFrom = Infinity } = types[plain].value ?? {}
    if (value < lowBelow) return places.get(type + LOW) ?? plain
    return value >= highFrom ? (places.get(type + HIGH) ?? plain) : plain
  }
}

/** The type, as tenants name it, that a row of the table is of. */
export const plainType = (name: string): string => name.replace(/:(low|high)$/, '')
export const isLow = (name: string): boolean => name.endsWith(LOW)
export const isHigh = (name: string): boolean => name.endsWith(HIGH)
