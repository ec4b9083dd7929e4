// How good the recommendations are: every method on every data set, whole catalogue ranked, by two protocols.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { checkEngines } from '../src/platform/engine-check.js'
import type { Engine } from '../src/platform/tensorflow.js'
import type { Figures, Found, Task } from './quality/worker.js'
import { median } from './report.js'

const HELP = `npm run bench:quality -- --data DIR [options]

  --data DIR       folder of data sets, each with items.csv.gz and interactions.csv.gz (or ATTUNE_DATA)
  --sets A,B       which of them; all by default
  --splits last,time
                   last: leave-one-out; time: a global moment, where times are real
  --users N        that leave-one-out asks at most, chosen by hash; 1000 by default
  --seeds 1,2,3    of the training; the table shows medians
  --share N        of the users to learn from, 0 to 1: how much a start is worth where data is scarce
  --engine NAME    what computes; the fastest that works by default
  --at-once N      runs at a time, one thread each; as many as there are cores by default
  --as-run         one run at a time with all threads, a twin only where a run affords one: for the time that it takes
  --no-baselines   without the methods of others
  --tweak JSON     changes to what the recipe chooses, { "config": {}, "options": {}, "noTwin": true, "noText": true }, for trials`

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env.ATTUNE_DATA },
    sets: { type: 'string' },
    splits: { type: 'string', default: 'last,time' },
    users: { type: 'string', default: '1000' },
    share: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1,2,3' },
    engine: { type: 'string' },
    'at-once': { type: 'string', default: String(availableParallelism()) },
    'as-run': { type: 'boolean', default: false },
    'no-baselines': { type: 'boolean', default: false },
    tweak: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** In the order of the table. Names as `evaluate` knows them. */
const METHODS = [
  'popular',
  'recent',
  'item KNN',
  'order-aware KNN',
  'EASE',
  'text',
  'base',
  'from scratch',
  'fine-tuned',
  'blend without network',
  'blend',
]
// Times below this are order numbers: there is no moment that is the same for all.
const REAL_TIME = 1e8

if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const data = values.data
const sets = data && existsSync(data) ? setsOf(data) : []
if (!data || sets.length === 0) {
  console.warn(`SKIPPED: no data set in ${data ?? '(no --data, no ATTUNE_DATA)'}; see --help`)
  console.log(JSON.stringify({ bench: 'quality', ndcg10: {} }))
  process.exit(0)
}
const engine = (values.engine ?? (await bestEngine())) as Engine
const seeds = values.seeds.split(',').map(Number)
console.log(
  `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, engine ${engine}, seeds ${seeds.join()}`,
)
const jobs = sets.flatMap((set) =>
  values.splits.split(',').flatMap((split) => seeds.map((seed) => ({ set, split: split as Task['split'], seed }))),
)
const found = new Map<string, Found[]>()
const worker = fileURLToPath(new URL('quality/worker.js', import.meta.url))
const queue = [...jobs]
const ndcg10: Record<string, Record<string, number>> = {}
const atOnce = values['as-run'] ? 1 : Math.max(1, Number(values['at-once']))
await Promise.all(Array.from({ length: atOnce }, drain))
for (const [key, results] of found) ndcg10[key] = tell(key, results)
console.log(JSON.stringify({ bench: 'quality', date: new Date().toISOString().slice(0, 10), engine, ndcg10 }))

async function drain(): Promise<void> {
  for (let job = queue.shift(); job; job = queue.shift()) {
    const key = job.split === 'last' ? job.set : `${job.set}, by time`
    try {
      const result = await run(job)
      if (!result) continue
      found.set(key, [...(found.get(key) ?? []), result])
      const { seconds, users, blend, epochs, methods } = result
      const { tuned, scratch } = result.curves
      const bestOfScratch = Math.max(...scratch.map((value) => value ?? 0))
      const reached = tuned.findIndex((value) => (value ?? 0) >= bestOfScratch)
      const figures = Object.entries(methods).map(([name, { ndcg }]) => `${name} ${percent(ndcg)}`)
      console.log(
        `${key}, seed ${job.seed}: ${users} users, ${seconds.toFixed(0)} s, best epoch ${epochs.best} of ${epochs.all}; the twin's best, epoch ${epochs.scratchBest}, was reached in ${reached < 0 ? 'none' : reached} | ${figures.join(', ')} | network of all users ${percent(result.networkOfAll)} | ${blend.reason}`,
      )
    } catch (error) {
      console.error(`${key}, seed ${job.seed}: FAILED: ${(error as Error).message}`)
      process.exitCode = 1
    }
  }
}

/** Null where the set has no real times to be split by. */
function run({ set, split, seed }: { set: string; split: Task['split']; seed: number }): Promise<Found | null> {
  const task: Task = {
    data: data!,
    set,
    split,
    seed,
    users: Number(values.users),
    share: Number(values.share),
    engine,
    threads: values['as-run'] ? availableParallelism() : 1,
    asRun: values['as-run'],
    baselines: !values['no-baselines'] && seed === seeds[0],
    leastTime: split === 'time' ? REAL_TIME : 0,
    ...(values.tweak !== undefined && { tweak: JSON.parse(values.tweak) as Task['tweak'] }),
  }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [worker, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, errors] = ['', '']
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out.trim().split('\n').at(-1)!) as Found | null)
      else reject(new Error(`ended with ${code}: ${errors.slice(-1000)}`))
    })
  })
}

/** Prints the rows of one set. @returns the medians */
function tell(key: string, results: Found[]): Record<string, number> {
  const [first] = results
  const seconds = median(results.map((one) => one.seconds)).toFixed(0)
  console.log(`\n${key}: ${first.events} events, ${first.items} items, ${first.users} users asked, ${seconds} s a run`)
  const medians: Record<string, number> = {}
  for (const name of METHODS) {
    const figures = results.flatMap(({ methods }) => (methods[name] ? [methods[name]] : []))
    if (figures.length === 0) {
      if (first.absent[name]) console.log(`  ${name.padEnd(24)} not run: ${first.absent[name]}`)
      continue
    }
    const { ndcg, low, high, hitRate } = middle(figures)
    medians[name] = Number((100 * ndcg).toFixed(2))
    console.log(
      `  ${name.padEnd(24)} NDCG@10 ${percent(ndcg).padStart(6)} (${percent(low)} to ${percent(high)})  HR@10 ${percent(hitRate).padStart(6)}`,
    )
  }
  medians['network of all users'] = Number((100 * median(results.map((one) => one.networkOfAll))).toFixed(2))
  const cold = (name: keyof Found['cold']) => median(results.map((one) => one.cold[name]))
  if (cold('users') > 0)
    console.log(
      `  items without an event in training: ${cold('users')} users, NDCG@10 ${percent(cold('blend'))}, with ids only ${percent(cold('idsOnly'))}, by the network alone ${percent(cold('network'))}; ` +
        `${percent(cold('clicks'))} % of what was taken, ${percent(cold('shown'))} % of what is shown`,
    )
  console.log(`  network alone, over all users that the protocol asks: ${medians['network of all users'].toFixed(2)}`)
  return medians
}

/** The figures of the run whose NDCG is the median. */
function middle(figures: Figures[]): Figures {
  const sorted = [...figures].sort((a, b) => a.ndcg - b.ndcg)
  return sorted[sorted.length >> 1]
}

function setsOf(folder: string): string[] {
  const all = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'interactions.csv.gz')))
  if (values.sets === undefined) return all
  const wanted = values.sets.split(',')
  for (const name of wanted) if (!all.includes(name)) console.warn(`SKIPPED: ${name} is not in ${folder}`)
  return wanted.filter((name) => all.includes(name))
}

async function bestEngine(): Promise<Engine> {
  // Best first; `cpu` always works.
  return (await checkEngines()).find(({ works }) => works)!.engine
}

function percent(value: number): string {
  return (100 * value).toFixed(2)
}
