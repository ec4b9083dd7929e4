import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { AppError, notFound } from '../platform/errors.js'
import type { Caller, Scope } from '../platform/http.js'
import { detached } from '../platform/work-context.js'
import { AuditService } from './audit.service.js'
import { TenantsService } from './tenants.service.js'

export interface ApiKey {
  id: string
  name: string
  scopes: Scope[]
  createdAt: Date
  expiresAt: Date | null
}

/** Injection token of the hash of the operator's key. */
export const OPERATOR_KEY_HASH = Symbol('operator key hash')

/** How long a revoked key may still be accepted by an instance that knew it. */
const CACHE_MS = 2000
/** From this age on it is looked up anew beside a request: one that is used all the time waits for no look. */
const LOOK_AFTER_MS = 1500
/** How long after that it is remembered whose it was, while the database is slow to say. */
const REMEMBERED_MS = 10_000
const COLUMNS = `key_id AS id, name, scopes, created_at AS "createdAt", expires_at AS "expiresAt"`

/**
 * A key is 256 random bits: one round of SHA-256 keeps it, since there is nothing to guess that a slow hash would slow down.
 */
export const hashKey = (key: string) => createHash('sha256').update(key).digest()

const bearer = (authorization: string | undefined) => /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1]

/** Keys name their tenant, so that one is found by the table's primary key: `attune.<tenant>.<key id>.<secret>`. */
const KEY = /^attune\.([\w-]{1,2048})\.([\w-]{1,64})\.([\w-]{43})$/

interface Known {
  caller: Caller
  tenantMade: number
  expiresAt: number
  until: number
}

@Injectable()
export class KeysService {
  private known = new Map<string, Known>()
  private readonly looking = new Map<string, Promise<Caller>>()

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(OPERATOR_KEY_HASH) private readonly operatorKeyHash: Buffer,
  ) {}

  /**
   * Who a bearer key belongs to.
   * @throws AppError UNAUTHENTICATED (401) where it is none, unknown, revoked or expired
   */
  async authenticate(authorization: string | undefined): Promise<Caller> {
    const key = bearer(authorization)
    if (!key) throw unauthenticated('A key is needed: Authorization: Bearer <key>.')
    return this.callerOf(key)
  }

  /**
   * Who a bearer key belonged to a moment ago: enough to refuse him something, not to let him in. Looks beside that whether
   * it still does. Undefined: it has to be looked up.
   */
  lastKnownCaller(authorization: string | undefined, now = Date.now()): Caller | undefined {
    const key = bearer(authorization)
    if (key === undefined) return undefined
    const hash = hashKey(key)
    const known = this.known.get(hash.toString('base64'))
    if (!known || known.until + REMEMBERED_MS < now || known.expiresAt <= now) return undefined
    const { caller } = known
    if (caller.kind === 'key' && known.until - now < CACHE_MS - LOOK_AFTER_MS) this.lookBeside(hash, caller)
    return caller
  }

  /** The same of the key itself. */
  async callerOf(key: string): Promise<Caller> {
    const hash = hashKey(key)
    if (timingSafeEqual(hash, this.operatorKeyHash)) return { kind: 'operator', name: 'operator' }
    const [, tenant, keyId] = KEY.exec(key) ?? []
    if (!tenant) throw unauthenticated('This key is not known.')
    const tenantId = Buffer.from(tenant, 'base64url').toString('utf8')
    if (tenantId.includes('\u0000')) throw unauthenticated('This key is not known.')
    const now = Date.now()
    const known = this.known.get(hash.toString('base64'))
    // The tenant may be gone since, and another one have its id.
    if (!known || !isCurrent(known, now) || (await this.madeAt(tenantId)) !== known.tenantMade)
      return this.look(hash, tenantId, keyId)
    if (known.until - now < CACHE_MS - LOOK_AFTER_MS) this.lookBeside(hash, { tenantId, keyId })
    return known.caller
  }

  /** What fails beside a request is tried again by the one that has to wait for it. */
  private lookBeside(hash: Buffer, { tenantId, keyId }: { tenantId: string; keyId: string }): void {
    detached(() => void this.look(hash, tenantId, keyId).catch(() => undefined))
  }

  /** Those who ask at the same time share one look: a busy tenant's requests must not all ask the database at once. */
  private look(hash: Buffer, tenantId: string, keyId: string): Promise<Caller> {
    const cacheKey = hash.toString('base64')
    const underWay = this.looking.get(cacheKey)
    if (underWay) return underWay
    const { known } = this
    const look = this.read(hash, tenantId, keyId)
      .then((found) => {
        if (known.size > 100_000) known.clear()
        // Where a key was revoked meanwhile, this is no longer what is asked.
        known.set(cacheKey, found)
        return found.caller
      })
      .finally(() => {
        if (this.looking.get(cacheKey) === look) this.looking.delete(cacheKey)
      })
    this.looking.set(cacheKey, look)
    return look
  }

  private async read(hash: Buffer, tenantId: string, keyId: string): Promise<Known> {
    const until = Date.now() + CACHE_MS
    const [row] = await this.database.query<ApiKey & { hash: Buffer; tenantMade: Date }>(
      tenantId,
      `SELECT ${COLUMNS}, secret_hash AS hash, (SELECT t.created_at FROM tenants t WHERE t.tenant_id = $1) AS "tenantMade"
       FROM api_keys
       WHERE tenant_id = $1 AND key_id = $2 AND (expires_at IS NULL OR expires_at > now())
         AND EXISTS (SELECT FROM tenants t WHERE t.tenant_id = $1 AND t.deleted_at IS NULL)`,
      [tenantId, keyId],
    )
    if (!row || !timingSafeEqual(row.hash, hash)) {
      this.known.delete(hash.toString('base64'))
      throw unauthenticated('This key is not known, or has expired.')
    }
    return {
      caller: { kind: 'key', tenantId, keyId: row.id, scopes: row.scopes, name: `key:${row.id}` },
      tenantMade: row.tenantMade.getTime(),
      expiresAt: row.expiresAt?.getTime() ?? Infinity,
      until,
    }
  }

  /** When the tenant that there is now was made; undefined: there is none. */
  private async madeAt(tenantId: string): Promise<number | undefined> {
    try {
      return (await this.tenants.get(tenantId)).createdAt.getTime()
    } catch (error) {
      if (error instanceof AppError && error.code === 'NOT_FOUND') return undefined
      throw error
    }
  }

  /** @returns the key itself, for the only time */
  async create(tenantId: string, input: { scopes: Scope[]; name?: string; expiresAt?: Date }, caller: Caller) {
    const id = randomBytes(9).toString('base64url')
    const key = `attune.${Buffer.from(tenantId).toString('base64url')}.${id}.${randomBytes(32).toString('base64url')}`
    const row = await this.database.inTenant(tenantId, async (sql) => {
      const [made] = await sql.query<ApiKey>(
        `INSERT INTO api_keys (tenant_id, key_id, name, secret_hash, scopes, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`,
        [tenantId, id, input.name ?? '', hashKey(key), [...new Set(input.scopes)], input.expiresAt ?? null],
      )
      await this.audit.record(sql, tenantId, caller, 'key.create', id, { scopes: input.scopes })
      return made
    })
    return { ...row, key }
  }

  list(tenantId: string): Promise<ApiKey[]> {
    return this.database.query<ApiKey>(
      tenantId,
      `SELECT ${COLUMNS} FROM api_keys WHERE tenant_id = $1 ORDER BY created_at, key_id`,
      [tenantId],
    )
  }

  /** Of these tenants, the keys that end before a moment, and those that have ended within the week before now. */
  expiring(tenantIds: string[], before: Date): Promise<{ tenantId: string; name: string; expiresAt: Date }[]> {
    return this.database.asSystem((sql) =>
      sql.query(
        `SELECT tenant_id AS "tenantId", CASE name WHEN '' THEN key_id ELSE name END AS name, expires_at AS "expiresAt"
         FROM api_keys WHERE tenant_id = ANY ($1) AND expires_at > now() - interval '7 days' AND expires_at < $2
         ORDER BY tenant_id, expires_at`,
        [tenantIds, before],
      ),
    )
  }

  /** @throws AppError NOT_FOUND */
  async revoke(tenantId: string, keyId: string, caller: Caller): Promise<void> {
    await this.database.inTenant(tenantId, async (sql) => {
      const removed = await sql.execute('DELETE FROM api_keys WHERE tenant_id = $1 AND key_id = $2', [tenantId, keyId])
      if (removed === 0) throw notFound('key', keyId)
      await this.audit.record(sql, tenantId, caller, 'key.revoke', keyId)
    })
    // Anew, not emptied: a look that is under way may have read the key.
    this.known = new Map()
    this.looking.clear()
  }
}

const isCurrent = ({ until, expiresAt }: Known, now: number) => until > now && expiresAt > now
export const unauthenticated = (message: string) => new AppError('UNAUTHENTICATED', message, { status: 401 })
