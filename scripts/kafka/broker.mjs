// One Apache Kafka broker (KRaft: broker and controller in one process), for tests and for trying things out.

import { execFile, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { java, prepareKafka } from './jars.mjs'

const run = promisify(execFile)
const HOST = '127.0.0.1'
const READY_WITHIN_MS = 120_000
const STOP_WITHIN_MS = 20_000
const guardScript = fileURLToPath(new URL('guard.mjs', import.meta.url))

/**
 * Starts a broker on 127.0.0.1 and resolves when it answers (one of several: when most of them are there). Data, settings and log (`broker.log`) lie in `dataDir`;
 * a second start on the same folder has the same address and the same messages. Without `dataDir` the folder is
 * temporary and goes with `stop()`. The broker also ends when this process dies, in whatever way.
 * Topics are not created by writing to them: as on most production clusters, somebody has to create them.
 *
 * @param {{ port?: number, dataDir?: string, heapMb?: number, member?: object }} [options] without `port`, that of the
 *   last start, else a free one; `member` says which one of a cluster it is, see `startKafkaCluster`
 * @returns {Promise<{ brokers: string, dataDir: string, stop(): Promise<void>, kill(): Promise<void>,
 *   exited: Promise<void> }>} `stop` is graceful and may be called twice, `kill` is kill -9 and keeps the data
 * @throws {Error} when the jars can't be had, a port is taken, or the broker gives up (with its last log lines)
 */
export async function startKafka({ port, dataDir, heapMb, member } = {}) {
  const jars = await prepareKafka()
  const temporary = dataDir === undefined
  const folder = temporary ? mkdtempSync(join(tmpdir(), 'kafka-')) : resolve(dataDir)
  try {
    const settings = await settingsIn(folder, { port, heapMb, member })
    const process = await launch(jars, folder, settings, temporary)
    return broker(process, folder, settings, temporary)
  } catch (error) {
    if (temporary) rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function broker({ child, guard, exited }, dataDir, { port }, temporary) {
  const end = async (signal) => {
    child.ref()
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
    await exited
    clearTimeout(late)
    guard.kill('SIGKILL')
  }
  return {
    brokers: `${HOST}:${port}`,
    dataDir,
    exited,
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGTERM')
      if (temporary) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/**
 * The addresses of this folder's broker: kept from its first start, because clients and the controller's own records
 * remember them, else chosen now.
 *
 * @returns {Promise<{ port: number, controllerPort: number, clusterId: string, heapMb: number, id: number,
 *   replicas: number, voters?: string }>}
 */
async function settingsIn(folder, { port: askedPort, heapMb = 512, member }) {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'settings.json')
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
  if (kept && askedPort !== undefined && askedPort !== kept.port) {
    throw new Error(`the data in ${folder} belong to port ${kept.port}, not ${askedPort}`)
  }
  const port = kept?.port ?? askedPort ?? (await freePort())
  const made = async () => member ?? { controllerPort: await freePort([port]), clusterId: newClusterId() }
  const settings = { id: 1, replicas: 1, heapMb, ...(kept ?? { port, ...(await made()) }) }
  for (const wanted of [settings.port, settings.controllerPort]) {
    if (!(await isFree(wanted))) throw new Error(`port ${wanted} is taken`)
  }
  writeFileSync(file, JSON.stringify(settings))
  writeFileSync(join(folder, 'server.properties'), properties(folder, settings))
  return settings
}

function properties(folder, { port, controllerPort, id, replicas, voters = `${id}@${HOST}:${controllerPort}` }) {
  const lines = {
    'process.roles': 'broker,controller',
    'node.id': id,
    listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': voters,
    // Backslashes are escapes in a properties file.
    'log.dirs': join(folder, 'log').replaceAll('\\', '/'),
    'auto.create.topics.enable': false,
    'num.partitions': 3,
    'offsets.topic.num.partitions': 3,
    'default.replication.factor': replicas,
    // What was acknowledged outlives any one broker.
    'min.insync.replicas': Math.min(2, replicas),
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 3,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': Math.min(2, replicas),
    // A lone consumer need not wait three seconds for others to join its group.
    'group.initial.rebalance.delay.ms': 0,
  }
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

async function launch(jars, folder, { port, clusterId, heapMb }, temporary) {
  const memory = [`-Xmx${heapMb}m`, '-XX:+UseSerialGC']
  // The quick compiler only: a broker of a few minutes never earns back what the thorough one costs at its start.
  const common = ['-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true', '-cp', join(jars, '*')]
  const config = join(folder, 'server.properties')
  if (!existsSync(join(folder, 'log', 'meta.properties'))) {
    await run(java, [...common, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config])
  }
  const logFile = join(folder, 'broker.log')
  const log = openSync(logFile, 'a')
  // Detached: Ctrl-C in a terminal would otherwise stop the broker at once, before those who still talk to it.
  const child = spawn(java, [...memory, ...common, 'kafka.Kafka', config], {
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  const exited = once(child, 'exit').then(() => {})
  const guard = spawn(process.execPath, [guardScript, String(child.pid), ...(temporary ? [folder] : [])], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  // Writing is never done; an error here only says that the guard is gone before us.
  guard.stdin.on('error', () => {})
  for (const handle of [child, guard, guard.stdin]) handle.unref()
  try {
    await untilReady(port, child)
  } catch (error) {
    child.kill('SIGKILL')
    guard.kill('SIGKILL')
    const last = readFileSync(logFile, 'utf8').trim().split('\n').slice(-8).join('\n')
    throw new Error(`${error.message}; its log ends with\n${last}`, { cause: error })
  }
  return { child, guard, exited }
}

async function untilReady(port, child) {
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('the Kafka broker stopped')
    if (await answersApiVersions(port)) return
    await sleep(100)
  }
  throw new Error(`the Kafka broker was not ready after ${READY_WITHIN_MS / 1000} s`)
}

/**
 * Whether the broker answers the protocol's first question, ApiVersions (key 18, version 0). Its port is open long
 * before it does.
 */
function answersApiVersions(port) {
  const question = 77
  const request = Buffer.alloc(14)
  request.writeInt32BE(10, 0) // bytes that follow
  request.writeInt16BE(18, 4)
  request.writeInt16BE(0, 6)
  request.writeInt32BE(question, 8)
  request.writeInt16BE(-1, 12) // no client id
  return new Promise((done) => {
    let answer = Buffer.alloc(0)
    const socket = connect(port, HOST, () => socket.write(request))
    const finish = (ready) => {
      socket.destroy()
      done(ready)
    }
    socket.setTimeout(2_000, () => finish(false))
    socket.on('error', () => finish(false))
    socket.on('close', () => finish(false))
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk])
      if (answer.length >= 10) finish(answer.readInt32BE(4) === question && answer.readInt16BE(8) === 0)
    })
  })
}

/**
 * A free port below the range that systems hand out to outgoing connections: in that range a client that keeps
 * trying to reach a stopped broker can end up connected to itself, and so occupy the broker's port.
 */
export async function freePort(except = []) {
  for (let tries = 0; tries < 200; tries++) {
    const port = randomInt(20_000, 32_000)
    if (!except.includes(port) && (await isFree(port))) return port
  }
  throw new Error('no free port between 20000 and 32000')
}

function isFree(port) {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, HOST, () => server.close(() => done(true)))
  })
}

export function newClusterId() {
  const id = randomBytes(16).toString('base64url')
  // A leading dash would be read as an option by the format tool.
  return id.startsWith('-') ? newClusterId() : id
}
