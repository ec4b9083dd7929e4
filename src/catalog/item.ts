import { z } from 'zod'
import { Id, text, Timestamp } from '../platform/schema.js'

const MAX_EMBEDDING = 4096
const MAX_ATTRIBUTES = 256
/** Attributes are kept in memory where they are filtered by. */
const MAX_ATTRIBUTES_CHARACTERS = 64 * 1024

const AttributeValue = z.union([text(4096), z.number(), z.boolean(), z.array(text(1024)).max(256)])
export type AttributeValue = z.infer<typeof AttributeValue>

const Attributes = z
  .record(text(256).min(1), AttributeValue)
  .refine((value) => Object.keys(value).length <= MAX_ATTRIBUTES, `has more than ${MAX_ATTRIBUTES} attributes`)
  .refine(
    (value) => JSON.stringify(value).length <= MAX_ATTRIBUTES_CHARACTERS,
    `is larger than ${MAX_ATTRIBUTES_CHARACTERS} characters as JSON`,
  )

/** Vectors are kept as float32. */
const isFloat32 = (value: number) => Number.isFinite(Math.fround(value))

/** One item as a tenant sends it. An upsert replaces the whole item: a field that is left out is gone. */
export const Item = z
  .strictObject({
    itemId: Id,
    title: text(2000).optional(),
    description: text(50_000).optional(),
    categories: z.array(text(256).min(1)).max(100).optional(),
    attributes: Attributes.optional(),
    embedding: z.array(z.number().refine(isFloat32, 'does not fit float32')).min(1).max(MAX_EMBEDDING).optional(),
    url: text(4096).optional(),
    imageUrl: text(4096).optional(),
    price: z.number().optional(),
    available: z.boolean().optional().meta({ default: true }),
    publishedAt: Timestamp.optional(),
    expiresAt: Timestamp.optional(),
  })
  .meta({ id: 'Item' })
export type Item = z.output<typeof Item>

const Moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })

/** An item as it is shown: what was sent, so that it can be sent again. Lists leave out `embedding`. */
export const ItemView = z
  .object({ ...Item.shape, available: z.boolean(), publishedAt: Moment.optional(), expiresAt: Moment.optional() })
  .meta({ id: 'ItemView' })
export type ItemView = z.output<typeof ItemView>

/** When a change of an item was accepted. */
export interface Accepted {
  /** Milliseconds since 1970; the same for the same change. */
  at: number
  /** Seconds since then, by the database's clock when it was read. */
  age: number
}

/** What people see of an item. */
export type ItemFace = Pick<
  CatalogItem,
  'title' | 'imageUrl' | 'url' | 'categories' | 'price' | 'available' | 'publishedAt' | 'expiresAt'
>

/** An item as other rooms read it. */
export interface CatalogItem {
  itemId: string
  title: string | null
  description: string | null
  categories: string[]
  attributes: Record<string, AttributeValue>
  url: string | null
  imageUrl: string | null
  price: number | null
  available: boolean
  publishedAt: Date | null
  expiresAt: Date | null
  /** When the item was first accepted. */
  createdAt: Date
  /** The item is gone; everything but its id is empty. */
  deleted: boolean
  /**
   * The raw text vector; for a tenant that brings its own vectors that of the item. Null where the item has none, so
   * that all vectors of one tenant have the same length, until the tenant's first own vector changes it.
   */
  vector: Float32Array | null
}
