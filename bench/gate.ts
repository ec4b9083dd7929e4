// Whether the gate can tell: candidates that a run went wrong for, and honest ones on fresh data, each against a champion that
// was trained some time before.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { decodeVersion, encodeVersion, type VersionFile } from '../src/model/version-file.js'
import { checkEngines } from '../src/platform/engine-check.js'
import { type Engine, startTensorflow } from '../src/platform/tensorflow.js'
import { chooseRecipe } from '../src/training/recipe.js'
import { splitByTime } from '../src/training/split.js'
import { type Candidate, run, type Verdict } from './gate/run.js'
import { datasetUpTo, type Log, readLog } from './gate/shop.js'
import { askingOnly, lostItems, shuffled, tenfold, withBots, withoutItems, withoutTexts } from './gate/spoiling.js'

const HELP = `npm run bench:gate -- --data DIR [options]

  --data DIR    folder of data sets, each with items.csv.gz and interactions.csv.gz (or ATTUNE_DATA)
  --sets A,B    which of the shops; all by default
  --only honest|spoiled
  --engine NAME what computes; the fastest that works by default
  --no-twin     without the from-scratch twins, which take a third of the time
  --keep DIR    folder for the versions: a second call takes them from there and does not train them again`

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env.ATTUNE_DATA },
    sets: { type: 'string' },
    only: { type: 'string' },
    engine: { type: 'string' },
    'no-twin': { type: 'boolean', default: false },
    keep: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

type Kind = 'shuffled targets' | 'half the vocabulary' | 'rate x 10' | 'bots in training' | 'bots'
interface Shop {
  set: string
  /** Share of the users. */
  users: number
  /** Spoiled candidates, each at a share of the events. */
  spoiled: [Kind, number][]
}
/** Sets with real times. Each gives five honest candidates and five spoiled ones. */
const SHOPS: Shop[] = [
  {
    set: 'wikispeedia',
    users: 1,
    spoiled: [
      ['shuffled targets', 1],
      ['half the vocabulary', 1],
      ['rate x 10', 1],
      ['bots', 1],
      ['shuffled targets', 0.8],
    ],
  },
  {
    set: 'online-retail',
    users: 0.5,
    spoiled: [
      ['shuffled targets', 1],
      ['half the vocabulary', 1],
      ['rate x 10', 1],
      ['bots', 1],
      ['half the vocabulary', 0.8],
    ],
  },
  {
    set: 'deskdrop-events',
    users: 1,
    spoiled: [
      ['shuffled targets', 1],
      ['half the vocabulary', 1],
      ['rate x 10', 1],
      ['bots in training', 1],
      ['rate x 10', 0.8],
    ],
  },
  {
    set: 'open-ecommerce-core',
    users: 1,
    spoiled: [
      ['shuffled targets', 1],
      ['half the vocabulary', 1],
      ['rate x 10', 1],
      ['bots', 1],
      ['bots in training', 0.8],
    ],
  },
]
/** Shares of the events at which versions are trained: the first is only a champion. */
const MOMENTS = [0.5, 0.6, 0.7, 0.8, 0.9, 1]
const FARM = { bots: 300, clicks: 40, pushed: 60 }

if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const { data } = values
const wanted = values.sets?.split(',')
const shops = SHOPS.filter(({ set }) => !wanted || wanted.includes(set))
const present = shops.filter(({ set }) => data && existsSync(join(data, set, 'interactions.csv.gz')))
for (const { set } of shops)
  if (!present.some((shop) => shop.set === set))
    console.warn(`SKIPPED: no ${set} in ${data ?? '(no --data, no ATTUNE_DATA)'}`)
const tally = { spoiledPromoted: 0, of: 0, honestPromoted: 0, ofHonest: 0, reasons: {} as Record<string, string> }
if (present.length > 0) {
  const engine = (values.engine ?? (await checkEngines()).find(({ works }) => works)!.engine) as Engine
  await startTensorflow(engine)
  console.log(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, engine ${engine}`)
  for (const [index, shop] of present.entries()) await compare(data!, shop, 100 * (index + 1), engine)
}
console.log(JSON.stringify({ bench: 'gate', ...tally }))

/** All candidates of one shop. Each honest one is the next one's champion. */
async function compare(folder: string, { set, users, spoiled }: Shop, seed: number, engine: Engine): Promise<void> {
  const log = readLog(folder, set, users)
  const versions = new Map<number, VersionFile>()
  const shared = { engine, twin: !values['no-twin'] }
  console.log(`\n${set}: ${log.events.items.length} events of ${log.userCount} users, ${log.itemIds.length} items`)
  for (const [step, moment] of MOMENTS.entries()) {
    const champion = step > 0 ? versions.get(MOMENTS[step - 1])! : null
    const file = values.keep && join(values.keep, `${set}-${moment}.safetensors`)
    const kept = file && existsSync(file)
    const needed = step === 0 || values.only !== 'spoiled' || !kept
    if (kept) versions.set(moment, decodeVersion(readFileSync(file)))
    if (!needed || (step === 0 && kept)) continue
    const from = step % 2 === 1 ? 'active' : 'base'
    const verdict = await run({ ...shared, dataset: datasetUpTo(log, moment), champion, from, seed: seed + step })
    versions.set(moment, verdict.version!)
    if (file) {
      mkdirSync(values.keep!, { recursive: true })
      writeFileSync(file, encodeVersion(verdict.version!))
    }
    if (champion) tell('honest', `${set} at ${moment}, from ${from}`, verdict)
    else console.log(`  first champion: ${verdict.kind}, ${verdict.seconds.toFixed(0)} s`)
  }
  if (values.only === 'honest') return
  for (const [nth, [kind, moment]] of spoiled.entries()) {
    const champion = versions.get(MOMENTS[MOMENTS.indexOf(moment) - 1])!
    const candidate = spoil(kind, log, moment, seed + 50 + nth)
    const verdict = await run({ ...shared, ...candidate, champion, from: nth % 2 === 1 ? 'active' : 'base' })
    tell('spoiled', `${kind}, ${set} at ${moment}`, verdict)
  }
}

function spoil(
  kind: Kind,
  log: Log,
  moment: number,
  seed: number,
): Pick<Candidate, 'dataset' | 'seed' | 'spoiled' | 'splitBy' | 'recipeBy'> {
  const dataset = datasetUpTo(log, moment)
  const honest = dataset.userCount
  switch (kind) {
    case 'shuffled targets':
      return {
        dataset,
        seed,
        spoiled: {
          split: ({ boundaries }, histories, options) =>
            splitByTime(shuffled(histories, boundaries.testFrom, seed), options),
        },
      }
    case 'half the vocabulary': {
      const lost = lostItems(dataset.itemIds.length, seed)
      return {
        dataset,
        seed,
        spoiled: { dataset: withoutTexts(dataset, lost), split: (split) => withoutItems(split, lost) },
      }
    }
    case 'rate x 10':
      return { dataset, seed, recipeBy: (shape, of) => tenfold(chooseRecipe(shape, of)) }
    case 'bots in training':
      return {
        dataset: withBots(dataset, { ...FARM, seed }),
        seed,
        splitBy: (histories, options) => askingOnly(splitByTime(histories, options), honest),
      }
    case 'bots':
      return { dataset: withBots(dataset, { ...FARM, seed }), seed }
  }
}

function tell(group: 'honest' | 'spoiled', name: string, verdict: Verdict): void {
  const { promoted, serve, checks, ndcg, users, kind, epochs, seconds, reason } = verdict
  if (group === 'honest') {
    tally.ofHonest++
    if (promoted) tally.honestPromoted++
  } else {
    tally.of++
    if (promoted) tally.spoiledPromoted++
  }
  const failed = checks.filter((check) => check.required && !check.passed).map((check) => check.name)
  tally.reasons[name] = promoted ? `promoted (${serve})` : failed.join(', ')
  const lead = checks.find((check) => check.name === 'beats what is served')!.figures
  const percent = (value: number) => (100 * value).toFixed(2)
  console.log(
    `  ${promoted ? 'PROMOTED' : 'rejected'} ${group}: ${name}: ${percent(ndcg.candidate)} against ${percent(ndcg.champion ?? 0)} ` +
      `(lead ${percent(lead.difference)}, ${percent(lead.low)} to ${percent(lead.high)}), ${users} users, ${kind}, best epoch ${epochs}, ${seconds.toFixed(0)} s | ${reason}`,
  )
}
