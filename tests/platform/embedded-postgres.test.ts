import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'

describe('embedded PostgreSQL', () => {
  let folder: string
  const start = () => startEmbeddedPostgres({ directory: join(folder, 'postgres'), logger: pino({ level: 'silent' }) })
  const ask = async (url: string, statement: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query<Record<string, unknown>>(statement)
    await client.end()
    return rows
  }
  beforeAll(async () => {
    // Readable by its maker only, as a fresh temporary folder of root's is: the server has to come in all the same.
    folder = await mkdtemp(join(tmpdir(), 'attune-embedded-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('keeps its data from one start to the next', async () => {
    const first = await start()
    await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS n')
    await first.stop()
    await expect(ask(first.url, 'SELECT 1')).rejects.toThrow()
    const second = await start()
    expect(await ask(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
    await second.stop()
  })

  it('is taken over from a process that was killed, and never from one that lives', async () => {
    const first = await start()
    const other = spawn('sleep', ['60'])
    await writeFile(join(folder, 'postgres.owner'), String(other.pid))
    await expect(start()).rejects.toThrow(/Another process \(\d+\) uses .*DATABASE_URL/)
    other.kill('SIGKILL')
    await new Promise((ended) => other.on('exit', ended))
    const second = await start()
    expect(second.url).toBe(first.url)
    expect(await ask(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    await second.stop()
  })
})
