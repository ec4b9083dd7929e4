import type { KafkaMessage } from 'kafkajs'
import type { Sql } from '../platform/database.js'
import { Id, isObject } from '../platform/schema.js'
import type { DeadLetter } from './dead-letters.js'
import { MAX_VALUE_BYTES, momentOf } from './letter-contents.js'
import { readKey } from './message-parsing.js'
import { userHash } from './personal-data.js'

/** Letters that name no tenant. */
export const NOBODY = '*'

/** Which tenant and user a letter names, so that what is done to them reaches it. */
interface Claim {
  tenantId: string
  userId: string | null
}

/** `claim` is null where its key may mean users of more than one tenant: of those, nothing is kept that names one. */
export type ClaimedLetter = DeadLetter & { claim: Claim | null }

const nobody: Claim = { tenantId: NOBODY, userId: null }

/**
 * Whom a message may be about: as its value says, and where that says nothing, is no JSON or is too large, its key.
 * @param second what stands behind the tenant in keys of its topic
 * @returns several where ids hold colons; null where those are too many
 */
export function claimsOf({ key, value }: Pick<KafkaMessage, 'key' | 'value'>, second: 'user' | 'item'): Claim[] | null {
  const told = tellsOf(value)
  if (told.tenantId !== NOBODY && told.userId !== null) return [told]
  const pairs = readKey(key)
  const claims = pairs?.map(({ tenantId, id }) => ({ tenantId, userId: second === 'user' ? id : null })) ?? null
  if (told.tenantId === NOBODY) return claims?.length === 0 ? [nobody] : claims
  return [claims?.find(({ tenantId }) => tenantId === told.tenantId) ?? told]
}

function tellsOf(value: Buffer | null): Claim {
  if (!value || value.length > MAX_VALUE_BYTES) return nobody
  try {
    const json: unknown = JSON.parse(value.toString())
    if (!isObject(json)) return nobody
    const tenantId = Id.safeParse(json.tenantId).data ?? NOBODY
    return { tenantId, userId: tenantId === NOBODY ? null : (Id.safeParse(json.userId).data ?? null) }
  } catch {
    return nobody
  }
}

/** With whom each is about; where a key may mean several, the tenants that there are decide. */
export async function withClaims(
  sql: Sql,
  letters: DeadLetter[],
  itemsTopic: string | undefined,
): Promise<ClaimedLetter[]> {
  const claims = letters.map(({ message, origin }) => claimsOf(message, origin.topic === itemsTopic ? 'item' : 'user'))
  const asked = claims.flatMap((several) => (several && several.length > 1 ? several : []))
  const known = await knownOf(sql, [...new Set(asked.map(({ tenantId }) => tenantId))])
  return letters.map((letter, i) => ({ ...letter, claim: clear(claims[i], known) }))
}

function clear(claims: Claim[] | null, known: Set<string>): Claim | null {
  if (!claims) return null
  const meant = claims.filter(({ tenantId }) => known.has(tenantId))
  return meant.length > 1 ? null : (meant[0] ?? claims[0])
}

async function knownOf(sql: Sql, tenantIds: string[]): Promise<Set<string>> {
  if (tenantIds.length === 0) return new Set()
  const statement = 'SELECT tenant_id AS id FROM tenants WHERE tenant_id = ANY ($1) AND deleted_at IS NULL'
  const rows = await sql.query<{ id: string }>(statement, [tenantIds])
  return new Set(rows.map(({ id }) => id))
}

/** Those but of users who were erased since: they were sent or failed before; one without a time counts as such. */
export async function notErased(sql: Sql, letters: ClaimedLetter[]): Promise<ClaimedLetter[]> {
  const ofUsers = letters.flatMap((letter) => {
    const { tenantId, userId } = letter.claim ?? nobody
    return userId === null ? [] : [{ letter, tenantId, hash: userHash(tenantId, userId) }]
  })
  const rows = await sql.query<{ place: number }>(
    `SELECT DISTINCT l.place::int AS place FROM unnest($1::text[], $2::bytea[], $3::timestamptz[])
       WITH ORDINALITY AS l (tenant_id, user_hash, at, place)
     JOIN erasures e ON e.tenant_id = l.tenant_id AND e.user_hash = l.user_hash
       AND (l.at IS NULL OR l.at <= e.finished_at)`,
    [
      ofUsers.map(({ tenantId }) => tenantId),
      ofUsers.map(({ hash }) => hash),
      ofUsers.map(({ letter }) => earliest(letter)),
    ],
  )
  const erased = new Set(rows.map(({ place }) => ofUsers[place - 1].letter))
  return letters.filter((letter) => !erased.has(letter))
}

function earliest({ origin, failedAt = 0 }: DeadLetter): Date | null {
  const known = [Number(origin.timestamp), Number(origin.failedAt ?? 0), failedAt].filter((ms) => ms > 0)
  return momentOf(Math.min(...known))
}
