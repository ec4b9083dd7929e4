import { execFileSync } from 'node:child_process'
import { appendFile, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'

export interface Replicated {
  url: string
  replicaUrl: string
  /** Whether the replica plays what the primary writes. */
  play(isOn: boolean): Promise<void>
  /** Resolves when the replica has come as far as the primary is now. */
  caughtUp(): Promise<void>
  stop(): Promise<void>
}

/** A PostgreSQL of its own with a streaming replica, made of a copy as pg_basebackup makes one (npm's binaries have none). */
export async function startReplicated(): Promise<Replicated> {
  const folder = await mkdtemp(join(tmpdir(), 'attune-replicated-'))
  const homes = ['primary', 'replica'].map((name) => join(folder, name))
  const [source, copy] = homes.map((home) => join(home, 'postgres'))
  const logger = pino({ level: 'silent' })
  const primary = await startEmbeddedPostgres({ directory: source, logger, settings: ['fsync=off'] })
  const at = async <T extends pg.QueryResultRow>(
    url: string,
    work: (client: pg.Client) => Promise<pg.QueryResult<T>>,
  ) => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    return (await work(client).finally(() => client.end())).rows
  }

  await at(primary.url, async (client) => {
    await client.query(`SELECT pg_backup_start('replica', true)`)
    execFileSync('cp', ['-a', homes[0], homes[1]])
    const ended = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop()')
    await writeFile(join(copy, 'backup_label'), ended.rows[0].labelfile)
    return ended
  })
  await rm(join(copy, 'postmaster.pid'))
  await rm(join(homes[1], 'postgres.owner'), { force: true })
  await copyFile(join(source, 'PG_VERSION'), join(copy, 'standby.signal'))
  const { hostname, port, username, password } = new URL(primary.url)
  const line = `host=${hostname} port=${port} user=${username} password=${password}`
  await appendFile(join(copy, 'postgresql.auto.conf'), `primary_conninfo = '${line}'\n`)

  const replica = await startEmbeddedPostgres({ directory: copy, logger, settings: ['fsync=off'] })
  const replicaUrl = replica.url
  return {
    url: primary.url,
    replicaUrl,
    play: async (isOn) => {
      await at(replicaUrl, (client) => client.query(`SELECT pg_wal_replay_${isOn ? 'resume' : 'pause'}()`))
    },
    caughtUp: async () => {
      const [{ place }] = await at(primary.url, (client) =>
        client.query<{ place: string }>('SELECT pg_current_wal_insert_lsn()::text AS place'),
      )
      for (;;) {
        const [{ there }] = await at(replicaUrl, (client) =>
          client.query<{ there: boolean }>('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS there', [place]),
        )
        if (there) return
        await new Promise((next) => setTimeout(next, 50))
      }
    },
    stop: async () => {
      await replica.stop()
      await primary.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
