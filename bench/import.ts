// Events a second that `attune import` gets from a CSV into committed rows, with the service on the same machine: an
// undisturbed import, one that is killed in its midst and goes on, and one of a file with 1 % bad lines.
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { packagePath } from '../src/platform/paths.js'
import { pause, startAttune } from '../scripts/quickstart/service.js'
import type { Bench } from './report.js'

const { values } = parseArgs({ options: { events: { type: 'string', default: '1000000' } } })
const EVENTS = Number(values.events)
const USERS = 50_000
const ITEMS = 20_000
/** Of the lines of the third file. */
const BAD_EVERY = 100

/** Events as a shop's export has them: under its own names, quoted here and there, without ids. */
async function writeEvents(path: string, bad: boolean): Promise<void> {
  const file = createWriteStream(path)
  file.write('customer;sku;when;"what it was";amount\n')
  for (let i = 0; i < EVENTS; i++) {
    const at = new Date(1_700_000_000_000 + i * 1000).toISOString()
    const sku = i % 10 === 0 ? `"item ""${(i * 104_729) % ITEMS}"""` : `item-${(i * 104_729) % ITEMS}`
    const when = bad && i % BAD_EVERY === 7 ? 'yesterday' : at
    if (
      !file.write(`user-${(i * 7919) % USERS};${sku};${when};${i % 20 === 0 ? 'purchase' : 'view'};${(i % 900) / 10}\n`)
    )
      await once(file, 'drain')
  }
  file.end()
  await once(file, 'finish')
}

const MAPPED = ['userId=customer', 'itemId=sku', 'occurredAt=when', 'type=what it was', 'value=amount']

interface Told {
  accepted: number
  duplicates: number
  refused: number
  seconds: number
  rowsPerSecond: number
  from: number
}

const folder = await mkdtemp(join(tmpdir(), 'attune-bench-'))
const service = await startAttune(join(folder, 'data'), {})

/** The command line as a person would start it. */
function importing(tenant: string, file: string): ChildProcess {
  const args = ['import', 'events', file, '--tenant', tenant, '--server', service.url, '--json']
  const mapped = MAPPED.flatMap((pair) => ['--map', pair])
  return spawn(process.execPath, [packagePath('dist', 'src', 'cli', 'main.js'), ...args, ...mapped], {
    env: { PATH: process.env.PATH, ATTUNE_KEY: service.operatorKey, XDG_CONFIG_HOME: join(folder, 'config') },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

/** @returns what it told, and the most memory that it held */
async function ended(child: ChildProcess): Promise<{ code: number | null; told: Told; peakMiB: number | null }> {
  let printed = ''
  let peakMiB: number | null = null
  child.stdout?.on('data', (part: Buffer) => (printed += part.toString()))
  const watching = setInterval(() => void peakOf(child.pid).then((peak) => (peakMiB = peak ?? peakMiB)), 250)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(watching)
  return { code, told: JSON.parse(printed) as Told, peakMiB }
}

async function peakOf(pid: number | undefined): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? []
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024)
}

/** Asked once of each tenant: a count that took long is what is told for a while. */
const stored = async (tenant: string) =>
  (await service.call<{ events: number }>('GET', `/v1/tenants/${tenant}/readiness`)).events

try {
  const [good, bad] = [join(folder, 'good.csv'), join(folder, 'bad.csv')]
  await writeEvents(good, false)
  await writeEvents(bad, true)
  // Without a limit of its own, and without a training in between.
  const settings = {
    quotas: { eventsPerSecond: 10_000_000, requestsPerSecond: 1_000_000 },
    training: { schedule: null },
  }
  for (const id of ['whole', 'killed', 'flawed']) await service.call('POST', '/v1/tenants', { body: { id, settings } })

  const whole = await ended(importing('whole', good))

  const victim = importing('killed', good)
  const gone = once(victim, 'close')
  // By the clock: counting the rows takes longer than storing many of them.
  await pause(500 * whole.told.seconds)
  victim.kill('SIGKILL')
  await gone
  const resumed = await ended(importing('killed', good))

  const flawed = await ended(importing('flawed', bad))
  const named = (await readFile(`${bad}.refused.ndjson`, 'utf8')).trim().split('\n').length

  const result: Bench = {
    bench: 'import',
    events: EVENTS,
    eventsPerSecond: whole.told.rowsPerSecond,
    seconds: whole.told.seconds,
    peakMiB: whole.peakMiB,
    stored: await stored('whole'),
    killedAfterSeconds: Math.round(0.5 * whole.told.seconds),
    resumedFromLine: resumed.told.from,
    resumedDuplicates: resumed.told.duplicates,
    storedAfterResume: await stored('killed'),
    flawedEventsPerSecond: flawed.told.rowsPerSecond,
    flawedRefused: flawed.told.refused,
    flawedNamed: named,
    flawedStored: await stored('flawed'),
    flawedExitCode: flawed.code,
  }
  console.log(JSON.stringify(result))
} finally {
  await service.stop()
  await rm(folder, { recursive: true, force: true })
}
