import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'
import { AppError, notFound } from '../platform/errors.js'
import type { Caller, Scope } from '../platform/http.js'
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
const COLUMNS = `key_id AS id, name, scopes, created_at AS "createdAt", expires_at AS "expiresAt"`

/**
 * A key is 256 random bits: one round of SHA-256 keeps it, since there is nothing to guess that a slow hash would slow down.
 */
export const hashKey = (key: string) => createHash('sha256').update(key).digest()

const bearer = (authorization: string | undefined) => /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1]

/** Keys name their tenant, so that one is found by the table's primary key: `attune.<tenant>.<key id>.<secret>`. */
const KEY = /^attune\.([\w-]{1,2048})\.([\w-]{1,64})\.([\w-]{43})$/

@Injectable()
export class KeysService {
  private readonly known = new Map<string, { caller: Caller; tenantMade: number; expiresAt: number; until: number }>()

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

  /** Who a bearer key belongs to, where that is known from a moment ago; undefined: it has to be looked up. */
  knownCaller(authorization: string | undefined, now = Date.now()): Caller | undefined {
    const key = bearer(authorization)
    const known = key === undefined ? undefined : this.known.get(hashKey(key).toString('base64'))
    return known && known.until > now && known.expiresAt > now ? known.caller : undefined
  }

  /** The same of the key itself. */
  async callerOf(key: string): Promise<Caller> {
    const hash = hashKey(key)
    if (timingSafeEqual(hash, this.operatorKeyHash)) return { kind: 'operator', name: 'operator' }
    const cacheKey = hash.toString('base64')
    const now = Date.now()
    const known = this.known.get(cacheKey)
    const isCurrent = known && known.until > now && known.expiresAt > now
    const [, tenant, keyId] = KEY.exec(key) ?? []
    if (!tenant) throw unauthenticated('This key is not known.')
    const tenantId = Buffer.from(tenant, 'base64url').toString('utf8')
    if (tenantId.includes('\u0000')) throw unauthenticated('This key is not known.')
    // The tenant may be gone since, and another one have its id.
    if (isCurrent && (await this.madeAt(tenantId)) === known.tenantMade) return known.caller
    const [row] = await this.database.query<ApiKey & { hash: Buffer; tenantMade: Date }>(
      tenantId,
      `SELECT ${COLUMNS}, secret_hash AS hash, (SELECT t.created_at FROM tenants t WHERE t.tenant_id = $1) AS "tenantMade"
       FROM api_keys
       WHERE tenant_id = $1 AND key_id = $2 AND (expires_at IS NULL OR expires_at > now())
         AND EXISTS (SELECT FROM tenants t WHERE t.tenant_id = $1 AND t.deleted_at IS NULL)`,
      [tenantId, keyId],
    )
    if (!row || !timingSafeEqual(row.hash, hash)) throw unauthenticated('This key is not known, or has expired.')
    const caller: Caller = { kind: 'key', tenantId, keyId: row.id, scopes: row.scopes, name: `key:${row.id}` }
    if (this.known.size > 100_000) this.known.clear()
    this.known.set(cacheKey, {
      caller,
      tenantMade: row.tenantMade.getTime(),
      expiresAt: row.expiresAt?.getTime() ?? Infinity,
      until: now + CACHE_MS,
    })
    return caller
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
    this.known.clear()
  }
}

export const unauthenticated = (message: string) => new AppError('UNAUTHENTICATED', message, { status: 401 })
