// The jars of an Apache Kafka broker: is everything there to fetch and run them, and fetching them once.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const OLDEST_JAVA = 17
const windows = process.platform === 'win32'
const pom = fileURLToPath(new URL('pom.xml', import.meta.url))
const cache = fileURLToPath(new URL('../../.cache/kafka/', import.meta.url))

/** The java to run: that of JAVA_HOME, else the one on the path. */
export const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', windows ? 'java.exe' : 'java') : 'java'

// Named after what the pom says, so that a new version is fetched beside the old one and never mixed with it.
const jarsFolder = () => join(cache, createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12))

/**
 * Whether a broker can be brought up here: Java 17 or later, and Maven unless the jars are there already.
 * Never throws.
 *
 * @returns {Promise<{ ok: true, java: number, prepared: boolean } | { ok: false, reason: string }>}
 */
export async function checkKafka() {
  const version = await javaVersion()
  if (version === null) return { ok: false, reason: `no Java: "${java} -version" does not run` }
  if (version < OLDEST_JAVA) return { ok: false, reason: `Java ${version} is too old: Kafka needs ${OLDEST_JAVA}` }
  const prepared = existsSync(jarsFolder())
  if (!prepared && !(await mavenRuns())) return { ok: false, reason: 'no Maven: "mvn -version" does not run' }
  return { ok: true, java: version, prepared }
}

/**
 * Fetches the jars unless they are there. Safe in several processes at once: one fetches, the others wait for it.
 *
 * @returns {Promise<string>} the folder of the jars
 * @throws {Error} with a reason to show: no Java, no Maven, or Maven's own last words
 */
export async function prepareKafka() {
  const possible = await checkKafka()
  if (!possible.ok) throw new Error(possible.reason)
  const jars = jarsFolder()
  if (possible.prepared) return jars
  mkdirSync(cache, { recursive: true })
  const lock = `${jars}.lock`
  while (!takeLock(lock)) {
    await sleep(200)
    if (existsSync(jars)) return jars
  }
  try {
    // Whoever held the lock before may have finished between the look at the folder and taking the lock.
    if (!existsSync(jars)) await fetchJars(jars)
  } finally {
    rmSync(lock, { force: true })
  }
  return jars
}

async function fetchJars(jars) {
  const unfinished = `${jars}.${process.pid}`
  rmSync(unfinished, { recursive: true, force: true })
  const goal = ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime']
  try {
    await maven([...goal, `-DoutputDirectory=${unfinished}`])
    renameSync(unfinished, jars)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    // Two that took over the same abandoned lock: the other one was first.
    if (existsSync(jars)) return
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || error.message
    throw new Error(`Maven could not fetch Kafka's jars: ${said.slice(0, 500)}`, { cause: error })
  }
}

/** True when the lock is now ours; a lock whose process is gone is taken over. */
function takeLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  const holder = Number(readIfThere(lock))
  // Empty: its owner is about to write its number.
  if (holder > 0 && !isRunning(holder)) rmSync(lock, { force: true })
  return false
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return ''
    throw error
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Java's major version (8, 17, 21 ...), or null where there is none. */
async function javaVersion() {
  try {
    const { stdout, stderr } = await run(java, ['-version'])
    const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(stderr + stdout) ?? []
    if (first === undefined) return null
    return Number(first === '1' ? second : first)
  } catch {
    return null
  }
}

async function mavenRuns() {
  try {
    await maven(['-version'])
    return true
  } catch {
    return false
  }
}

// On Windows mvn is a batch file, which only a shell starts.
const maven = (args) => run('mvn', args, { shell: windows, timeout: 300_000, maxBuffer: 16 * 1024 * 1024 })
