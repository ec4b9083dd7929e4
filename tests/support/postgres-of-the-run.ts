import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { TestProject } from 'vitest/node'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'
import { openDoor } from './door.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** Ask here (GET) for the run's PostgreSQL. */
    postgresDoor: string
  }
}

/** Vitest's global set-up: one PostgreSQL for all test files of a run; each test takes a database of its own in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: EmbeddedPostgres | undefined
  const folder = await mkdtemp(join(tmpdir(), 'attune-test-'))
  const door = await openDoor(async () => {
    // Tests ask whether the service keeps its word, not whether a power cut does.
    const settings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']
    server = await startEmbeddedPostgres({
      directory: join(folder, 'postgres'),
      logger: pino({ level: 'silent' }),
      settings,
    })
    return { url: server.url }
  })
  project.provide('postgresDoor', door.url)
  return async () => {
    await door.close().catch(() => undefined)
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
