// Whether going on from last month's version pays: month after month beside a full retraining on all events, and at the end
// what is left of the first month's knowledge.
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkEngines } from '../src/platform/engine-check.js'
import { type Engine, startTensorflow } from '../src/platform/tensorflow.js'
import { mean, pairedDifference } from '../src/training/metrics.js'
import { datasetBefore, type Log, readLog } from './gate/shop.js'
import { judge, type Made, make, type Quality, withoutLater } from './incremental/run.js'
import { median } from './report.js'

const SET = 'online-retail'
const HELP = `npm run bench:incremental -- --data DIR [options]

  --data DIR      folder with ${SET}, of items.csv.gz and interactions.csv.gz (or ATTUNE_DATA)
  --first 2011-07 month that the first version is asked about; it learns from all before
  --months 4      that follow, each with an incremental and a full training
  --seeds 1       of the training; ratios are medians
  --engine NAME   what computes; the fastest that works by default`

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env.ATTUNE_DATA },
    first: { type: 'string', default: '2011-07' },
    months: { type: 'string', default: '4' },
    seeds: { type: 'string', default: '1' },
    engine: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const percent = (value: number) => (100 * value).toFixed(2)
/** Of the first month's users, whose later events nobody learns from: they are asked again at the end. */
const HELD_BACK = 300

interface Ratios {
  /** NDCG@10, incremental by full. */
  network: number
  blend: number
  /** CPU time, incremental by full. */
  fitting: number
  whole: number
  /** NDCG@10 on the first month, last incremental version by first version. */
  firstMonthNetwork: number
  firstMonthBlend: number
}

if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const { data } = values
if (!data || !existsSync(join(data, SET, 'interactions.csv.gz'))) {
  console.warn(`SKIPPED: no ${SET} in ${data ?? '(no --data, no ATTUNE_DATA)'}; see --help`)
  console.log(JSON.stringify({ bench: 'incremental', ratios: null }))
  process.exit(0)
}
const engine = (values.engine ?? (await checkEngines()).find(({ works }) => works)!.engine) as Engine
await startTensorflow(engine)
console.log(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, engine ${engine}`)
const log = readLog(data, SET, 1)
const first = new Date(`${values.first}-01T00:00:00Z`)
/** Beginnings of the first month, of those that follow, and the end of the last. */
const moments = Array.from({ length: Number(values.months) + 2 }, (_, month) =>
  Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + month),
)
const found: Ratios[] = []
for (const seed of values.seeds.split(',').map(Number)) found.push(await follow(log, seed))
const ratios = Object.fromEntries(
  (Object.keys(found[0]) as (keyof Ratios)[]).map((name) => [
    name,
    Number(median(found.map((one) => one[name])).toFixed(3)),
  ]),
)
console.log(JSON.stringify({ bench: 'incremental', date: new Date().toISOString().slice(0, 10), engine, ratios }))
process.exit(0)

/** One seed: a chain of versions, each beside a full retraining. */
async function follow(whole: Log, seed: number): Promise<Ratios> {
  console.log(`\nseed ${seed}`)
  const firstDataset = datasetBefore(whole, moments[1])
  const start = await make({ dataset: firstDataset, moment: moments[0], from: null, seed, engine })
  const asked = { ...start, test: spread(start.test, HELD_BACK) }
  tell(moments[0], 'first version', start, await judge(start.version, firstDataset, start))
  const log = withoutLater(whole, new Set(asked.test.map(({ user }) => user)), moments[0])

  const sums = { fitting: [0, 0], whole: [0, 0] }
  const all: { incremental: Quality[]; full: Quality[] } = { incremental: [], full: [] }
  let last = start.version
  for (let month = 1; month + 1 < moments.length; month++) {
    const moment = moments[month]
    const dataset = datasetBefore(log, moments[month + 1])
    const task = { dataset, moment, seed, engine }
    const incremental = await make({ ...task, from: last })
    const full = await make({ ...task, from: null })
    const [a, b] = [await judge(incremental.version, dataset, incremental), await judge(full.version, dataset, full)]
    tell(moment, 'first version still', null, await judge(start.version, dataset, full))
    tell(moment, 'incremental', incremental, a)
    tell(moment, 'full', full, b)
    compare('incremental - full', a, b)
    all.incremental.push(a)
    all.full.push(b)
    for (const what of ['fitting', 'whole'] as const) {
      sums[what][0] += incremental[what]
      sums[what][1] += full[what]
    }
    last = incremental.version
  }
  const [incremental, full] = [joined(all.incremental), joined(all.full)]
  console.log('all months')
  compare('incremental - full', incremental, full)
  console.log('first month again, users of whom nothing later was learned from')
  const [now, then] = [await judge(last, firstDataset, asked), await judge(start.version, firstDataset, asked)]
  compare('last incremental - first version', now, then)
  return {
    network: mean(incremental.network) / mean(full.network),
    blend: mean(incremental.blend) / mean(full.blend),
    fitting: sums.fitting[0] / sums.fitting[1],
    whole: sums.whole[0] / sums.whole[1],
    firstMonthNetwork: mean(now.network) / mean(then.network),
    firstMonthBlend: mean(now.blend) / mean(then.blend),
  }
}

function tell(moment: number, name: string, made: Made | null, { network, blend }: Quality): void {
  const took =
    made &&
    `, fitting ${made.fitting.toFixed(0)} CPU s of ${made.whole.toFixed(0)}, ${made.steps} steps, best epoch ${made.bestEpoch} of ${made.epochs}, ${made.kind}`
  console.log(
    `${new Date(moment).toISOString().slice(0, 7)} ${name.padEnd(20)} network ${percent(mean(network))}, blend ${percent(mean(blend))}, ${network.length} users${took ?? ''}`,
  )
}

function compare(name: string, a: Quality, b: Quality): void {
  for (const what of ['network', 'blend'] as const) {
    const { mean: lead, low, high } = pairedDifference(a[what], b[what])
    const ratio = mean(a[what]) / mean(b[what])
    console.log(
      `  ${name}, ${what}: ${percent(mean(a[what]))} by ${percent(mean(b[what]))}, ratio ${ratio.toFixed(3)}, difference ${percent(lead)} (${percent(low)} to ${percent(high)})`,
    )
  }
}

/** Every month's users count the same. */
function joined(parts: Quality[]): Quality {
  return {
    network: Float32Array.from(parts.flatMap(({ network }) => [...network])),
    blend: Float32Array.from(parts.flatMap(({ blend }) => [...blend])),
  }
}

/** An evenly spread part. */
function spread<T>(list: T[], most: number): T[] {
  const step = Math.max(1, list.length / most)
  return Array.from({ length: Math.min(most, list.length) }, (_, nth) => list[Math.floor(nth * step)])
}
