import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'
import type { Caller, Scope } from '../platform/http.js'
import { KeysService, OPERATOR_KEY_HASH, unauthenticated } from './keys.service.js'

/** A session that nobody uses ends after this; one that is used, after the second. */
export const IDLE_SECONDS = 30 * 60
export const LONGEST_SECONDS = 12 * 3600
/** How exactly it is known when a session was used last: not every request has to write that. */
const SEEN_EVERY_SECONDS = 60
/** Of one key; the oldest end. */
const MOST_SESSIONS = 50
/** The operator's sessions are of no tenant. */
const OPERATOR = '*'

export interface ConsoleSession {
  caller: Caller
  /** Has to come with every request that writes: a page of another site can not know it. */
  csrfToken: string
  /** At the latest. */
  expiresAt: Date
}

const LIVE = `created_at > now() - make_interval(secs => ${LONGEST_SECONDS})
  AND seen_at > now() - make_interval(secs => ${IDLE_SECONDS})`

/** `<tenant>.<secret>`: the tenant is there to find the row by the table's key. */
const COOKIE = /^([\w-]{0,2048})\.([\w-]{43})$/

/**
 * Sessions of the console: a key is exchanged for a cookie once, so that no page has to keep it. They lie in the database,
 * so that any instance knows them, and end with their key.
 */
@Injectable()
export class ConsoleSessions {
  private readonly operatorKeyId: string

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(KeysService) private readonly keys: KeysService,
    @Inject(OPERATOR_KEY_HASH) operatorKeyHash: Buffer,
  ) {
    this.operatorKeyId = createHash('sha256').update(operatorKeyHash).digest('hex')
  }

  /**
   * Opens a session for whom the key belongs to.
   * @returns the cookie's value, for the only time
   * @throws AppError UNAUTHENTICATED (401)
   */
  async open(key: string): Promise<ConsoleSession & { cookie: string }> {
    const caller = await this.keys.callerOf(key)
    const tenantId = caller.kind === 'operator' ? OPERATOR : caller.tenantId
    const keyId = caller.kind === 'operator' ? this.operatorKeyId : caller.keyId
    const tenant = caller.kind === 'operator' ? '' : Buffer.from(tenantId).toString('base64url')
    const cookie = `${tenant}.${randomBytes(32).toString('base64url')}`
    const [{ createdAt }] = await this.database.asSystem(async (sql) => {
      await sql.execute(`DELETE FROM console_sessions WHERE NOT (${LIVE})`)
      const made = await sql.query<{ createdAt: Date }>(
        `INSERT INTO console_sessions (tenant_id, session_hash, key_id) VALUES ($1, $2, $3) RETURNING created_at AS "createdAt"`,
        [tenantId, hashOf(cookie), keyId],
      )
      await sql.execute(
        `DELETE FROM console_sessions WHERE tenant_id = $1 AND session_hash IN (
           SELECT session_hash FROM console_sessions WHERE tenant_id = $1 AND key_id = $2
           ORDER BY created_at DESC OFFSET ${MOST_SESSIONS})`,
        [tenantId, keyId],
      )
      return made
    })
    return { cookie, ...session(caller, cookie, createdAt) }
  }

  /** @throws AppError UNAUTHENTICATED (401) where it has ended, its key was revoked or has expired, or there never was one */
  async authenticate(cookie: string): Promise<ConsoleSession> {
    const tenantId = tenantOf(cookie)
    if (tenantId === undefined) throw ended()
    const hash = hashOf(cookie)
    const found = tenantId === OPERATOR ? await this.ofOperator(hash) : await this.ofTenant(tenantId, hash)
    if (!found) throw ended()
    if (found.unseen > SEEN_EVERY_SECONDS)
      await this.database.inTenant(tenantId, (sql) =>
        sql.execute('UPDATE console_sessions SET seen_at = now() WHERE tenant_id = $1 AND session_hash = $2', [
          tenantId,
          hash,
        ]),
      )
    return session(found.caller, cookie, found.createdAt)
  }

  /** Ends a session; one that there is none of is no matter. */
  async close(cookie: string): Promise<void> {
    const tenantId = tenantOf(cookie)
    if (tenantId === undefined) return
    await this.database.inTenant(tenantId, (sql) =>
      sql.execute('DELETE FROM console_sessions WHERE tenant_id = $1 AND session_hash = $2', [
        tenantId,
        hashOf(cookie),
      ]),
    )
  }

  private async ofOperator(hash: Buffer) {
    const [row] = await this.database.query<{ createdAt: Date; unseen: number; keyId: string }>(
      OPERATOR,
      `SELECT created_at AS "createdAt", extract(epoch FROM now() - seen_at)::float8 AS unseen, key_id AS "keyId"
       FROM console_sessions WHERE tenant_id = $1 AND session_hash = $2 AND ${LIVE}`,
      [OPERATOR, hash],
    )
    // Another key was set since.
    if (!row || row.keyId !== this.operatorKeyId) return undefined
    return { ...row, caller: { kind: 'operator', name: 'operator' } as const }
  }

  private async ofTenant(tenantId: string, hash: Buffer) {
    const [row] = await this.database.query<{ createdAt: Date; unseen: number; keyId: string; scopes: Scope[] }>(
      tenantId,
      `SELECT s.created_at AS "createdAt", extract(epoch FROM now() - s.seen_at)::float8 AS unseen, k.key_id AS "keyId", k.scopes
       FROM (SELECT * FROM console_sessions WHERE tenant_id = $1 AND session_hash = $2 AND ${LIVE}) s
       JOIN api_keys k ON k.tenant_id = $1 AND k.key_id = s.key_id AND (k.expires_at IS NULL OR k.expires_at > now())
       JOIN tenants t ON t.tenant_id = $1 AND t.deleted_at IS NULL`,
      [tenantId, hash],
    )
    if (!row) return undefined
    const { keyId, scopes } = row
    return { ...row, caller: { kind: 'key', tenantId, keyId, scopes, name: `key:${keyId}` } as const }
  }
}

/** Whether what a request sent is the token of this session. */
export function isToken({ csrfToken }: ConsoleSession, sent: string | string[] | undefined): boolean {
  if (typeof sent !== 'string') return false
  const [own, theirs] = [csrfToken, sent].map((token) => createHash('sha256').update(token).digest())
  return timingSafeEqual(own, theirs)
}

/** Whose session a cookie says it is of; undefined: it is none that was ever given. */
function tenantOf(cookie: string): string | undefined {
  const [, tenant] = COOKIE.exec(cookie) ?? []
  if (tenant === undefined) return undefined
  if (tenant === '') return OPERATOR
  const tenantId = Buffer.from(tenant, 'base64url').toString('utf8')
  return tenantId.includes('\u0000') || tenantId === OPERATOR ? undefined : tenantId
}

const hashOf = (cookie: string) => createHash('sha256').update(cookie).digest()

/** Made from what only the browser's cookie jar and this process see, so that none has to be kept. */
const session = (caller: Caller, cookie: string, createdAt: Date): ConsoleSession => ({
  caller,
  csrfToken: createHmac('sha256', cookie).update('csrf').digest('base64url'),
  expiresAt: new Date(createdAt.getTime() + 1000 * LONGEST_SECONDS),
})

const ended = () => unauthenticated('This session has ended: sign in again.')
