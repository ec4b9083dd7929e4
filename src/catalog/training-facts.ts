import type { Sql } from '../platform/database.js'

/** Items in the catalogue, counted up to `most`. */
export async function itemsUpTo(sql: Sql, tenantId: string, most: number): Promise<number> {
  const [{ count }] = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM (SELECT 1 FROM items WHERE tenant_id = $1 AND deleted_at IS NULL LIMIT $2) some_rows`,
    [tenantId, most],
  )
  return count
}

/** Whether an item changed that a snapshot (`pg_current_snapshot()::text` of an earlier reader) did not show. */
export async function hasItemsPast(sql: Sql, tenantId: string, snapshot: string): Promise<boolean> {
  const rows = await sql.query(
    `SELECT 1 FROM items WHERE tenant_id = $1 AND changed_in >= pg_snapshot_xmin($2::pg_snapshot)
       AND NOT pg_visible_in_snapshot(changed_in, $2::pg_snapshot) LIMIT 1`,
    [tenantId, snapshot],
  )
  return rows.length > 0
}

/** Items that came and went. */
export interface Turnover {
  tenantId: string
  added: number
  gone: number
}

/**
 * Of many tenants at once, each since data were read: what is there and was made since then, and what was there and is gone.
 * Looks only at items that changed since the snapshot (`pg_current_snapshot()::text` of the reader).
 */
export async function turnoverSince(
  sql: Sql,
  reads: { tenantId: string; snapshot: string; readAt: string }[],
): Promise<Turnover[]> {
  return sql.query<Turnover>(
    `SELECT r."tenantId", i.added, i.gone
     FROM jsonb_to_recordset($1::jsonb) AS r ("tenantId" text, snapshot pg_snapshot, "readAt" timestamptz)
     CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE deleted_at IS NULL AND created_at >= r."readAt")::float8 AS added,
         count(*) FILTER (WHERE deleted_at IS NOT NULL AND created_at < r."readAt")::float8 AS gone
       FROM items WHERE tenant_id = r."tenantId" AND changed_in >= pg_snapshot_xmin(r.snapshot)) i`,
    [JSON.stringify(reads)],
  )
}
