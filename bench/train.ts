// How fast Attune trains, beside PyTorch on the same machine in the same run, and whether other promises hold.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkEngines } from '../src/platform/engine-check.js'
import type { Engine } from '../src/platform/tensorflow.js'
import type { Bench } from './report.js'
import { duel, type Pace, ratioOf, type Result } from './train/duel.js'
import { catalogueTrial, flatTrial, naiveTrial, pairTrial } from './train/promises.js'
import { makePython } from './train/reference.js'
import { prepareShop } from './train/shop.js'
import { SHOPS } from './train/sizes.js'

const { values } = parseArgs({
  options: {
    /** Folder with the shops' folders. */
    data: { type: 'string', default: process.env.ATTUNE_DATA },
    shops: { type: 'string', default: Object.keys(SHOPS).join() },
    engines: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '6' },
    /** A Python that has PyTorch, instead of a throw-away one. */
    python: { type: 'string' },
    'no-reference': { type: 'boolean', default: false },
    naive: { type: 'boolean', default: false },
    flat: { type: 'boolean', default: false },
    pairs: { type: 'boolean', default: false },
    catalogue: { type: 'boolean', default: false },
  },
})
const pace: Pace = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
// Slower by a factor of 50 than the next: it would only prolong the run.
const LEFT_OUT: Engine = 'cpu'

const folder = mkdtempSync(join(tmpdir(), 'attune-bench-'))
let python: { path: string; remove: () => void } | null = null
const clear = () => {
  rmSync(folder, { recursive: true, force: true })
  python?.remove()
}
process.once('SIGINT', () => {
  clear()
  process.exit(130)
})
try {
  const engines = await presentEngines()
  const result: Bench = {
    bench: 'train',
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    ...pace,
  }
  const trials = { naive: naiveTrial, flat: flatTrial, pairs: pairTrial, catalogue: catalogueTrial }
  const asked = Object.entries(trials).filter(([name]) => values[name as keyof typeof trials])
  for (const [name, trial] of asked) {
    for (const engine of name === 'naive' ? engines.filter((engine) => engine === 'wasm') : engines) {
      const found = await trial(engine, pace)
      console.log(`${name}, ${engine}:`, JSON.stringify(found))
      result[name] = { ...(result[name] as object | undefined), [engine]: found }
    }
  }
  if (asked.length === 0) {
    Object.assign(result, await shopResults(engines))
    if (engines.includes('wasm')) result.naive = { wasm: await naiveTrial('wasm', pace) }
  }
  console.log(JSON.stringify(result))
} finally {
  clear()
}

async function presentEngines(): Promise<Engine[]> {
  if (values.engines !== undefined) return values.engines.split(',') as Engine[]
  const checks = await checkEngines()
  for (const { engine, works, reason } of checks) if (!works) console.log(`engine ${engine} is not here: ${reason}`)
  return checks.filter(({ engine, works }) => works && engine !== LEFT_OUT).map(({ engine }) => engine)
}

async function shopResults(engines: Engine[]) {
  const ratioToPyTorch: Record<string, number | null> = {}
  const eventsPerSecond: Record<string, Record<string, number>> = {}
  const details: Record<string, Record<string, Result>> = {}
  const shops = values.shops.split(',').filter((name) => hasData(name))
  if (shops.length > 0) python = await findPython()
  for (const name of shops) {
    const files = prepareShop(values.data!, name, folder)
    console.log(`${name}: ${files.items} items, ${files.users} users, ${files.events} events`)
    const results = await duel(files, SHOPS[name], engines, python?.path ?? null, pace)
    for (const [contender, { eventsPerSecond: rate, ...rest }] of Object.entries(results)) {
      console.log(`  ${contender.padEnd(8)} ${`${rate}`.padStart(8)} events a second`, JSON.stringify(rest))
    }
    const { pytorch, ...ours } = results
    const best = Object.values(ours).sort((a, b) => b.eventsPerSecond - a.eventsPerSecond)[0]
    ratioToPyTorch[name] = pytorch ? ratioOf(best, pytorch) : null
    details[name] = results
    eventsPerSecond[name] = Object.fromEntries(
      Object.entries(results).map(([contender, { eventsPerSecond: rate }]) => [contender, rate]),
    )
  }
  return { ratioToPyTorch, eventsPerSecond, details }
}

function hasData(name: string): boolean {
  const there = values.data !== undefined && existsSync(join(values.data, name, 'interactions.csv.gz'))
  if (!there) {
    const where = values.data === undefined ? '--data DIR or ATTUNE_DATA names no folder' : `not in ${values.data}`
    console.warn(`SKIPPED: ${name}, for its data is absent (${where})`)
  }
  return there
}

async function findPython(): Promise<typeof python> {
  if (values['no-reference']) return null
  if (values.python !== undefined) return { path: values.python, remove: () => undefined }
  try {
    const made = await makePython()
    return { path: made.python, remove: made.remove }
  } catch (error) {
    console.warn(`SKIPPED: PyTorch, for it can't be installed (${(error as Error).message})`)
    return null
  }
}
