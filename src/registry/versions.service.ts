import { randomBytes } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { Database, type Sql } from '../platform/database.js'
import { AppError, isPassing, notFound } from '../platform/errors.js'
import type { Caller } from '../platform/http.js'
import { cursorMoment, CursorMoment, decodeCursor, Id, toPage } from '../platform/schema.js'
import { AuditService } from '../tenants/audit.service.js'
import { ArtifactsService, type StoredArtifact } from './artifacts.service.js'
import { type Promotion, type PromotionKind, servedBefore, type VersionEvent } from './promotion-history.js'
import type { VersionReport } from './version-report.js'

export interface ModelVersion {
  id: string
  runId: string | null
  /** The version that it was fine-tuned from; null: from the base. */
  parentId: string | null
  baseModel: string
  createdAt: Date
  /** What the gate said when the version was made. */
  decision: 'passed' | 'rejected'
  reason: string
  report: VersionReport
  artifacts: Record<string, StoredArtifact>
  sizeBytes: number
}

export type VersionDraft = Pick<ModelVersion, 'runId' | 'parentId' | 'baseModel' | 'decision' | 'reason' | 'report'>

/** Channel on which a tenant's id is said when what it is served by changes. */
export const PROMOTIONS_CHANNEL = 'attune_promotions'

/** What serves where no version does, by the name that answers give it. */
export const BASE_VERSION = 'base'

/** Name of the artifact that a version is served from: a version file. */
export const VERSION_ARTIFACT = 'version.safetensors'

const COLUMNS = `version_id AS id, run_id AS "runId", parent_id AS "parentId", base_model AS "baseModel",
  created_at AS "createdAt", decision, reason, report, artifacts, size_bytes::float8 AS "sizeBytes"`

// Curves and checks are most of a report: a list has no use for them.
const LISTED = COLUMNS.replace(
  ' report,',
  ` jsonb_build_object('dataWindow', report->'dataWindow', 'counts', report->'counts', 'metrics', report->'metrics', 'recipe', jsonb_build_object('served', report #> '{recipe,served}')) AS report,`,
)
// Reports lie apart from their rows, compressed: where nothing of them is asked for, none is read.
const BRIEF = COLUMNS.replace(' report,', ` '{}'::jsonb AS report,`)

/** Immutable model versions, their artifacts, and which one each tenant is served by. */
@Injectable()
export class VersionsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ArtifactsService) private readonly artifacts: ArtifactsService,
  ) {}

  /** Stores a version with its artifacts, in one transaction as far as they are in the database: there is never half of one. */
  async create(tenantId: string, draft: VersionDraft, artifacts: Record<string, Uint8Array>): Promise<ModelVersion> {
    const id = `v-${new Date().toISOString().replaceAll(/[-:]|\..*/g, '')}-${randomBytes(4).toString('hex')}`
    const placed = await this.artifacts.place(tenantId, id, artifacts)
    const size = Object.values(artifacts).reduce((sum, bytes) => sum + bytes.length, 0)
    const made = this.database.inTenant(tenantId, async (sql) => {
      const [version] = await sql.query<ModelVersion>(
        `INSERT INTO model_versions (tenant_id, version_id, run_id, parent_id, base_model, decision, reason, report, artifacts, size_bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ${COLUMNS}`,
        [
          tenantId,
          id,
          draft.runId,
          draft.parentId,
          draft.baseModel,
          draft.decision,
          draft.reason,
          JSON.stringify(draft.report),
          JSON.stringify(placed),
          size,
        ],
      )
      await this.artifacts.insert(sql, tenantId, id, artifacts, placed)
      return version
    })
    return made.catch(async (error: unknown) => {
      // A connection that broke may have done so after the version was made.
      if (!isPassing(error)) await this.artifacts.takeBack(placed)
      throw error
    })
  }

  /** @throws AppError NOT_FOUND */
  async get(tenantId: string, versionId: string): Promise<ModelVersion> {
    const [version] = await this.database.query<ModelVersion>(
      tenantId,
      `SELECT ${COLUMNS} FROM model_versions WHERE tenant_id = $1 AND version_id = $2`,
      [tenantId, versionId],
    )
    if (!version) throw notFound('model version', versionId)
    return version
  }

  /** Newest first, with the summary of their reports only. @param brief with nothing of them */
  async list(tenantId: string, limit: number, cursor?: string, { brief = false } = {}) {
    const [at, id] = decodeCursor(cursor, z.tuple([CursorMoment, Id])) ?? [null, null]
    const rows = await this.database.query<ModelVersion & { position: string }>(
      tenantId,
      `SELECT ${brief ? BRIEF : LISTED}, ${cursorMoment('created_at')} AS position FROM model_versions
       WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (created_at, version_id) < ($2, $3))
       ORDER BY created_at DESC, version_id DESC LIMIT $4`,
      [tenantId, at, id, limit + 1],
    )
    return toPage(rows, limit, (row) => [row.position, row.id])
  }

  /** An artifact as it was stored. @throws AppError NOT_FOUND, and those of `ArtifactsService.read` */
  async readArtifact(tenantId: string, versionId: string, name: string): Promise<Uint8Array> {
    const { artifacts } = await this.get(tenantId, versionId)
    if (!Object.hasOwn(artifacts, name)) throw notFound(`artifact of ${versionId}`, name)
    return this.artifacts.read(tenantId, versionId, name, artifacts[name])
  }

  /** What the tenant is served by since when; null while nothing was ever promoted. A null version is the base. */
  async current(tenantId: string): Promise<{ promotionId: string; versionId: string | null } | null> {
    const [row] = await this.database.inTenant(tenantId, (sql) => currentRows(sql, [tenantId]))
    return row ? { promotionId: row.promotionId, versionId: row.versionId } : null
  }

  /** `current` of many tenants at once, for whoever polls; tenants without a promotion are missing. */
  async currentOf(tenantIds: string[]): Promise<Map<string, { promotionId: string; versionId: string | null }>> {
    if (tenantIds.length === 0) return new Map()
    const rows = await this.database.asSystem((sql) => currentRows(sql, tenantIds))
    return new Map(rows.map(({ tenantId, promotionId, versionId }) => [tenantId, { promotionId, versionId }]))
  }

  /**
   * Serves a version from now on. Promoting the one that is served changes nothing. A version that the gate rejected
   * may be promoted by hand, and is recorded as forced.
   * @param automatic on the word of the gate, not of a caller
   * @throws AppError NOT_FOUND
   */
  promote(tenantId: string, versionId: string, caller: Pick<Caller, 'name'>, automatic = false): Promise<ModelVersion> {
    return this.database.inTenant(tenantId, (sql) => this.promoteIn(sql, tenantId, versionId, caller, automatic))
  }

  /** As `promote`, in a transaction of the caller's. */
  async promoteIn(
    sql: Sql,
    tenantId: string,
    versionId: string,
    caller: Pick<Caller, 'name'>,
    automatic = false,
  ): Promise<ModelVersion> {
    await lockTenant(sql, tenantId)
    const [version] = await sql.query<ModelVersion>(
      `SELECT ${COLUMNS} FROM model_versions WHERE tenant_id = $1 AND version_id = $2`,
      [tenantId, versionId],
    )
    if (!version) throw notFound('model version', versionId)
    const [current] = await currentRows(sql, [tenantId])
    if (current?.versionId === versionId) return version
    const kind = version.decision === 'rejected' ? 'forced' : automatic ? 'automatic' : 'manual'
    await this.append(sql, tenantId, versionId, kind, caller, current?.versionId ?? null)
    return version
  }

  /** Serves the base from now on, in a transaction of the caller's: other than by rolling back, what was served before stays one step back. */
  async promoteBaseIn(sql: Sql, tenantId: string, caller: Pick<Caller, 'name'>): Promise<void> {
    await lockTenant(sql, tenantId)
    const [current] = await currentRows(sql, [tenantId])
    if (!current || current.versionId === null) return
    await this.append(sql, tenantId, null, 'manual', caller, current.versionId)
  }

  /**
   * Back to what was served before the current version, or to the base where there was nothing before it.
   * @returns what is served now, and what was until now (null: the base)
   * @throws AppError NOTHING_TO_ROLL_BACK (409) where the tenant is served by the base
   */
  async rollback(
    tenantId: string,
    caller: Pick<Caller, 'name'>,
  ): Promise<{ versionId: string | null; previous: string | null }> {
    const done = await this.database.inTenant(tenantId, (sql) => this.rollbackIn(sql, tenantId, caller))
    if (!done)
      throw new AppError(
        'NOTHING_TO_ROLL_BACK',
        'This tenant is served by the base already: no promoted version is left to roll back from.',
        { status: 409 },
      )
    return done
  }

  /**
   * As `rollback`, in a transaction of the caller's.
   * @param options why, and the promotion to be undone, if it still is the newest
   * @returns null where there was nothing to roll back, or something else was promoted meanwhile
   */
  async rollbackIn(
    sql: Sql,
    tenantId: string,
    caller: Pick<Caller, 'name'>,
    options: { reason?: string; promotionId?: string | null } = {},
  ): Promise<{ versionId: string | null; previous: string | null } | null> {
    await lockTenant(sql, tenantId)
    const history = await sql.query<Pick<Promotion, 'promotionId' | 'versionId' | 'kind'>>(
      `SELECT promotion_id::text AS "promotionId", version_id AS "versionId", kind FROM promotions
       WHERE tenant_id = $1 ORDER BY promotion_id`,
      [tenantId],
    )
    const served = servedBefore(history)
    if (served.length === 0) return null
    if (options.promotionId && history.at(-1)?.promotionId !== options.promotionId) return null
    const previous = served.at(-1) ?? null
    const versionId = served.at(-2) ?? null
    await this.append(sql, tenantId, versionId, 'rollback', caller, previous, options.reason)
    return { versionId, previous }
  }

  /** When a version was promoted, rolled back, or served again because a later one was, newest first. */
  history(tenantId: string, versionId: string): Promise<VersionEvent[]> {
    return this.database.query<VersionEvent>(
      tenantId,
      `SELECT promoted_at AS at, kind, actor, reason,
         CASE WHEN version_id IS DISTINCT FROM $2 THEN 'rolled-back' WHEN kind = 'rollback' THEN 'restored' ELSE 'promoted' END AS event
       FROM promotions WHERE tenant_id = $1 AND (version_id = $2 OR (previous_id = $2 AND kind = 'rollback'))
       ORDER BY promotion_id DESC LIMIT 100`,
      [tenantId, versionId],
    )
  }

  private async append(
    sql: Sql,
    tenantId: string,
    versionId: string | null,
    kind: PromotionKind,
    caller: Pick<Caller, 'name'>,
    previous: string | null,
    reason?: string,
  ) {
    await sql.execute(
      'INSERT INTO promotions (tenant_id, version_id, kind, actor, previous_id, reason) VALUES ($1, $2, $3, $4, $5, $6)',
      [tenantId, versionId, kind, caller.name, previous, reason ?? null],
    )
    const action = kind === 'rollback' ? 'version.rollback' : 'version.promote'
    const detail = { kind, previous, ...(reason !== undefined && { reason }) }
    await this.audit.record(sql, tenantId, caller, action, versionId ?? BASE_VERSION, detail)
    await sql.query('SELECT pg_notify($1, $2)', [PROMOTIONS_CHANNEL, tenantId])
  }
}

/** One promotion of a tenant at a time: two would both believe to follow the same one. NO KEY: events are let in. */
async function lockTenant(sql: Sql, tenantId: string) {
  const rows = await sql.query('SELECT 1 FROM tenants WHERE tenant_id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE', [
    tenantId,
  ])
  if (rows.length === 0) throw notFound('tenant', tenantId)
}

const currentRows = (sql: Sql, tenantIds: string[]) =>
  sql.query<{ tenantId: string; promotionId: string; versionId: string | null }>(
    `SELECT t.id AS "tenantId", p.promotion_id::text AS "promotionId", p.version_id AS "versionId"
     FROM unnest($1::text[]) AS t (id)
     CROSS JOIN LATERAL (SELECT promotion_id, version_id FROM promotions WHERE tenant_id = t.id
       ORDER BY promotion_id DESC LIMIT 1) p`,
    [tenantIds],
  )
