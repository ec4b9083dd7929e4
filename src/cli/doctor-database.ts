import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Config } from '../platform/config.js'
import { ownerOf, startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import type { Logger } from '../platform/logger.js'

const OLDEST_POSTGRES = 15
export const PATIENCE_MS = 10_000
const CHANNEL = 'attune_doctor'

/** @returns what was found @throws Error with what is wrong */
export async function checkDatabase({ database: { url, directUrl }, dataDir }: Config, logger: Logger) {
  if (url && directUrl) return withPooler(url, directUrl)
  if (url) return `DATABASE_URL: ${await withPostgres(url, askOwner)}`
  const own = join(dataDir, 'postgres')
  const owner = await ownerOf(own)
  if (owner) return `embedded: runs, and belongs to process ${owner}`
  // What is there is started as it is; else one is made and thrown away, so that a look leaves nothing behind.
  const trial = existsSync(own) ? undefined : await mkdtemp(join(tmpdir(), 'attune-doctor-'))
  try {
    const server = await startEmbeddedPostgres({ directory: trial ? join(trial, 'postgres') : own, logger })
    try {
      return `embedded: ${await withPostgres(server.url, askOwner)}`
    } finally {
      await server.stop()
    }
  } finally {
    if (trial) await rm(trial, { recursive: true, force: true })
  }
}

/** That the direct way gives a session of its own, and that both lead to one database: what one notifies, the other hears. */
async function withPooler(url: string, directUrl: string): Promise<string> {
  const found = await named('DATABASE_DIRECT_URL', () =>
    withPostgres(directUrl, async (direct) => {
      const owner = await askOwner(direct)
      const word = randomUUID()
      const heard = new Promise<boolean>((done) => {
        direct.on('notification', ({ payload }) => payload === word && done(true))
        setTimeout(() => done(false), PATIENCE_MS / 2).unref()
      })
      await direct.query(`LISTEN ${CHANNEL}`)
      await named('DATABASE_URL', () =>
        withPostgres(url, async (pooled) => {
          await askService(pooled)
          await pooled.query('SELECT pg_notify($1, $2)', [CHANNEL, word])
        }),
      )
      if (!(await heard))
        throw new Error('hears nothing of DATABASE_URL: another database, or a pooler that gives no session')
      return owner
    }),
  )
  return `DATABASE_URL and DATABASE_DIRECT_URL: ${found}`
}

const named = <T>(name: string, look: () => Promise<T>) =>
  look().catch((error: unknown) => {
    if (error instanceof Error && !error.message.startsWith('DATABASE_')) error.message = `${name}: ${error.message}`
    throw error
  })

async function withPostgres<T>(connectionString: string, look: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: PATIENCE_MS, query_timeout: PATIENCE_MS })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await look(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Of whoever migrates. */
async function askOwner(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ version: string; may: boolean }>(
    `SELECT current_setting('server_version') AS version, has_schema_privilege(current_schema, 'CREATE') AS may`,
  )
  const [{ version, may }] = rows
  if (parseInt(version) < OLDEST_POSTGRES) throw new Error(`PostgreSQL ${version}: ${OLDEST_POSTGRES} is the oldest`)
  if (!may) throw new Error(`PostgreSQL ${version}: the user may not create tables`)
  return `PostgreSQL ${version} answers`
}

/** Of whoever works: another user than the one that migrates is fine, as long as it may be the role of the service. */
async function askService(client: pg.Client) {
  const { rows } = await client.query<{ name: string }>(
    `SELECT current_user AS name FROM pg_roles
     WHERE rolname = 'attune_service' AND NOT pg_has_role(current_user, oid, 'MEMBER')`,
  )
  if (rows.length > 0)
    throw new Error(`the user is no member of attune_service: GRANT attune_service TO ${rows[0].name}`)
}
