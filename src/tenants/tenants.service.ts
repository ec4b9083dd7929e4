import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { Database } from '../platform/database.js'
import { AppError, notFound } from '../platform/errors.js'
import type { Caller } from '../platform/http.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { decodeCursor, Id, toPage } from '../platform/schema.js'
import { detached } from '../platform/work-context.js'
import { AuditService } from './audit.service.js'
import type { BaseModel } from './base-models.js'
import { mergePatch, Settings } from './settings.js'

export interface Tenant {
  id: string
  name: string
  baseModel: BaseModel
  settings: Settings
  /** Length of the item vectors that the tenant brings itself; null while it brought none. */
  embeddingLength: number | null
  createdAt: Date
}

/** What an overview of many tenants shows of one. */
export interface TenantOutline {
  id: string
  name: string
  createdAt: Date
  /** When training is looked at; null: only on request. */
  schedule: string | null
  historyDays: number
  /** Null: everything is kept. */
  retentionDays: number | null
  /** From which drift on it is trained by itself. */
  onDrift: Settings['training']['onDrift']
}

// Settings that were stored before a field was added have none.
const DEFAULTS = Settings.parse({})

/** How long an instance may answer from what it knows of a tenant: a change elsewhere is seen within this. */
const CACHE_MS = 2000
/** From this age on it is read anew beside a request: one that is asked for all the time waits for no look. */
const LOOK_AFTER_MS = 1500
const COLUMNS = `tenant_id AS id, name, base_model AS "baseModel", settings, embedding_length AS "embeddingLength", created_at AS "createdAt"`
/** Another one after any change of the row. */
const MARK = 'xmin::text AS mark'
/** Rows deleted in one statement: long enough to be cheap, short enough to hold no lock for long. */
const PURGE_BATCH = 20_000

@Injectable()
export class TenantsService {
  private readonly known = new Map<string, { tenant: Tenant | undefined; until: number }>()
  private readonly looking = new Map<string, Promise<Tenant | undefined>>()
  private readonly markOfRead = new WeakMap<Tenant, string>()
  private readonly purges: ((tenantId: string) => Promise<void>)[] = []

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws AppError TENANT_EXISTS (409), also while a tenant of this id is being deleted */
  async create(
    input: { id: string; name?: string; baseModel?: BaseModel; settings?: unknown },
    caller: Caller,
  ): Promise<Tenant> {
    const settings = parseSettings(input.settings ?? {})
    const tenant = await this.database.inTenant(input.id, async (sql) => {
      const [row] = await sql.query<Tenant>(
        `INSERT INTO tenants (tenant_id, name, base_model, settings) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
        [input.id, input.name ?? input.id, input.baseModel ?? 'default', JSON.stringify(settings)],
      )
      if (!row)
        throw new AppError('TENANT_EXISTS', `There is a tenant '${input.id}' already, or one is being deleted.`, {
          status: 409,
        })
      await this.audit.record(sql, input.id, caller, 'tenant.create', input.id)
      return row
    })
    this.forget(tenant.id)
    return complete(tenant)
  }

  /** @throws AppError NOT_FOUND */
  async get(tenantId: string): Promise<Tenant> {
    const known = this.known.get(tenantId)
    const left = known ? known.until - Date.now() : 0
    // What fails beside a request is tried again by the one that has to wait for it.
    if (known?.tenant && left > 0 && left < CACHE_MS - LOOK_AFTER_MS)
      detached(() => void this.look(tenantId).catch(() => undefined))
    const tenant = known && left > 0 ? known.tenant : await this.look(tenantId)
    if (!tenant) throw notFound('tenant', tenantId)
    return tenant
  }

  /** Those who ask at the same time share one look: a busy tenant's requests must not all ask the database at once. */
  private look(tenantId: string): Promise<Tenant | undefined> {
    const underWay = this.looking.get(tenantId)
    if (underWay) return underWay
    const until = Date.now() + CACHE_MS
    const look: Promise<Tenant | undefined> = this.read(tenantId)
      .then((tenant) => {
        // Changed meanwhile: what was read may be from before.
        if (this.looking.get(tenantId) !== look) return tenant
        // Ids that do not exist come from outside: they must not fill the memory.
        if (this.known.size > 100_000) this.known.clear()
        this.known.set(tenantId, { tenant, until })
        return tenant
      })
      .finally(() => {
        if (this.looking.get(tenantId) === look) this.looking.delete(tenantId)
      })
    this.looking.set(tenantId, look)
    return look
  }

  private async read(tenantId: string): Promise<Tenant | undefined> {
    const [row] = await this.database.query<(Tenant & { mark: string }) | undefined>(
      tenantId,
      `SELECT ${COLUMNS}, ${MARK} FROM tenants WHERE tenant_id = $1 AND deleted_at IS NULL`,
      [tenantId],
    )
    if (!row) return undefined
    const { mark, ...stored } = row
    const tenant = complete(stored)
    this.markOfRead.set(tenant, mark)
    return tenant
  }

  /** The mark, as `marks` has it, that a tenant had when `get` read it; null: it is not from there. */
  markOf(tenant: Tenant): string | null {
    return this.markOfRead.get(tenant) ?? null
  }

  /** The next `get` reads it anew. */
  forget(tenantId: string): void {
    this.known.delete(tenantId)
    this.looking.delete(tenantId)
  }

  async list(limit: number, cursor?: string) {
    const [after] = decodeCursor(cursor, z.tuple([Id])) ?? []
    const rows = await this.database.asSystem((sql) =>
      sql.query<Tenant>(
        `SELECT ${COLUMNS} FROM tenants WHERE deleted_at IS NULL AND ($1::text IS NULL OR tenant_id > $1) ORDER BY tenant_id LIMIT $2`,
        [after ?? null, limit + 1],
      ),
    )
    return toPage(rows.map(complete), limit, (row) => [row.id])
  }

  /** Of these tenants, those that there are, each with a mark that is another one after any change of it. */
  async marks(tenantIds: string[]): Promise<Map<string, string>> {
    const rows = await this.database.asSystem((sql) =>
      sql.query<{ id: string; mark: string }>(
        `SELECT tenant_id AS id, ${MARK} FROM tenants WHERE tenant_id = ANY ($1) AND deleted_at IS NULL`,
        [[...new Set(tenantIds)]],
      ),
    )
    return new Map(rows.map(({ id, mark }) => [id, mark]))
  }

  /** All of them, or those asked for, with what an overview shows of each; ids that are none are left out. */
  outlines(tenantIds: string[] | null): Promise<TenantOutline[]> {
    return this.database.asSystem((sql) =>
      sql.query<TenantOutline>(
        `SELECT tenant_id AS id, name, created_at AS "createdAt",
           CASE WHEN settings -> 'training' ? 'schedule' THEN settings #>> '{training,schedule}' ELSE $2 END AS schedule,
           coalesce((settings #>> '{training,historyDays}')::float8, $3::float8) AS "historyDays",
           coalesce(settings #>> '{training,onDrift}', $4) AS "onDrift",
           (settings ->> 'retentionDays')::float8 AS "retentionDays"
         FROM tenants WHERE deleted_at IS NULL AND ($1::text[] IS NULL OR tenant_id = ANY ($1))`,
        [tenantIds, DEFAULTS.training.schedule, DEFAULTS.training.historyDays, DEFAULTS.training.onDrift],
      ),
    )
  }

  /** Merges a patch into the settings (RFC 7396). @throws AppError VALIDATION_FAILED */
  async update(
    tenantId: string,
    patch: { name?: string; baseModel?: BaseModel; settings?: unknown },
    caller: Caller,
  ): Promise<Tenant> {
    const tenant = await this.database.inTenant(tenantId, async (sql) => {
      const [old] = await sql.query<{ settings: unknown }>(
        'SELECT settings FROM tenants WHERE tenant_id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE',
        [tenantId],
      )
      if (!old) throw notFound('tenant', tenantId)
      const settings = parseSettings(
        patch.settings === undefined ? old.settings : mergePatch(old.settings, patch.settings),
      )
      const [row] = await sql.query<Tenant>(
        `UPDATE tenants SET settings = $2, name = coalesce($3, name), base_model = coalesce($4, base_model)
         WHERE tenant_id = $1 RETURNING ${COLUMNS}`,
        [tenantId, JSON.stringify(settings), patch.name ?? null, patch.baseModel ?? null],
      )
      await this.audit.record(sql, tenantId, caller, 'tenant.update', tenantId, patch)
      return row
    })
    this.forget(tenantId)
    return complete(tenant)
  }

  /** The tenant is gone for every caller at once; its rows follow (`purge`). */
  async remove(tenantId: string, caller: Pick<Caller, 'name'>): Promise<void> {
    const removed = await this.database.inTenant(tenantId, (sql) =>
      sql.execute('UPDATE tenants SET deleted_at = now() WHERE tenant_id = $1 AND deleted_at IS NULL', [tenantId]),
    )
    this.forget(tenantId)
    // Its audit log goes with it.
    if (removed > 0) this.logger.info({ tenant: tenantId, actor: caller.name }, 'a tenant was removed')
  }

  /** What else is to be deleted of a removed tenant than rows, as long as its rows are there. May be called twice. */
  onPurge(work: (tenantId: string) => Promise<void>): void {
    this.purges.push(work)
  }

  /** Deletes the rows of removed tenants in bounded batches, in every table that has a `tenant_id`. */
  async purge(): Promise<void> {
    const removed = await this.database.asSystem((sql) =>
      sql.query<{ id: string }>('SELECT tenant_id AS id FROM tenants WHERE deleted_at IS NOT NULL'),
    )
    if (removed.length === 0) return
    const tables = await this.database.asSystem((sql) =>
      sql.query<{ name: string }>(
        `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant_id' AND c.relname <> 'tenants'`,
      ),
    )
    for (const { id } of removed) {
      try {
        for (const purge of this.purges) await purge(id)
      } catch (error) {
        this.logger.warn({ err: error, tenant: id }, 'a removed tenant can not be purged; trying again')
        continue
      }
      for (const { name } of tables) {
        // The tenant twice: a row's place is its own only within one table of one server, not among shards.
        const batch = `DELETE FROM ${name} WHERE tenant_id = $1
          AND ctid = ANY (ARRAY(SELECT ctid FROM ${name} WHERE tenant_id = $1 LIMIT ${PURGE_BATCH}))`
        while ((await this.database.inTenant(id, (sql) => sql.execute(batch, [id]))) > 0);
      }
      await this.database.inTenant(id, (sql) =>
        sql.execute('DELETE FROM tenants WHERE tenant_id = $1 AND deleted_at IS NOT NULL', [id]),
      )
    }
  }

  /**
   * Fixes the length of a tenant's own item vectors by the first one that is accepted.
   * @returns the length that holds from now on
   */
  async fixEmbeddingLength(tenantId: string, length: number): Promise<number> {
    const [row] = await this.database.query<{ length: number }>(
      tenantId,
      `UPDATE tenants SET embedding_length = coalesce(embedding_length, $2) WHERE tenant_id = $1 RETURNING embedding_length AS length`,
      [tenantId, length],
    )
    if (!row) throw notFound('tenant', tenantId)
    this.forget(tenantId)
    return row.length
  }
}

/** Settings that were stored before a field was added get its default. */
const complete = (row: Tenant): Tenant => ({ ...row, settings: Settings.parse(row.settings) })

function parseSettings(value: unknown): Settings {
  const parsed = Settings.safeParse(value)
  if (parsed.success) return parsed.data
  const errors = parsed.error.issues.map((issue) => ({
    path: ['settings', ...issue.path].join('.'),
    message: issue.message,
  }))
  const said = errors.slice(0, 10).map(({ path, message }) => `${path}: ${message}`)
  throw new AppError('VALIDATION_FAILED', `The settings do not fit: ${said.join('; ')}`, { errors })
}
