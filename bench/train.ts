// How fast Attune trains, beside PyTorch on the same machine in the same run, and whether other promises hold.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { constants, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { checkEngines } from '../src/platform/engine-check.js'
import type { Engine } from '../src/platform/tensorflow.js'
import type { Bench } from './report.js'
import { stopAll } from './train/contender.js'
import { duel, ratioOf, type Result } from './train/duel.js'
import { HELP, type Options, readOptions } from './train/options.js'
import { catalogueTrial, flatTrial, naiveTrial, pairTrial } from './train/promises.js'
import { makePython } from './train/reference.js'
import { prepareShop } from './train/shop.js'
import { SHOPS } from './train/sizes.js'

const options = readCommandLine()
// Slower by a factor of 50 than the next: it would only prolong the run.
const LEFT_OUT: Engine = 'cpu'

const folder = mkdtempSync(join(tmpdir(), 'attune-bench-'))
const ending = new AbortController()
const clear = () => {
  stopAll()
  ending.abort()
  // Those that were just stopped may still write.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    clear()
    process.exit(128 + constants.signals[signal])
  })
}
try {
  const { pace } = options
  const result: Bench = {
    bench: 'train',
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    ...pace,
  }
  const shops = options.trials.length === 0 ? options.shops.filter(hasData) : []
  if (options.trials.length === 0 && shops.length === 0) {
    console.warn('NOTHING MEASURED: all shops are skipped, and no trial was asked for')
  } else {
    const engines = await presentEngines()
    const trials = { naive: naiveTrial, flat: flatTrial, pairs: pairTrial, catalogue: catalogueTrial }
    if (shops.length > 0) Object.assign(result, await shopResults(shops, engines))
    for (const name of shops.length > 0 ? (['naive'] as const) : options.trials) {
      for (const engine of name === 'naive' ? engines.filter((engine) => engine === 'wasm') : engines) {
        const found = await trials[name](engine, pace)
        console.log(`${name}, ${engine}:`, JSON.stringify(found))
        result[name] = { ...(result[name] as object | undefined), [engine]: found }
      }
    }
  }
  console.log(JSON.stringify(result))
} catch (error) {
  console.error(`attune: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  clear()
}

function readCommandLine(): Options {
  try {
    const read = readOptions(process.argv.slice(2), process.env)
    if (!read.help) return read
    console.log(HELP)
    process.exit(0)
  } catch (error) {
    // Node adds advice in more lines.
    console.error(`attune: ${(error as Error).message.split('\n')[0]}`)
    process.exit(2)
  }
}

async function presentEngines(): Promise<Engine[]> {
  if (options.engines !== undefined) return options.engines
  const checks = await checkEngines()
  for (const { engine, works, reason } of checks) if (!works) console.log(`engine ${engine} is not here: ${reason}`)
  return checks.filter(({ engine, works }) => works && engine !== LEFT_OUT).map(({ engine }) => engine)
}

async function shopResults(shops: string[], engines: Engine[]) {
  const ratioToPyTorch: Record<string, number | null> = {}
  const eventsPerSecond: Record<string, Record<string, number>> = {}
  const details: Record<string, Record<string, Result>> = {}
  const { python, reason } = await findPython()
  for (const name of shops) {
    const files = prepareShop(options.data!, name, folder)
    console.log(`${name}: ${files.items} items, ${files.users} users, ${files.events} events`)
    const results = await duel(files, SHOPS[name], engines, python, options.pace)
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
  return { ratioToPyTorch, ...(reason && { noRatioBecause: reason }), eventsPerSecond, details }
}

function hasData(name: string): boolean {
  const there = options.data !== undefined && existsSync(join(options.data, name, 'interactions.csv.gz'))
  if (!there) {
    const where = options.data === undefined ? '--data DIR or ATTUNE_DATA names no folder' : `not in ${options.data}`
    console.warn(`SKIPPED: ${name}, for its data is absent (${where})`)
  }
  return there
}

/** A Python that has PyTorch, or why there is none. */
async function findPython(): Promise<{ python: string | null; reason?: string }> {
  if (!options.reference) return { python: null, reason: 'PyTorch was left out: --no-reference' }
  if (options.python !== undefined) return { python: options.python }
  try {
    return { python: await makePython(folder, ending.signal) }
  } catch (error) {
    const reason = `PyTorch can't be installed (${(error as Error).message})`
    console.warn(`SKIPPED: PyTorch, for ${reason}`)
    return { python: null, reason }
  }
}
