import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'

export type Quota = 'requests' | 'events' | 'items' | 'training runs'

/** What a quota refused of a tenant within the last day or so. */
export interface QuotaHit {
  tenantId: string
  quota: Quota
  refused: number
  since: Date
  lastAt: Date
}

const FLUSH_EVERY_MS = 3000
/** Hits that are older than this are no news, and the count begins anew. */
const NEWS = `interval '1 day'`

const UPSERT = `
  INSERT INTO quota_hits AS q (tenant_id, quota, refused)
  SELECT r.tenant_id, r.quota, r.refused FROM unnest($1::text[], $2::text[], $3::bigint[]) AS r (tenant_id, quota, refused)
  JOIN tenants t ON t.tenant_id = r.tenant_id AND t.deleted_at IS NULL
  ORDER BY r.tenant_id COLLATE "C", r.quota COLLATE "C"
  ON CONFLICT (tenant_id, quota) DO UPDATE SET last_at = now(),
    refused = excluded.refused + CASE WHEN q.last_at < now() - ${NEWS} THEN 0 ELSE q.refused END,
    since = CASE WHEN q.last_at < now() - ${NEWS} THEN now() ELSE q.since END`

/** Remembers which tenants were refused something for a quota, for whoever may raise it. Counted in memory, written at times. */
@Injectable()
export class QuotaHits implements BeforeApplicationShutdown {
  private waiting = new Map<string, { tenantId: string; quota: Quota; refused: number }>()
  private readonly loop: Loop

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.loop = new Loop(
      () => this.flush(),
      FLUSH_EVERY_MS,
      (error) => this.logger.warn({ err: error }, 'could not write which quotas were reached'),
    ).start()
  }

  /** @param refused requests, events, items or runs */
  add(tenantId: string, quota: Quota, refused: number): void {
    const key = JSON.stringify([tenantId, quota])
    const hit = this.waiting.get(key) ?? { tenantId, quota, refused: 0 }
    hit.refused += refused
    this.waiting.set(key, hit)
  }

  /** Those of the last day. */
  of(tenantIds: string[]): Promise<QuotaHit[]> {
    return this.database.asSystem((sql) =>
      sql.query<QuotaHit>(
        `SELECT tenant_id AS "tenantId", quota, refused::float8 AS refused, since, last_at AS "lastAt" FROM quota_hits
         WHERE tenant_id = ANY ($1) AND last_at > now() - ${NEWS} ORDER BY tenant_id, quota`,
        [tenantIds],
      ),
    )
  }

  /** Writes what waits. What can't be written is given up: it will be hit again, or was no matter. */
  async flush(): Promise<void> {
    const hits = [...this.waiting.values()]
    this.waiting = new Map()
    if (hits.length === 0) return
    const columns = [hits.map((hit) => hit.tenantId), hits.map((hit) => hit.quota), hits.map((hit) => hit.refused)]
    await this.database.asSystem((sql) => sql.execute(UPSERT, columns))
  }

  async beforeApplicationShutdown() {
    await this.loop.stop()
    await this.flush().catch((error: unknown) => this.logger.debug({ err: error }, 'while stopping'))
  }
}
