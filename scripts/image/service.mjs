import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../dist/src/platform/embedded-postgres.js'
import { createLogger } from '../../dist/src/platform/logger.js'

const KEY = 'operator-key-of-the-image-check'
const PATIENCE_MS = 120_000
const TENANTS = 10
const USERS = 50
/** What `api` may have in k8s/overlays/small. */
const MEMORY_MIB = 512
// A root that cannot be written, but for what a pod or compose.yaml gives: /tmp and /data. No capability, none to be had.
const INSIDE = `mount --bind "$1" "$1" && cd "$1" && mount -o remount,ro,bind "$1" && mount -t proc proc proc \
&& mount --bind /dev dev && mount -t tmpfs -o mode=1777,size=256m tmpfs tmp \
&& mount -t tmpfs -o uid=1000,gid=1000,mode=700,size=64m tmpfs data && uid="$2" && gid="$3" && shift 3 && exec chroot . \
setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"`

/**
 * Starts the service of a root as its instructions say, with a PostgreSQL of this machine, and asks it things.
 * @returns whether all of it went well
 */
export async function tryService(folder, { env, user, entrypoint, cmd, health }) {
  console.log('--- the service, as its user, its root read-only')
  const data = mkdtempSync(join(tmpdir(), 'attune-image-'))
  const postgres = await startEmbeddedPostgres({ directory: join(data, 'postgres'), logger: createLogger('silent') })
  const port = await freePort()
  const own = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    ...env,
    DATABASE_URL: postgres.url,
    OPERATOR_KEY: KEY,
    PORT: port,
  }
  const settings = Object.entries({ ...own, HOST: '127.0.0.1', MODEL_MEMORY_MB: 96, LOG_LEVEL: 'warn' })
  const isolated = (...command) => [
    ...['--mount', '--pid', '--fork', 'sh', '-c', INSIDE, 'sh', folder, ...user.split(':'), '/usr/bin/env', '-i'],
    ...settings.map(([name, value]) => `${name}=${value}`),
    ...command,
  ]
  const inside = (...command) => spawnSync('unshare', isolated(...command), { encoding: 'utf8' })
  const failures = []
  const expect = (what, holds, found = '') => {
    console.log(`${holds ? 'ok  ' : 'NOT '} ${what}${found && `: ${found}`}`)
    if (!holds) failures.push(what)
  }
  let service
  try {
    const written = inside('node', '-e', 'require("fs").writeFileSync("/app/written", "")')
    expect('its root cannot be written', /EROFS/.test(written.stderr))
    const id = inside('node', '-p', 'process.getuid() + " " + process.version').stdout.trim()
    expect('its user is not root', user.split(':')[0] !== '0' && id.startsWith(`${user.split(':')[0]} `), id)
    const tools = ['npm', 'npx', 'corepack', 'yarn', 'gcc', 'g++', 'cc', 'make', 'python3', 'git', 'curl', 'wget']
    const left = tools.filter((tool) => inside('sh', '-c', `command -v ${tool}`).status === 0)
    expect('nothing that builds or installs is left', left.length === 0, left.join(' '))
    const migrated = inside(...entrypoint, 'migrate')
    expect('attune migrate ends with 0', migrated.status === 0, (migrated.stdout || migrated.stderr).trim())
    service = spawn('unshare', isolated(...entrypoint, ...cmd), { stdio: ['ignore', 'inherit', 'inherit'] })
    const url = `http://127.0.0.1:${port}`
    const ready = await untilReady(url, service)
    expect('it becomes ready', ready !== null, JSON.stringify(ready))
    expect('its health check says so', inside(...health).status === 0)
    if (ready) await ask(url, expect)
    const trains = await until(async () => (await readiness(url))?.training?.engine)
    expect('its trainer takes the native engine', trains === 'native', trains)
    const [process] = childrenOf(service.pid)
    const peak = peakOf(process)
    expect(`all roles together stay below ${MEMORY_MIB} MiB`, peak < MEMORY_MIB, `${peak} MiB at most`)
    const code = await ended(service, process)
    expect('it ends with 0 at SIGTERM', code === 0, String(code))
  } finally {
    if (service?.exitCode === null) spawnSync('kill', ['-9', ...childrenOf(service.pid)])
    await postgres.stop()
    rmSync(data, { recursive: true, force: true })
  }
  return failures.length === 0
}

/** Ten small tenants: items, events, and what comes of them. */
async function ask(url, expect) {
  const call = async (path, body, key = KEY) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: response.status, body: await response.json() }
  }
  const words = ['blue', 'green', 'red', 'enamel', 'clay', 'glass', 'mug', 'pot', 'plate', 'bowl']
  const items = Array.from({ length: 500 }, (_, i) => ({
    itemId: `i${i}`,
    title: `${words[i % 3]} ${words[3 + (i % 7)]} ${words[6 + (i % 4)]} ${i}`,
  }))
  const events = Array.from({ length: 1000 }, (_, i) => ({
    userId: `u${i % 100}`,
    itemId: `i${(i * 7 + (i % 100)) % 500}`,
    type: 'purchase',
  }))
  let lists = 0
  for (let tenant = 0; tenant < TENANTS; tenant++) {
    const { body: made } = await call('/tenants', { id: `shop-${tenant}` })
    await call(`/tenants/shop-${tenant}/items`, { items }, made.apiKey)
    await call(`/tenants/shop-${tenant}/events`, { events }, made.apiKey)
    for (let user = 0; user < USERS; user++) {
      const asked = { userId: `u${user}`, count: 10 }
      const { status, body } = await call(`/tenants/shop-${tenant}/recommendations`, asked, made.apiKey)
      if (status === 200 && body.items.length === 10) lists++
    }
  }
  expect('it recommends', lists === TENANTS * USERS, `${lists} lists for ${TENANTS} tenants`)
  const page = await fetch(`${url}/console/`)
  expect('it has the console', page.status === 200 && (await page.text()).includes('<script'))
}

const readiness = (url) =>
  fetch(`${url}/health/ready`).then(
    (response) => (response.ok ? response.json() : null),
    () => null,
  )

const untilReady = (url, service) =>
  until(() => (service.exitCode === null ? readiness(url) : 'ended')).then((found) =>
    found === 'ended' ? null : found,
  )

/** The first answer that is one; null where there is none in time. */
async function until(look) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((next) => setTimeout(next, 300))) {
    const found = await look()
    if (found) return found
  }
  return null
}

function ended(service, process) {
  return new Promise((done) => {
    service.once('exit', (code, signal) => done(code ?? signal))
    // As a container's first process has it.
    spawnSync('kill', ['-TERM', process])
  })
}

const childrenOf = (pid) => {
  const file = `/proc/${pid}/task/${pid}/children`
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : []
}

/** MiB that the process ever had in memory at once. */
function peakOf(pid) {
  const [, peak] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(peak) / 1024)
}

async function freePort() {
  const server = createServer()
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address()
  await new Promise((closed) => server.close(closed))
  return port
}
