import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { anyPast } from '../platform/past.js'
import { Database, type Reads } from '../platform/database.js'
import { notFound } from '../platform/errors.js'
import { sqlState, storeByHalving } from '../platform/halving.js'
import { Metrics } from '../platform/metrics.js'
import { decodeCursor, Id, parseEntries, type Rejection, toPage } from '../platform/schema.js'
import { QuotaHits } from '../tenants/quota-hits.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { type Accepted, type CatalogItem, Item, type ItemFace, type ItemView } from './item.js'
import {
  type CatalogRow,
  changedItems,
  type ItemChange,
  readItem,
  readItems,
  splitRow,
  writeItems,
} from './item-rows.js'
import { textVectors } from './item-vectors.js'

/** A change with its place in the batch. */
export type PlacedChange = ItemChange & { index: number }

const PAGE = 1000
/** Where a catalogue has vectors at all, one of so many items has one. */
const LOOKED_AT_FOR_VECTORS = 1000
/** How long a tenant's number of items is taken for known while it is far from the quota. */
const COUNT_MS = 30_000

/** The items of the tenants. */
@Injectable()
export class ItemsService {
  /** At least as many items as the tenant has, and until when that is worth believing. */
  private readonly counts = new Map<string, { atMost: number; until: number }>()
  /** The end of the last write of each tenant that has one going on. */
  private readonly turns = new Map<string, Promise<unknown>>()
  private readonly written
  private readonly refused

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(QuotaHits) private readonly quotaHits: QuotaHits,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {
    this.written = metrics.counter('attune_items_accepted_total', 'Items that were added, replaced or deleted', [
      'tenant',
    ])
    this.refused = metrics.counter('attune_items_rejected_total', 'Items of a batch that were refused, by code', [
      'tenant',
      'code',
    ])
  }

  /**
   * Adds or replaces items; each entry on its own. Of two entries with the same id the later one holds.
   * @param entries as they came, at most 1000
   * @throws AppError BATCH_TOO_LARGE (413)
   */
  async upsert(tenantId: string, entries: unknown[]): Promise<{ accepted: number; rejected: Rejection[] }> {
    const { good, rejected } = parseEntries(entries, Item, 'INVALID_ITEM')
    const refused = await this.apply(
      tenantId,
      good.map(({ index, value }) => ({ index, itemId: value.itemId, item: value })),
    )
    if (rejected.length > 0) this.count(tenantId, 0, rejected)
    const all = [...rejected, ...refused].sort((a, b) => a.index - b.index)
    return { accepted: entries.length - all.length, rejected: all }
  }

  /**
   * Writes parsed changes, of any number; of two changes of one item the later one holds.
   * @returns those that could not be written: over the quota, a vector of another length, refused by the database
   * @throws AppError NOT_FOUND where the tenant is gone
   */
  async apply(tenantId: string, changes: PlacedChange[]): Promise<Rejection[]> {
    // One at a time here: two batches that are counted at once would both find room for the last items of the quota.
    const mine = (this.turns.get(tenantId) ?? Promise.resolve()).then(() => this.applyNow(tenantId, changes))
    const end = mine.catch(() => undefined)
    this.turns.set(tenantId, end)
    void end.then(() => {
      if (this.turns.get(tenantId) === end) this.turns.delete(tenantId)
    })
    return mine
  }

  private async applyNow(tenantId: string, changes: PlacedChange[]): Promise<Rejection[]> {
    const { settings } = await this.tenants.get(tenantId)
    const rejected = new Map<number, Rejection>()
    const reject = (index: number, code: string, reason: string) => rejected.set(index, { index, code, reason })

    const surplus = await this.surplus(tenantId, changes, settings.quotas.items)
    if (surplus.size > 0) this.quotaHits.add(tenantId, 'items', surplus.size)
    for (const { index, itemId } of changes.filter((change) => change.item && surplus.has(change.itemId)))
      reject(
        index,
        'ITEM_QUOTA_EXCEEDED',
        `This tenant may have ${settings.quotas.items} items: no room for '${itemId}'.`,
      )

    const length = await this.embeddingLength(
      tenantId,
      changes.find(({ index, item }) => item?.embedding && !rejected.has(index))?.item?.embedding?.length,
    )
    for (const { index, item } of changes)
      if (item?.embedding && item.embedding.length !== length && !rejected.has(index))
        reject(
          index,
          'EMBEDDING_LENGTH',
          `embedding: has ${item.embedding.length} numbers; those of this tenant have ${length}`,
        )

    const last = new Map<string, PlacedChange>()
    for (const change of changes) if (!rejected.has(change.index)) last.set(change.itemId, change)
    await this.write(tenantId, [...last.values()], (index) =>
      reject(index, 'REFUSED', 'The database does not take this item.'),
    )
    this.count(tenantId, changes.length - rejected.size, [...rejected.values()])
    return [...rejected.values()]
  }

  /** @throws AppError NOT_FOUND */
  async get(tenantId: string, itemId: string): Promise<ItemView> {
    const item = await this.database.inTenant(tenantId, (sql) => readItem(sql, tenantId, itemId))
    if (!item) throw notFound('item', itemId)
    return item
  }

  /** What people see of items; those that are not there are missing. */
  async faces(tenantId: string, itemIds: string[]): Promise<Map<string, ItemFace>> {
    const rows = await this.database.query<ItemFace & { itemId: string }>(
      tenantId,
      `SELECT item_id AS "itemId", title, image_url AS "imageUrl", url, categories, price, available,
         published_at AS "publishedAt", expires_at AS "expiresAt" FROM items
       WHERE tenant_id = $1 AND item_id = ANY ($2) AND deleted_at IS NULL`,
      [tenantId, itemIds],
    )
    return new Map(rows.map(({ itemId, ...face }) => [itemId, face]))
  }

  /** In the order of their ids; without embeddings. */
  async list(tenantId: string, limit: number, cursor?: string) {
    const [after] = decodeCursor(cursor, z.tuple([Id])) ?? []
    const rows = await this.database.inTenant(tenantId, (sql) => readItems(sql, tenantId, after ?? null, limit + 1))
    return toPage(rows, limit, (last) => [last.itemId])
  }

  /** Clears an item and marks it as gone; one that is not there stays so. */
  async remove(tenantId: string, itemId: string): Promise<void> {
    await this.apply(tenantId, [{ index: 0, itemId, item: null }])
  }

  /**
   * Reads what changed since an earlier call, in pages, at constant memory. A change may be given twice, never left out.
   * @param horizon what the earlier call returned; null: every item that is not deleted
   * @returns the horizon for the next call
   */
  async changesSince(
    tenantId: string,
    horizon: string | null,
    onPage: (items: CatalogItem[], accepted: Accepted[]) => void | Promise<void>,
    reads: Reads = this.database,
  ): Promise<string> {
    return reads.inTenant(tenantId, async (sql) => {
      // Before the rows are read: what commits in between belongs to the next call too.
      const [{ next }] = await sql.query<{ next: string }>(
        'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS next',
      )
      const since = horizon !== null
      await sql.execute(
        `DECLARE changes NO SCROLL CURSOR FOR ${changedItems(since)}`,
        since ? [tenantId, horizon] : [tenantId],
      )
      for (;;) {
        const rows = (await sql.query<CatalogRow>(`FETCH ${PAGE} FROM changes`)).map(splitRow)
        if (rows.length > 0)
          await onPage(
            rows.map(({ item }) => item),
            rows.map(({ accepted }) => accepted),
          )
        if (rows.length < PAGE) return next
      }
    })
  }

  /** Of many reads by `changesSince` at once: whether one from that horizon on would give anything. */
  changedPast(reads: { tenantId: string; horizon: string }[]): Promise<boolean[]> {
    return this.database.asSystem((sql) => anyPast(sql, 'items', 'changed_in', reads))
  }

  /** How many items there are, and how many of them have a vector, of their text or the tenant's own. */
  async summary(tenantId: string): Promise<{ items: number; itemsWithText: number }> {
    const [row] = await this.database.query<{ items: number; itemsWithText: number }>(
      tenantId,
      `SELECT live.count AS items, live.count - bare.count AS "itemsWithText"
       FROM (SELECT count(*)::integer AS count FROM items WHERE tenant_id = $1 AND deleted_at IS NULL) live,
         (SELECT count(*)::integer AS count FROM items WHERE tenant_id = $1 AND deleted_at IS NULL
           AND vector IS NULL AND embedding IS NULL) bare`,
      [tenantId],
    )
    return row
  }

  /** Of many tenants at once, those with an item that has a vector. */
  async withVectors(tenantIds: string[]): Promise<Set<string>> {
    const rows = await this.database.asSystem((sql) =>
      sql.query<{ id: string }>(
        `SELECT t.id FROM unnest($1::text[]) AS t (id) WHERE EXISTS (
           SELECT FROM (SELECT vector, embedding FROM items WHERE tenant_id = t.id AND deleted_at IS NULL
             LIMIT ${LOOKED_AT_FOR_VECTORS}) some_items
           WHERE vector IS NOT NULL OR embedding IS NOT NULL)`,
        [tenantIds],
      ),
    )
    return new Set(rows.map(({ id }) => id))
  }

  private count(tenantId: string, accepted: number, rejections: Rejection[]) {
    const tenant = this.metrics.tenantLabel(tenantId, accepted + rejections.length)
    this.written.inc({ tenant }, accepted)
    for (const { code } of rejections) this.refused.inc({ tenant, code })
  }

  private async write(tenantId: string, changes: PlacedChange[], onRefused: (index: number) => void) {
    const items = changes.flatMap(({ item }) => (item ? [item] : []))
    const encoded = await textVectors(items)
    const vectors = new Map(items.map((item, i) => [item.itemId, encoded[i]]))
    const store = (part: PlacedChange[]) =>
      this.database
        .inTenant(tenantId, (sql) => writeItems(sql, tenantId, part, vectors))
        .catch((error: unknown) => {
          // The only foreign key of the table.
          throw sqlState(error) === '23503' ? notFound('tenant', tenantId) : error
        })
    await storeByHalving(changes, store, ({ index }) => onRefused(index))
  }

  /** The length that own vectors have to have; the first one that comes fixes it. */
  private async embeddingLength(tenantId: string, first: number | undefined): Promise<number | null> {
    if (first === undefined) return null
    const { embeddingLength } = await this.tenants.get(tenantId)
    return embeddingLength ?? this.tenants.fixEmbeddingLength(tenantId, first)
  }

  /** The ids among the changes that are new and for which the quota has no room. Counts only when it has to. */
  private async surplus(tenantId: string, changes: ItemChange[], quota: number): Promise<Set<string>> {
    const ids = [...new Set(changes.filter(({ item }) => item).map(({ itemId }) => itemId))]
    if (ids.length === 0) return new Set()
    const known = this.counts.get(tenantId)
    if (known && known.until > Date.now() && known.atMost + ids.length <= quota) {
      known.atMost += ids.length
      return new Set()
    }
    const [row] = await this.database.query<{ count: number; present: string[] }>(
      tenantId,
      `SELECT (SELECT count(*) FROM items WHERE tenant_id = $1 AND deleted_at IS NULL)::integer AS count,
         ARRAY(SELECT item_id FROM items WHERE tenant_id = $1 AND item_id = ANY($2) AND deleted_at IS NULL) AS present`,
      [tenantId, ids],
    )
    const present = new Set(row.present)
    const fresh = ids.filter((id) => !present.has(id))
    const room = Math.max(0, quota - row.count)
    if (this.counts.size > 100_000) this.counts.clear()
    this.counts.set(tenantId, { atMost: row.count + Math.min(room, fresh.length), until: Date.now() + COUNT_MS })
    return new Set(fresh.slice(room))
  }
}
