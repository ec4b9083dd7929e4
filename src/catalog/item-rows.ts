import type { Sql } from '../platform/database.js'
import type { Accepted, CatalogItem, Item, ItemView } from './item.js'
import { fromBytes, toBytes } from './item-vectors.js'

/** One change of one item; null deletes it. */
export interface ItemChange {
  itemId: string
  item: Item | null
}

const CONTENT = [
  'title',
  'description',
  'categories',
  'attributes',
  'embedding',
  'url',
  'image_url',
  'price',
  'available',
  'published_at',
  'expires_at',
  'vector',
]
const columnsOf = (table: string) => CONTENT.map((column) => `${table}.${column}`).join(', ')

/** A row that would stay as it is is not written: a batch that is sent again changes nothing. */
const UPSERT = `
  INSERT INTO items (tenant_id, item_id, ${CONTENT.join(', ')})
  SELECT $1, r.item_id, r.title, r.description, r.categories, r.attributes, decode(r.embedding, 'base64'), r.url,
    r.image_url, r.price, r.available, r.published_at, r.expires_at, decode(r.vector, 'base64')
  FROM json_to_recordset($2::json) AS r (item_id text, title text, description text, categories text[],
    attributes jsonb, embedding text, url text, image_url text, price double precision, available boolean,
    published_at timestamptz, expires_at timestamptz, vector text)
  ON CONFLICT (tenant_id, item_id) DO UPDATE SET
    ${CONTENT.map((column) => `${column} = excluded.${column}`).join(', ')},
    created_at = CASE WHEN items.deleted_at IS NULL THEN items.created_at ELSE now() END,
    updated_at = now(), deleted_at = NULL, changed_in = pg_current_xact_id()
  WHERE items.deleted_at IS NOT NULL OR (${columnsOf('items')}) IS DISTINCT FROM (${columnsOf('excluded')})`

const REMOVE = `
  UPDATE items SET title = NULL, description = NULL, categories = '{}', attributes = '{}', embedding = NULL, url = NULL,
    image_url = NULL, price = NULL, available = false, published_at = NULL, expires_at = NULL, vector = NULL,
    updated_at = now(), deleted_at = now(), changed_in = pg_current_xact_id()
  WHERE tenant_id = $1 AND item_id = ANY($2) AND deleted_at IS NULL`

/**
 * Writes changes of items, at most one for each, in the caller's transaction.
 * @param vectors text vectors by item id
 */
export async function writeItems(
  sql: Sql,
  tenantId: string,
  changes: ItemChange[],
  vectors: Map<string, Float32Array | null>,
): Promise<void> {
  // Always in the same order, so that two batches with the same items wait for each other instead of locking up.
  const sorted = [...changes].sort((a, b) => (a.itemId < b.itemId ? -1 : 1))
  const rows = sorted.flatMap(({ item }) => (item ? [toRow(item, vectors.get(item.itemId) ?? null)] : []))
  const gone = sorted.filter(({ item }) => item === null).map(({ itemId }) => itemId)
  if (rows.length > 0) await sql.execute(UPSERT, [tenantId, JSON.stringify(rows)])
  if (gone.length > 0) await sql.execute(REMOVE, [tenantId, gone])
}

function toRow(item: Item, vector: Float32Array | null) {
  return {
    item_id: item.itemId,
    title: item.title,
    description: item.description,
    categories: item.categories ?? [],
    attributes: item.attributes ?? {},
    embedding: item.embedding && toBytes(Float32Array.from(item.embedding)).toString('base64'),
    url: item.url,
    image_url: item.imageUrl,
    price: item.price,
    available: item.available ?? true,
    published_at: item.publishedAt,
    expires_at: item.expiresAt,
    vector: vector && toBytes(vector).toString('base64'),
  }
}

const SHOWN = `i.item_id AS "itemId", i.title, i.description, i.categories, i.attributes, i.url, i.image_url AS "imageUrl",
  i.price, i.available, i.published_at AS "publishedAt", i.expires_at AS "expiresAt"`

/** Columns of a `CatalogRow`; `i` is items and `t` the tenant, both read in the same statement. */
const CATALOG_COLUMNS = `${SHOWN}, i.created_at AS "createdAt", i.deleted_at IS NOT NULL AS deleted,
  CASE WHEN t.embedding_length IS NULL THEN i.vector ELSE i.embedding END AS vector,
  extract(epoch FROM i.updated_at)::float8 * 1000 AS "acceptedAt",
  extract(epoch FROM clock_timestamp() - i.updated_at)::float8 AS age`

export type CatalogRow = Omit<CatalogItem, 'vector'> & { vector: Buffer | null; acceptedAt: number; age: number }
export function splitRow({ vector, acceptedAt, age, ...item }: CatalogRow): { item: CatalogItem; accepted: Accepted } {
  return { item: { ...item, vector: vector && fromBytes(vector) }, accepted: { at: acceptedAt, age } }
}

/** All items that are there, or with a horizon in `$2` all that changed at or past it, deleted ones too. */
export const changedItems = (since: boolean) => `SELECT ${CATALOG_COLUMNS} FROM items i
  JOIN tenants t ON t.tenant_id = i.tenant_id
  WHERE i.tenant_id = $1 AND ${since ? 'i.changed_in >= $2::xid8' : 'i.deleted_at IS NULL'}`

type ShownRow = Omit<CatalogItem, 'vector' | 'deleted' | 'createdAt'> & { embedding?: Buffer | null }

export async function readItem(sql: Sql, tenantId: string, itemId: string): Promise<ItemView | undefined> {
  const [row] = await sql.query<ShownRow>(
    `SELECT ${SHOWN}, i.embedding FROM items i WHERE i.tenant_id = $1 AND i.item_id = $2 AND i.deleted_at IS NULL`,
    [tenantId, itemId],
  )
  return row && toView(row)
}

/** In the order of their ids, after one of them. */
export async function readItems(sql: Sql, tenantId: string, after: string | null, limit: number): Promise<ItemView[]> {
  const rows = await sql.query<ShownRow>(
    `SELECT ${SHOWN} FROM items i WHERE i.tenant_id = $1 AND i.deleted_at IS NULL AND ($2::text IS NULL OR i.item_id > $2)
     ORDER BY i.item_id LIMIT $3`,
    [tenantId, after, limit],
  )
  return rows.map(toView)
}

/** What was never sent is left out again. */
function toView(row: ShownRow): ItemView {
  const { embedding, categories, attributes, available, itemId, ...rest } = row
  const told = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return {
    itemId,
    ...told,
    ...(categories.length > 0 && { categories }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
    ...(embedding && { embedding: [...fromBytes(embedding)] }),
    available,
  }
}
