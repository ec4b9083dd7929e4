import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { arch, availableParallelism, platform, release } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { textEncoder } from '../catalog/item-vectors.js'
import { type Config, readConfig } from '../platform/config.js'
import { checkEngines, type EngineCheck } from '../platform/engine-check.js'
import { createKafka } from '../platform/kafka.js'
import { createLogger, type Logger } from '../platform/logger.js'
import type { Engine } from '../platform/tensorflow.js'
import { shippedBlend, shippedPrior } from '../registry/shipped-base.js'
import { keptForService, machineMemory, runsAtOnce } from '../training/capacity.js'
import { fallbackOf, hardware } from '../training/trainer-engine.js'
import { checkDatabase, PATIENCE_MS } from './doctor-database.js'
import { uninterrupted } from './uninterrupted.js'

const OLDEST_NODE = [20, 19]
/** As `auto` tries them. */
const AUTO: Engine[] = ['cuda', 'native', 'wasm', 'cpu']

export interface Check {
  name: string
  /** Null: there was nothing to check. */
  ok: boolean | null
  /** What was found, or what is wrong. */
  detail: string
}

export interface Diagnosis {
  /** Whether the service could run here, as it is configured. */
  ok: boolean
  checks: Check[]
  engines: EngineCheck[]
  /** What BACKEND asks for, and which engine that comes to; null: none. */
  backend: Config['backend']
  engine: Engine | null
  /** Why training is slower here than it should be; null: it is not. */
  fallback: string | null
  machine: { node: string; platform: string; cores: number; memoryBytes: number }
  training: { runsAtOnce: number; memoryBytes: number } | null
}

/** Looks at all that the service needs, one thing after another, and changes nothing. Never throws. */
export async function diagnose(env: NodeJS.ProcessEnv): Promise<Diagnosis> {
  const logger = createLogger('silent')
  const machine = {
    node: process.versions.node,
    platform: `${platform()} ${arch()} ${release()}`,
    cores: availableParallelism(),
    memoryBytes: machineMemory(),
  }
  const checks: Check[] = [
    checkNode(machine.node),
    {
      name: 'Machine',
      ok: true,
      detail: `${machine.platform}, ${machine.cores} cores, ${gib(machine.memoryBytes)} of memory`,
    },
  ]
  const { config, check } = configuration(env)
  checks.push(check)
  checks.push(await attempt('Data folder', () => uninterrupted(() => checkDataFolder(config.dataDir))))
  checks.push(await attempt('Database', () => uninterrupted(() => checkDatabase(config, logger))))
  checks.push(
    config.kafka
      ? await attempt('Kafka', () => checkKafka(config.kafka as NonNullable<Config['kafka']>, logger))
      : { name: 'Kafka', ok: null, detail: 'not configured (KAFKA_BROKERS): events come by HTTP' },
  )
  checks.push(await attempt('Models', checkModels))
  const engines = await checkEngines()
  const engine = chosen(config.backend, engines)
  const training = config.roles.includes('trainer') && engine ? trainingHere(config, engine, machine) : null
  if (training) checks.push(trainingCheck(training))
  return {
    ok: engine !== null && checks.every(({ ok }) => ok !== false),
    checks,
    engines,
    backend: config.backend,
    engine,
    fallback:
      config.backend === 'auto' && engine ? fallbackOf(engine, reasonsBefore(engine, engines), hardware()) : null,
    machine,
    training,
  }
}

function checkNode(version: string): Check {
  const [major, minor] = version.split('.').map(Number)
  const ok = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
  return { name: 'Node', ok, detail: ok ? version : `${version}: ${OLDEST_NODE.join('.')} or newer is needed` }
}

function configuration(env: NodeJS.ProcessEnv): { config: Config; check: Check } {
  const name = 'Settings'
  try {
    const config = readConfig(env)
    return { config, check: { name, ok: true, detail: `ROLES=${config.roles.join()} BACKEND=${config.backend}` } }
  } catch (error) {
    // The rest is looked at as if nothing were set.
    return { config: readConfig({}), check: { name, ok: false, detail: wordsOf(error) } }
  }
}

/** The folder itself, or the nearest one above it that is there. */
async function checkDataFolder(dataDir: string): Promise<string> {
  let folder = resolve(dataDir)
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  // By doing it: rights alone don't tell of a file system that is full or can't be written.
  await mkdtemp(join(folder, '.attune-doctor-')).then(
    (trial) => rm(trial, { recursive: true }),
    () => {
      throw new Error(`${folder} cannot be written (DATA_DIR)`)
    },
  )
  return folder === resolve(dataDir) ? `${dataDir} can be written` : `${dataDir} is not there yet and can be made`
}

async function checkKafka(kafka: NonNullable<Config['kafka']>, logger: Logger): Promise<string> {
  const admin = createKafka(kafka, logger).admin()
  try {
    const found = await inTime(
      admin.connect().then(() => admin.describeCluster()),
      `no answer from ${kafka.brokers.join()} within ${PATIENCE_MS / 1000} s`,
    )
    return `${found.brokers.length} brokers answer`
  } finally {
    // Also where it still tries to connect.
    void admin.disconnect().catch(() => undefined)
  }
}

function checkModels(): Promise<string> {
  textEncoder()
  shippedPrior()
  shippedBlend()
  return Promise.resolve('text encoder, text prior and default blend are there')
}

const chosen = (backend: Config['backend'], engines: EngineCheck[]): Engine | null =>
  (backend === 'auto' ? AUTO : [backend]).find((name) => engines.some((e) => e.engine === name && e.works)) ?? null

function reasonsBefore(engine: Engine, engines: EngineCheck[]): Record<string, string> {
  const better = AUTO.slice(0, Math.max(0, AUTO.indexOf(engine)))
  return Object.fromEntries(
    engines.filter((check) => better.includes(check.engine)).map((check) => [check.engine, check.reason ?? '']),
  )
}

function trainingHere(config: Config, engine: Engine, { cores, memoryBytes }: Diagnosis['machine']) {
  return {
    runsAtOnce: runsAtOnce(engine, config.trainerConcurrency, cores),
    memoryBytes: Math.max(0, memoryBytes - keptForService(config)),
  }
}

function trainingCheck({ runsAtOnce, memoryBytes }: NonNullable<Diagnosis['training']>): Check {
  const ok = memoryBytes > 0
  const runs = `${runsAtOnce} ${runsAtOnce === 1 ? 'run' : 'runs'} at once`
  const none = 'MODEL_MEMORY_MB leaves no memory for runs: each will be refused'
  return { name: 'Training', ok, detail: ok ? `${runs}, which share ${gib(memoryBytes)}` : none }
}

const attempt = (name: string, look: () => Promise<string>): Promise<Check> =>
  look().then(
    (detail) => ({ name, ok: true, detail }),
    (error: unknown) => ({ name, ok: false, detail: wordsOf(error) }),
  )

/** Of several failed addresses, what each said. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

function inTime<T>(work: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => (timer = setTimeout(() => fail(new Error(otherwise)), PATIENCE_MS)))
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

export const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
