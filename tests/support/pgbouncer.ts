import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPgbouncer } from '../../scripts/pgbouncer.mjs'
import { freePort } from '../../src/platform/embedded-postgres.js'

export interface Pooler {
  /** The same database, through the pooler. */
  pooled(url: string): string
  stop(): Promise<void>
}

/**
 * PgBouncer in transaction mode before the server of `url`, for every database in it. Strict as it comes: a client that asks
 * for settings of its session is refused.
 * @param connections to the server, for each database: fewer than there are clients, so that these share them
 * @returns null where there is no PgBouncer, which is said loudly
 */
export async function startPgbouncer(url: string, connections: number): Promise<Pooler | null> {
  const found = findPgbouncer()
  if (!found) {
    console.error('SKIPPED: tests through PgBouncer (there is none; `node scripts/pgbouncer.mjs` gets it on a Debian)')
    return null
  }
  const { hostname, port: serverPort, username, password } = new URL(url)
  const folder = await mkdtemp(join(tmpdir(), 'attune-pgbouncer-'))
  const port = await freePort()
  const users = join(folder, 'users.txt')
  const settings = join(folder, 'pgbouncer.ini')
  await writeFile(users, `"${username}" "${password}"\n`)
  await writeFile(
    settings,
    `[databases]
* = host=${hostname} port=${serverPort}
[pgbouncer]
pool_mode = transaction
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
default_pool_size = ${connections}
max_client_conn = 2000
# A server that was away is tried again at once.
server_login_retry = 0.2
`,
  )
  // It refuses to be root.
  const isRoot = process.getuid?.() === 0
  if (isRoot) await Promise.all([chmod(folder, 0o755), chmod(users, 0o644), chmod(settings, 0o644)])
  const child = spawn(found.binary, ['-q', ...(isRoot ? ['-u', 'nobody'] : []), settings], {
    env: found.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4000)))
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  child.on('error', (error) => (words += error.message))
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`PgBouncer did not start: ${words}`)
    await new Promise((next) => setTimeout(next, 50))
  }
  return {
    pooled: (address) => {
      const through = new URL(address)
      through.hostname = '127.0.0.1'
      through.port = String(port)
      return through.href
    },
    stop: async () => {
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const answers = (port: number) =>
  new Promise<boolean>((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), done(true))).once('error', () => done(false))
  })
