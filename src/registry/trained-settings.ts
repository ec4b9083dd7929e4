import type { Sql } from '../platform/database.js'

/** The settings that a version was trained by, as its report keeps them; null: it is gone, or older than such reports. */
export async function trainedSettings(sql: Sql, tenantId: string, versionId: string): Promise<unknown> {
  const [row] = await sql.query<{ settings: unknown }>(
    `SELECT report->'settings' AS settings FROM model_versions WHERE tenant_id = $1 AND version_id = $2`,
    [tenantId, versionId],
  )
  return row?.settings ?? null
}
