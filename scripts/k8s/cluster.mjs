import { execFile, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DEFINITIONS } from './definitions.mjs'

const cache = join(dirname(dirname(import.meta.dirname)), '.cache')
const defined = join(cache, 'k8s', 'definitions')
// A busy machine: the server makes all of its own resources first.
const PATIENCE_MS = 180_000

const made = (name) => join(cache, 'bin', process.platform === 'win32' ? `${name}.exe` : name)
const answers = (...command) => spawnSync(command[0], command.slice(1)).status === 0

/** What a check lacks, each with what would bring it. */
export function missing() {
  return [
    ...['kube-apiserver', 'etcd'].filter((name) => !existsSync(made(name))).map((name) => `${name} was not built`),
    ...(DEFINITIONS.flatMap(({ files }) => files).every((file) => existsSync(join(defined, file)))
      ? []
      : ['the definitions of the custom resources are not there']),
    ...(answers('kubectl', 'version', '--client') ? [] : ['no kubectl on the PATH']),
  ]
}

export const canBuild = () => answers('go', 'version')

/** YAML of an overlay, as `kubectl apply -k` would send it. */
export function render(folder) {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`kubectl kustomize ${folder}: ${stderr}`)
  return stdout
}

/**
 * Starts etcd and a Kubernetes API server on loopback, with keys and a certificate of their own that nobody else trusts, and
 * the definitions of the custom resources. There are no nodes and no controllers: it says what it thinks of a manifest.
 * @returns {Promise<{ kubectl: (args: string[], input?: string) => Promise<{ status: number, stdout: string, said: string }>, stop: () => Promise<void> }>}
 */
export async function startCluster() {
  const folder = mkdtempSync(join(tmpdir(), 'attune-k8s-'))
  const children = []
  // Whoever interrupts the check leaves no server behind.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const stop = async () => {
    await Promise.all(children.map(end))
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const [client, peer, port] = await freePorts(3)
    const etcd = `http://127.0.0.1:${client}`
    children.push(
      start('etcd', folder, [
        `--data-dir=${join(folder, 'etcd')}`,
        `--listen-client-urls=${etcd}`,
        `--advertise-client-urls=${etcd}`,
        `--listen-peer-urls=http://127.0.0.1:${peer}`,
        // Thrown away in a minute.
        '--unsafe-no-fsync',
        '--log-level=error',
      ]),
    )
    const token = randomBytes(24).toString('hex')
    writeFileSync(join(folder, 'tokens.csv'), `${token},check,check,system:masters\n`, { mode: 0o600 })
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const key = join(folder, 'accounts.key')
    writeFileSync(key, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
    children.push(
      start('kube-apiserver', folder, [
        `--etcd-servers=${etcd}`,
        '--bind-address=127.0.0.1',
        `--secure-port=${port}`,
        `--cert-dir=${folder}`,
        `--token-auth-file=${join(folder, 'tokens.csv')}`,
        `--service-account-key-file=${key}`,
        `--service-account-signing-key-file=${key}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        '--service-cluster-ip-range=10.0.0.0/24',
        '--authorization-mode=RBAC',
      ]),
    )
    const config = join(folder, 'kubeconfig.json')
    const server = `https://127.0.0.1:${port}`
    const named = (name, kind, value) => [{ name, [kind]: value }]
    // JSON is YAML. The server writes its certificate when it starts.
    writeFileSync(
      config,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: named('check', 'cluster', { server, 'certificate-authority': join(folder, 'apiserver.crt') }),
        users: named('check', 'user', { token }),
        contexts: named('check', 'context', { cluster: 'check', user: 'check' }),
        'current-context': 'check',
      }),
      { mode: 0o600 },
    )
    const kubectl = (args, input) => run(['--request-timeout=60s', ...args], { KUBECONFIG: config }, input)
    await ready(kubectl, children, folder)
    const applied = ['apply', '--server-side', '-f', defined]
    const waited = ['wait', '--for=condition=Established', '--timeout=60s', '-f', defined]
    for (const command of [applied, waited]) {
      const { status, said } = await kubectl(command)
      if (status !== 0) throw new Error(said)
    }
    return { kubectl, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Not at once: a signal has to be heard meanwhile. */
function run(args, env, input) {
  return new Promise((done) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 2 ** 20 }
    const child = execFile('kubectl', args, options, (error, stdout, stderr) =>
      done({ status: error ? 1 : 0, stdout, said: `${stdout}${stderr}` }),
    )
    // It may end before it has read all.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

function start(name, folder, args) {
  // In a group of its own: an interrupt at a terminal reaches the check, which ends it.
  const child = spawn(made(name), args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  child.words = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (child.words = (child.words + text).slice(-4000)))
  return child
}

function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return undefined
  return new Promise((done) => {
    child.once('exit', done)
    child.kill('SIGTERM')
    // The server waits for its clients, of which there are none left.
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
  })
}

async function ready(kubectl, children, folder) {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await new Promise((next) => setTimeout(next, 500))) {
    const ended = children.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)
    if (ended) throw new Error(`${ended.spawnfile} ended: ${ended.words}`)
    if (existsSync(join(folder, 'apiserver.crt')) && (await kubectl(['get', '--raw', '/readyz'])).status === 0) return
  }
  throw new Error(`the API server was not ready in time: ${children[1].words}`)
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = []
  for (const server of servers) {
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
    ports.push(server.address().port)
  }
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))))
  return ports
}
