import type { Sql } from './database.js'

/**
 * Of many tenants at once, whether any row of a table was written in a transaction at or past the one that is given.
 * @param column of the table, indexed after `tenant_id` @returns in the order of `reads`
 */
export async function anyPast(
  sql: Sql,
  table: string,
  column: string,
  reads: { tenantId: string; horizon: string }[],
): Promise<boolean[]> {
  const rows = await sql.query<{ any: boolean }>(
    `SELECT EXISTS (SELECT FROM ${table} t WHERE t.tenant_id = r.tenant_id AND t.${column} >= r.horizon) AS any
     FROM unnest($1::text[], $2::xid8[]) WITH ORDINALITY AS r (tenant_id, horizon, place) ORDER BY r.place`,
    [reads.map(({ tenantId }) => tenantId), reads.map(({ horizon }) => horizon)],
  )
  return rows.map(({ any }) => any)
}
