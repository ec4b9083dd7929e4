import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { Database } from '../platform/database.js'

const Figure = z.object({ mean: z.number(), low: z.number(), high: z.number() })
type Figure = z.infer<typeof Figure>

/** What the registry knows of a tenant, in short. */
export interface VersionsOutline {
  tenantId: string
  /** What is served; null: the base. */
  versionId: string | null
  /** What the gate said of it. */
  decision: 'passed' | 'rejected' | null
  /** NDCG@10 of what is served, and of others on the same users; null where it was not judged. */
  ndcg: Figure | null
  baseNdcg: Figure | null
  popularNdcg: Figure | null
  /** Versions since the last one that passed the gate, counted up to five, and why the newest of them was refused. */
  refusedInARow: number
  refusal: string | null
  /** The newest version, where it passed the gate and was never promoted. */
  awaiting: string | null
}

const MOST_COUNTED = 5

/** Tenant by tenant: without the OFFSET the planner, which row-level security misleads, would read both tables whole. */
const SERVED = `
  SELECT t.id AS "tenantId", s.* FROM unnest($1::text[]) AS t (id)
  LEFT JOIN LATERAL (
    SELECT p.version_id AS "versionId", v.decision, v.ndcg, v.base_ndcg AS "baseNdcg", v.popular_ndcg AS "popularNdcg"
    FROM promotions p
    LEFT JOIN model_versions v ON v.tenant_id = t.id AND v.version_id = p.version_id
    WHERE p.tenant_id = t.id AND p.promotion_id = (SELECT max(promotion_id) FROM promotions WHERE tenant_id = t.id)
    OFFSET 0) s ON true`

/** Found as the newest runs are. */
const NEWEST = `
  SELECT t.id AS "tenantId", v.* FROM unnest($1::text[]) AS t (id)
  CROSS JOIN LATERAL (
    SELECT v.version_id AS id, v.decision, v.reason, v.created_at AS "createdAt",
      EXISTS (SELECT FROM promotions p WHERE p.tenant_id = t.id AND p.version_id = v.version_id) AS "wasPromoted"
    FROM (SELECT version_id FROM model_versions WHERE tenant_id = t.id
      ORDER BY created_at DESC, version_id LIMIT ${MOST_COUNTED}) ids
    JOIN model_versions v ON v.tenant_id = t.id AND v.version_id = ids.version_id
    ORDER BY v.created_at DESC, v.version_id OFFSET 0) v`

interface NewVersion {
  id: string
  decision: 'passed' | 'rejected'
  reason: string
  wasPromoted: boolean
}

/** What is served to many tenants, and how good it is, at once: reads no report. */
@Injectable()
export class VersionsOverview {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Each of the tenants is told. */
  async of(tenantIds: string[]): Promise<Map<string, VersionsOutline>> {
    const [served, rows] = await this.database.lagging.asSystem(async (sql) => [
      await sql.query<VersionsOutline>(SERVED, [tenantIds]),
      await sql.query<NewVersion & { tenantId: string }>(NEWEST, [tenantIds]),
    ])
    const newest = new Map<string, NewVersion[]>(tenantIds.map((id) => [id, []]))
    for (const { tenantId, ...version } of rows) newest.get(tenantId)?.push(version)
    return new Map(
      served.map((row) => [
        row.tenantId,
        {
          ...row,
          ndcg: figure(row.ndcg),
          baseNdcg: figure(row.baseNdcg),
          popularNdcg: figure(row.popularNdcg),
          ...outline(newest.get(row.tenantId) ?? []),
        },
      ]),
    )
  }
}

/** @param versions newest first */
function outline(versions: NewVersion[]): Pick<VersionsOutline, 'refusedInARow' | 'refusal' | 'awaiting'> {
  const passed = versions.findIndex(({ decision }) => decision === 'passed')
  const newest = versions.at(0)
  return {
    refusedInARow: passed < 0 ? versions.length : passed,
    refusal: newest?.decision === 'rejected' ? newest.reason : null,
    awaiting: newest?.decision === 'passed' && !newest.wasPromoted ? newest.id : null,
  }
}

/** Reports may be of any age. */
const figure = (value: unknown): Figure | null => Figure.safeParse(value).data ?? null
