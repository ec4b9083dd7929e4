import type { Sql } from '../platform/database.js'
import type { Baseline } from './version-report.js'

/** What a tenant's data are compared with. */
export interface ServedBaseline {
  tenantId: string
  /** The version that the tenant is served by. */
  versionId: string
  /** When the tenant's first version was made. */
  firstMadeAt: Date
  /** Null in versions made before it was kept. */
  baseline: Baseline | null
}

/** Of those tenants that are served by a version. */
export const servedBaselines = (sql: Sql, tenantIds: string[]): Promise<ServedBaseline[]> =>
  sql.query<ServedBaseline>(
    `SELECT t.id AS "tenantId", v.version_id AS "versionId", v.report->'baseline' AS baseline, first.at AS "firstMadeAt"
     FROM unnest($1::text[]) AS t (id)
     CROSS JOIN LATERAL (SELECT version_id FROM promotions WHERE tenant_id = t.id ORDER BY promotion_id DESC LIMIT 1) p
     JOIN model_versions v ON v.tenant_id = t.id AND v.version_id = p.version_id
     CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM model_versions WHERE tenant_id = t.id) first`,
    [tenantIds],
  )
