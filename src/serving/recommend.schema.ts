import { z } from 'zod'
import { Id, text, Timestamp } from '../platform/schema.js'
import { EventTypeName } from '../tenants/settings.js'
import { Filter } from './filter.js'

export const MAX_COUNT = 500
/** Far past what any model looks back on: a longer list is a mistake. */
const MAX_HISTORY = 1000
const MAX_RANKED = 1000

export const SOURCES = ['fine-tuned', 'base', 'trending', 'popular'] as const
export type Source = (typeof SOURCES)[number]

const PROPERTIES = [
  'title',
  'description',
  'categories',
  'attributes',
  'url',
  'imageUrl',
  'price',
  'available',
  'publishedAt',
  'expiresAt',
] as const
export type Property = (typeof PROPERTIES)[number]

const Count = z.number().int().min(1).max(MAX_COUNT)
const Share = z.number().min(0).max(1)

const HistoryEntry = z.union([
  Id,
  z.strictObject({
    itemId: Id,
    type: EventTypeName.optional(),
    value: z.number().optional(),
    occurredAt: Timestamp.optional(),
  }),
])
const History = z.array(HistoryEntry).max(MAX_HISTORY)
export type HistoryEntry = z.output<typeof HistoryEntry>

const SessionId = text(256).min(1).optional().meta({
  description: 'Without `userId` and `history`, the events that carry this `sessionId` are the history.',
})

const Boost = z.strictObject({ filter: Filter, weight: z.number().min(0).max(1000) })

/** What a scenario may set and a request may override. */
export const Options = z
  .strictObject({
    count: Count.optional(),
    filter: Filter.optional(),
    boost: z.array(Boost).max(50).optional(),
    excludeItemIds: z.array(Id).max(MAX_RANKED).optional(),
    excludeSeen: z.boolean().optional().meta({
      description:
        'true hides every item of the history, false none; without it the event types of the setting hideAfter decide, and items of `history` without a type are hidden.',
    }),
    diversity: Share.optional().meta({
      description: '0 ranks by score alone, 1 takes what is least like the items before it.',
    }),
    freshness: Share.optional().meta({
      description: '0 leaves the rank score as it is, 1 ranks by age alone: score^(1-freshness) · recency^freshness.',
    }),
    explain: z.boolean().optional(),
    returnProperties: z
      .union([z.boolean(), z.array(z.enum(PROPERTIES)).max(PROPERTIES.length)])
      .optional()
      .meta({ description: 'Fields of the item to send along; true: all.' }),
  })
  .meta({ id: 'RecommendationOptions' })
export type Options = z.output<typeof Options>

export const RecommendationRequest = Options.extend({
  userId: Id.optional(),
  sessionId: SessionId,
  history: History.optional().meta({ description: 'Of a visitor without an account; used for this answer only.' }),
  scenario: Id.optional(),
}).meta({ id: 'RecommendationRequest' })
export type RecommendationRequest = z.output<typeof RecommendationRequest>

export const RankingRequest = z
  .strictObject({
    userId: Id.optional(),
    sessionId: SessionId,
    history: History.optional(),
    itemIds: z.array(Id).min(1).max(MAX_RANKED),
    explain: z.boolean().optional(),
  })
  .meta({ id: 'RankingRequest' })
export type RankingRequest = z.output<typeof RankingRequest>

const QueryCount = z.coerce.number().int().min(1).max(MAX_COUNT).default(10)
export const CountQuery = z.object({ count: QueryCount })
export const UserQuery = z.object({ count: QueryCount.unwrap().optional(), scenario: Id.optional() })
export const TrendingQuery = z.object({
  count: QueryCount,
  hours: z.coerce.number().positive().max(8760).optional().meta({
    description:
      'Counts the events of that many hours; without it newer events weigh more, by the half-life of the model.',
  }),
})

const date = z
  .date()
  .nullable()
  .meta({ override: { type: ['string', 'null'], format: 'date-time' } })
const Properties = z
  .object({
    title: z.string().nullable(),
    description: z.string().nullable(),
    categories: z.array(z.string()),
    attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
    url: z.string().nullable(),
    imageUrl: z.string().nullable(),
    price: z.number().nullable(),
    available: z.boolean(),
    publishedAt: date,
    expiresAt: date,
  })
  .partial()

export const Recommendation = z
  .object({
    itemId: z.string(),
    score: z.number(),
    source: z.enum(SOURCES),
    reason: z.object({ because: z.array(z.object({ itemId: z.string(), weight: z.number() })) }).optional(),
    properties: Properties.optional(),
  })
  .meta({ id: 'Recommendation' })
export type Recommendation = z.output<typeof Recommendation>

export const Answer = z
  .object({
    recommendationId: z.string(),
    modelVersion: z.string().meta({ description: "A model version's id, or 'base' before any is promoted." }),
    source: z.enum(SOURCES),
    items: z.array(Recommendation),
    experiment: z.object({ id: z.string(), arm: z.string() }).optional().meta({
      description:
        'The experiment that the answer counts for. Absent where it is in none, or could not be served as its arm says.',
    }),
  })
  .meta({ id: 'Recommendations' })
export type Answer = z.output<typeof Answer>

export const RankingAnswer = Answer.extend({
  unknownItemIds: z.array(z.string()).meta({ description: 'Asked for, but not in the catalogue.' }),
}).meta({ id: 'Ranking' })
