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
