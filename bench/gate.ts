// Whether the gate can tell: candidates that a run went wrong for, and honest ones on fresh data, each against a champion that
// was trained some time before.
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { VersionFile } from '../src/model/version-file.js'
import { checkEngines } from '../src/platform/engine-check.js'
import { type Engine, startTensorflow } from '../src/platform/tensorflow.js'
import { chooseRecipe } from '../src/training/recipe.js'
import { splitByTime } from '../src/training/split.js'
import { type Candidate, run, type Verdict } from './gate/run.js'
import { datasetUpTo, type Log, readLog } from './gate/shop.js'
import { askingOnly, lostItems, shuffled, reckless, withBots, withoutItems, withoutTexts } from './gate/spoiling.js'

const HELP = `npm run bench:gate -- --data DIR [options]

  --data DIR    folder of data sets, each with items.csv.gz and interactions.csv.gz (or ATTUNE_DATA)
  --sets A,B    which of the shops; all by default
  --match TEXT  only candidates whose name has this, as 'honest' or 'bots, online-retail'
  --engine NAME what computes; the fastest that works by default
  --epochs N    at most so many, for a quicker look
  --no-twin     without the from-scratch twins, which take a third of the time`

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env.ATTUNE_DATA },
    sets: { type: 'string' },
    match: { type: 'string', default: '' },
    engine: { type: 'string' },
    epochs: { type: 'string' },
    'no-twin': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const KINDS = ['shuffled targets', 'half the vocabulary', 'rate x 100', 'bots in training', 'bots'] as const
type Kind = (typeof KINDS)[number]
interface Shop {
  set: string
  /** Share of the users. */
  users: number
  /** Spoiled candidates, each trained on so many tenths of the events. */
  spoiled: [Kind, number][]
}
/**
 * Sets with real times, and of these the ones where a version has something to be better by: live counts follow the events
 * whatever version is served, so that two versions without a network differ by next to nothing.
 */
const SHOPS: Shop[] = [
  { set: 'wikispeedia', users: 1, spoiled: spoiledAt(6, 10) },
  { set: 'online-retail', users: 1, spoiled: spoiledAt(6, 8) },
]
/** Tenths of the events that the honest candidates' champion was trained on, and they themselves, each with two seeds. */
const CHAMPION = 3
const HONEST = [6, 7, 8, 9, 10]
const SEEDS = 2
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
  for (const shop of present) await compare(data!, shop, 100 * (SHOPS.indexOf(shop) + 1), engine)
}
console.log(JSON.stringify({ bench: 'gate', ...tally }))

/**
 * All candidates of one shop. Spoiled ones are up against a champion from just before the mishap: an old one could be beaten
 * in truth, by what is sound in them.
 */
async function compare(folder: string, { set, users, spoiled }: Shop, seed: number, engine: Engine): Promise<void> {
  const log = readLog(folder, set, users)
  const shared = { engine, twin: !values['no-twin'], epochs: values.epochs ? Number(values.epochs) : Infinity }
  const honest = HONEST.flatMap((tenths) =>
    Array.from({ length: SEEDS }, (_, nth) => ({ kind: 'honest' as const, tenths, seed: seed + 10 * nth + tenths })),
  )
  const others = spoiled.map(([kind, tenths], nth) => ({ kind, tenths, seed: seed + 50 + nth }))
  const candidates = [...honest, ...others]
    .map((one, nth) => ({ ...one, from: nth % 2 === 1 ? ('active' as const) : ('base' as const) }))
    .map((one) => ({ ...one, name: `${one.kind}, ${set} at ${one.tenths}/10, seed ${one.seed}, from ${one.from}` }))
    .filter(({ name }) => name.includes(values.match))
  if (candidates.length === 0) return
  console.log(`\n${set}: ${log.events.items.length} events of ${log.userCount} users, ${log.itemIds.length} items`)
  const champions = new Map<number, VersionFile>()
  for (const { name, kind, tenths, seed: own, from } of candidates) {
    const before = kind === 'honest' ? CHAMPION : tenths - 1
    if (!champions.has(before)) {
      const { version, ...first } = await run({
        ...shared,
        dataset: datasetUpTo(log, before / 10),
        champion: null,
        from: 'base',
        seed,
      })
      champions.set(before, version!)
      console.log(`  champion at ${before}/10: ${first.kind}, ${first.seconds.toFixed(0)} s`)
    }
    const candidate = candidateOf(kind, log, tenths / 10, own)
    const champion = champions.get(before)!
    tell(kind === 'honest', name, await run({ ...shared, ...candidate, champion, from, seed: own }))
  }
}

type Made = Pick<Candidate, 'dataset' | 'spoiled' | 'splitBy' | 'recipeBy'>

function candidateOf(kind: Kind | 'honest', log: Log, moment: number, seed: number): Made {
  const dataset = datasetUpTo(log, moment)
  const honest = dataset.userCount
  switch (kind) {
    case 'honest':
      return { dataset }
    case 'shuffled targets':
      return {
        dataset,
        spoiled: {
          split: ({ boundaries }, histories, options) =>
            splitByTime(shuffled(histories, boundaries.testFrom, seed), options),
        },
      }
    case 'half the vocabulary': {
      const lost = lostItems(dataset.itemIds.length, seed)
      return {
        dataset,
        spoiled: { dataset: withoutTexts(dataset, lost), split: (split) => withoutItems(split, lost) },
      }
    }
    case 'rate x 100':
      return {
        dataset,
        recipeBy: (shape, of) => reckless(chooseRecipe(shape, of)),
        // Nobody watches over it, either: the best epoch would be gone back to, and that one may be sound.
        spoiled: { split: (split) => ({ ...split, validation: { ...split.validation, stopping: [] } }) },
      }
    case 'bots in training':
      return {
        dataset: withBots(dataset, { ...FARM, seed }),
        splitBy: (histories, options) => askingOnly(splitByTime(histories, options), honest),
      }
    case 'bots':
      return { dataset: withBots(dataset, { ...FARM, seed }) }
  }
}

function tell(honest: boolean, name: string, verdict: Verdict): void {
  const { promoted, serve, checks, ndcg, users, kind, epochs, seconds, reason } = verdict
  if (honest) {
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
    `  ${promoted ? 'PROMOTED' : 'rejected'} ${name}: ${percent(ndcg.candidate)} against ${percent(ndcg.champion ?? 0)} ` +
      `(lead ${percent(lead.difference)}, ${percent(lead.low)} to ${percent(lead.high)}), ${users} users, ${kind}, best epoch ${epochs}, ${seconds.toFixed(0)} s | ${reason}`,
  )
}

/** One candidate of each kind for each of these tenths of the events. */
function spoiledAt(...tenths: number[]): [Kind, number][] {
  return tenths.flatMap((tenth) => KINDS.map((kind): [Kind, number] => [kind, tenth]))
}
