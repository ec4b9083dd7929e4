import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { Database, type Sql } from '../platform/database.js'
import type { Caller } from '../platform/http.js'
import { CursorNumber, decodeCursor, toPage } from '../platform/schema.js'

export const AuditEntry = z.object({
  at: z.date(),
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  detail: z.record(z.string(), z.unknown()),
})
type AuditEntry = z.infer<typeof AuditEntry>

/** Who did what, when: keys, promotions, settings, erasures, dead letters. */
@Injectable()
export class AuditService {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Writes an entry in the transaction of what it reports, so that neither is there without the other. */
  async record(
    sql: Sql,
    tenantId: string,
    caller: Pick<Caller, 'name'>,
    action: string,
    target: string,
    detail: object = {},
  ) {
    await sql.execute(`INSERT INTO audit_log (tenant_id, actor, action, target, detail) VALUES ($1, $2, $3, $4, $5)`, [
      tenantId,
      caller.name,
      action,
      target,
      JSON.stringify(detail),
    ])
  }

  /** The same in the logs of several tenants. @param details by tenant; where there is no such tenant, there is no log */
  async recordInEach(
    sql: Sql,
    details: ReadonlyMap<string, object>,
    caller: Pick<Caller, 'name'>,
    action: string,
    target: string,
  ) {
    // Held until the end: a tenant that goes meanwhile must not take the work along.
    await sql.execute(
      `WITH known AS (SELECT tenant_id FROM tenants WHERE tenant_id = ANY ($4::text[]) ORDER BY tenant_id FOR KEY SHARE)
       INSERT INTO audit_log (tenant_id, actor, action, target, detail)
       SELECT tenant_id, $1, $2, $3, d.detail::jsonb FROM unnest($4::text[], $5::text[]) AS d (tenant_id, detail)
       JOIN known USING (tenant_id)`,
      [caller.name, action, target, [...details.keys()], [...details.values()].map((detail) => JSON.stringify(detail))],
    )
  }

  /** Newest first. */
  async list(tenantId: string, limit: number, cursor?: string) {
    const [before] = decodeCursor(cursor, z.tuple([CursorNumber])) ?? []
    const rows = await this.database.query<AuditEntry & { entryId: string }>(
      tenantId,
      `SELECT entry_id AS "entryId", at, actor, action, target, detail FROM audit_log
       WHERE tenant_id = $1 AND ($2::bigint IS NULL OR entry_id < $2) ORDER BY entry_id DESC LIMIT $3`,
      [tenantId, before ?? null, limit + 1],
    )
    const page = toPage(rows, limit, (row) => [row.entryId])
    return {
      ...page,
      data: page.data.map(({ at, actor, action, target, detail }) => ({ at, actor, action, target, detail })),
    }
  }
}
