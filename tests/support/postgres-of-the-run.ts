import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { TestProject } from 'vitest/node'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'
import { openDoor } from './door.js'
import { type Pooler, startPgbouncer } from './pgbouncer.js'

/** Fewer than the services of a test ask for together (DATABASE_POOL_SIZE is 20 for each). */
const POOLED_CONNECTIONS = 8

/** What a test file is told: the server, and the way to it that its services take where it is another. */
export interface PostgresAnswer {
  url: string
  pooledUrl?: string
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Ask here (GET) for the run's PostgreSQL. */
    postgresDoor: string
  }
}

/**
 * Vitest's global set-up: one PostgreSQL for all test files of a run; each test takes a database of its own in it. With
 * TEST_PGBOUNCER the services of the tests reach it through PgBouncer (`npm run test:pgbouncer`).
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: EmbeddedPostgres | undefined
  let pooler: Pooler | null = null
  const folder = await mkdtemp(join(tmpdir(), 'attune-test-'))
  const door = await openDoor(async (): Promise<PostgresAnswer> => {
    // Tests ask whether the service keeps its word, not whether a power cut does.
    const settings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']
    server = await startEmbeddedPostgres({
      directory: join(folder, 'postgres'),
      logger: pino({ level: 'silent' }),
      settings,
    })
    if (!process.env.TEST_PGBOUNCER) return { url: server.url }
    pooler = await startPgbouncer(server.url, POOLED_CONNECTIONS)
    if (!pooler) throw new Error('TEST_PGBOUNCER is set, and there is no PgBouncer')
    return { url: server.url, pooledUrl: pooler.pooled(server.url) }
  })
  project.provide('postgresDoor', door.url)
  return async () => {
    await door.close().catch(() => undefined)
    await pooler?.stop()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
