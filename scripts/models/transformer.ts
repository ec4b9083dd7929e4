// Tries whether a transformer that was trained on another shop is a better start than the untrained one, and writes it
// only where it is:
//
//   npm run build && node dist/scripts/models/transformer.js --data DIR [--out FILE] [--seeds 1,2] [--share 0.2]
//
// DIR (or ATTUNE_DATA) holds the folder open-ecommerce, whose books are left out so that the bookshop among the samples is
// a shop that nothing has seen; with amazon-beauty-kw beside it, that is looked at too. --share: of the users that the two
// larger shops are fine-tuned on. Some ten minutes a seed on one busy core.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type EventType, groupByUser, keepRows, type Histories, userCount } from '../../src/model/history.js'
import { itemText } from '../../src/model/item-text.js'
import { Network } from '../../src/model/network.js'
import { Random } from '../../src/model/random.js'
import { decodeTensors, encodeTensors, type NamedArrays } from '../../src/model/tensor-file.js'
import { TEXT_LENGTH, TextEncoder } from '../../src/model/text-encoder.js'
import { rowsOf } from '../../src/model/text-matrix.js'
import { decodePrior, fitTextSpace, whitenAll } from '../../src/model/text-space.js'
import type { NetworkConfig } from '../../src/model/weights.js'
import { packagePath } from '../../src/platform/paths.js'
import { type Engine, startTensorflow } from '../../src/platform/tensorflow.js'
import { fit, type FitOptions } from '../../src/training/fit.js'
import { fitNetwork, type Ground, shapeOf, startFromTexts, startFromNothing } from '../../src/training/fitting.js'
import { type Difference, mean, pairedDifference } from '../../src/training/metrics.js'
import { networkNdcg, networkNdcgs } from '../../src/training/network-quality.js'
import { chooseRecipe, type Recipe } from '../../src/training/recipe.js'
import { splitByTime } from '../../src/training/split.js'
import { BOOK_CATEGORIES } from '../samples.js'
import { readShop, type Shop } from '../shop-files.js'

/** The data has one type of event each, and what a user had is not asked for again. */
const TYPES: EventType[] = [{ name: 'event', weight: 1, meaning: 'positive' }]
const HIDES = Uint8Array.of(1)
const PRETRAINING_EPOCHS = 8
/** An item that one user bought tells nothing of what goes with what. */
const LEAST_BUYERS = 2
const RANDOM_USERS = 7

const HEADER = [
  '| shop | text mean | pre-trained, untuned | base, fine-tuned | pre-trained, fine-tuned | difference, fine-tuned | steps to best: base | pre-trained |',
  '|---|---|---|---|---|---|---|---|',
].join('\n')

/** A shop to fine-tune on, and users to ask. */
interface Trial {
  name: string
  ground: Ground
}

interface Pretrained {
  config: NetworkConfig
  arrays: NamedArrays
}

/** NDCG@10 of each test user, before and after fine-tuning. */
interface Tuned {
  untuned: Float32Array
  tuned: Float32Array
  stepsToBest: number
  steps: number
}

interface Compared {
  name: string
  pretrained: Tuned
  base: Tuned
  /** Pre-trained less base. */
  tuned: Difference
  untuned: Difference
}

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    share: { type: 'string', default: '0.2' },
  },
})
const data = values.data ?? process.env.ATTUNE_DATA
if (!data) throw new Error('where is the data? --data DIR, or ATTUNE_DATA')
const out = values.out ?? packagePath('models', 'base', 'transformer.safetensors')

const file = (folder: string, name: string) => readFileSync(packagePath('models', folder, name))
const encoder = new TextEncoder(file('text-encoder', 'table.safetensors'), file('text-encoder', 'vocab.txt'))
const prior = decodePrior(decodeTensors(file('text-encoder', 'prior.safetensors')).arrays)
const { backend: engine } = await startTensorflow('auto')
await main(data, values.seeds.split(',').map(Number), Number(values.share))

async function main(from: string, seeds: number[], share: number): Promise<void> {
  const general = withoutBooks(readShop(join(from, 'open-ecommerce')))
  const shops = [
    { name: 'bookshop', folder: packagePath('samples', 'bookshop'), share: 1 },
    { name: 'gift shop', folder: packagePath('samples', 'gift-shop'), share },
    { name: 'amazon-beauty-kw', folder: join(from, 'amazon-beauty-kw'), share },
  ].filter(({ folder }) => existsSync(folder))

  const shipped: Pretrained[] = []
  const all: Compared[] = []
  for (const seed of seeds) {
    const pretrained = await pretrain(trialOf('open-ecommerce without books', general, 1, seed), engine)
    shipped.push(pretrained)
    for (const shop of shops) {
      const name = `${shop.name}${shop.share < 1 ? `, ${100 * shop.share} % of the users` : ''}, seed ${seed}`
      const compared = await compare(trialOf(name, readShop(shop.folder), shop.share, seed), pretrained, engine)
      all.push(compared)
      console.log(rowOf(compared))
    }
  }
  decide(all, seeds.length, shipped[0])
}

/** The items that are no books and that several users bought. */
function withoutBooks({ items, interactions }: Shop): Shop {
  const buyers = new Map<string, Set<string>>()
  for (const { userId, itemId } of interactions) {
    const known = buyers.get(itemId)
    if (known) known.add(userId)
    else buyers.set(itemId, new Set([userId]))
  }
  const isKept = ({ id, categories }: Shop['items'][number]) =>
    (buyers.get(id)?.size ?? 0) >= LEAST_BUYERS && !categories.some((category) => BOOK_CATEGORIES.includes(category))
  return { items: items.filter(isKept), interactions }
}

/** A shop as a tenant's would be: its texts whitened beside the shipped prior, its events split by time. */
function trialOf(name: string, shop: Shop, share: number, seed: number): Trial {
  const places = new Map(shop.items.map(({ id }, place) => [id, place]))
  const rows = shop.interactions.flatMap(({ userId, itemId, at }) => {
    const place = places.get(itemId)
    return place === undefined ? [] : [{ userId, place, at }]
  })
  const users = new Map<string, number>()
  for (const { userId } of rows) if (!users.has(userId)) users.set(userId, users.size)
  const histories = groupByUser(
    {
      users: Uint32Array.from(rows, ({ userId }) => users.get(userId)!),
      items: Uint32Array.from(rows, ({ place }) => place),
      types: new Uint8Array(rows.length),
      times: Float64Array.from(rows, ({ at }) => at * 1000),
    },
    users.size,
  )
  const raw = encoder.encodeAll(shop.items.map(itemText))
  const split = splitByTime(histories, { types: TYPES, hides: HIDES, seed })
  const random = new Random(RANDOM_USERS)
  const isKept = Array.from({ length: userCount(histories) }, () => random.next() < share)
  const kept = (part: Histories) => keepRows(part, (_, user) => isKept[user])
  const { stopping, blending } = split.validation
  const beforeTest = kept(split.beforeTest)
  const ground: Ground = {
    // All users of the test window are asked, those of the share or not: no more is learned from them, and they tell more.
    split: {
      ...split,
      train: kept(split.train),
      beforeTest,
      // Nothing is blended here, so that both halves can say when to stop.
      validation: {
        stopping: [...stopping, ...blending].filter(({ user }) => isKept[user]),
        blending: [],
        events: Uint8Array.from(beforeTest.times, (at) => Number(at >= split.boundaries.validationFrom)),
      },
    },
    text: whitenAll(fitTextSpace(raw, TEXT_LENGTH, prior), rowsOf(raw, TEXT_LENGTH)),
    itemCount: shop.items.length,
    typeWeights: TYPES.map(({ weight }) => weight),
    hides: HIDES,
    seed,
    engine,
    threads: 1,
  }
  return { name, ground }
}

function recipeFor({ split, itemCount, typeWeights, seed }: Ground, on: Engine): Recipe {
  const shape = shapeOf(split.train)
  return chooseRecipe({ ...shape, items: itemCount, textLength: TEXT_LENGTH, typeWeights, engine: on, start: 'text' }, seed)
}

/**
 * Adaptor and transformer from text alone, as of the best epoch on validation users of its own. The start does not compete:
 * where nothing beats it, what was learned is tried on the other shops all the same, so that these have the last word.
 */
async function pretrain({ name, ground }: Trial, on: Engine): Promise<Pretrained> {
  const { split, text, typeWeights, itemCount } = ground
  const { config, options } = recipeFor(ground, on)
  const start = startFromTexts(ground, { config })
  const validation: number[] = []
  const { arrays, bestEpoch, tokensPerSecond } = await fit({
    config,
    start,
    text,
    histories: split.train,
    typeWeights,
    options: { ...options, epochs: PRETRAINING_EPOCHS, residualShare: 0 },
    validate: (network) => {
      validation.push(networkNdcg(network, text, split.validation.stopping))
      return validation.length > 1 ? (validation.at(-1) ?? 0) : 0
    },
  })
  logEpochs(name, validation, tokensPerSecond)
  const [before, after] = [start, arrays].map((one) => {
    const network = Network.fromArrays(config, one)
    return mean(networkNdcgs(network, text, split.test))
  })
  const alpha = mean(arrays.alpha.data.map(Math.abs))
  console.log(
    `${name}, seed ${ground.seed}: ${itemCount} items, ${split.train.items.length} training events; ` +
      `NDCG@10 on validation ${percent(validation[0])} untrained, ${percent(validation[bestEpoch])} in epoch ${bestEpoch}, ` +
      `on its own ${split.test.length} test users ${percent(before)} and ${percent(after)}; mean |alpha| ${alpha.toFixed(3)}`,
  )
  return { config, arrays }
}

/** Fine-tunes from either start, all else being equal. */
async function compare(
  { name, ground }: Trial,
  pretrained: Pretrained,
  on: Engine,
): Promise<Compared> {
  const recipe = recipeFor(ground, on)
  // The shape has to be the one that was trained, for both.
  const { blocks, maxLength } = pretrained.config
  const config = { ...recipe.config, blocks, maxLength }
  const fresh = startFromNothing(ground, { config })
  const first = await tune(`${name}, pre-trained`, ground, config, recipe.options, {
    ...fresh,
    ...pretrained.arrays,
    residual: fresh.residual,
  })
  const second = await tune(`${name}, base`, ground, config, recipe.options, startFromTexts(ground, { config }))
  return {
    name: `${name} (${ground.split.test.length} test users)`,
    pretrained: first,
    base: second,
    tuned: pairedDifference(first.tuned, second.tuned),
    untuned: pairedDifference(first.untuned, second.untuned),
  }
}

async function tune(
  name: string,
  ground: Ground,
  config: NetworkConfig,
  options: FitOptions,
  start: NamedArrays,
): Promise<Tuned> {
  const judged = (network: Network) => networkNdcgs(network, ground.text, ground.split.test)
  const untuned = judged(Network.fromArrays(config, start))
  const { network, result } = await fitNetwork(ground, { config }, start, options, {})
  const validation = result.curve.map(({ validationNdcg }) => validationNdcg ?? 0)
  logEpochs(name, validation, result.tokensPerSecond)
  const epochs = result.curve.length - 1
  const stepsToBest = Math.round((result.bestEpoch * result.steps) / Math.max(1, epochs))
  return { untuned, tuned: judged(network), stepsToBest, steps: result.steps }
}

function logEpochs(name: string, validation: number[], tokensPerSecond: number): void {
  const epochs = validation.map(percent).join(' ')
  console.error(`${name}: validation by epoch ${epochs}; ${Math.round(tokensPerSecond)} tokens/s`)
}

/** By the mean over shops and seeds: it ships where 95 % of the resampled users say that it is better after fine-tuning. */
function decide(all: Compared[], seeds: number, weights: Pretrained): void {
  console.log(`\n${HEADER}\n${all.map(rowOf).join('\n')}`)
  const tuned = pooled(all.map((one) => one.tuned), seeds)
  const untuned = pooled(all.map((one) => one.untuned), seeds)
  console.log(`\nmean difference, fine-tuned: ${signed(tuned)}; untuned: ${signed(untuned)} (points of NDCG@10)`)
  if (tuned.low <= 0) {
    console.log('Decision: not shipped. After fine-tuning the pre-trained start is not better by more than noise.')
    return
  }
  const arrays = Object.fromEntries(Object.entries(weights.arrays).filter(([name]) => name !== 'residual'))
  writeFileSync(out, encodeTensors(arrays, { licence: 'CC0-1.0', config: JSON.stringify(weights.config) }))
  console.log(`Decision: shipped. The pre-trained start is better by more than noise. Wrote ${out}`)
}

/** Shops are independent of each other, seeds of one shop are not: they share their users. */
function pooled(differences: Difference[], seeds: number): Pick<Difference, 'mean' | 'low' | 'high'> {
  const centre = mean(differences.map((one) => one.mean))
  const variances = differences.map(({ low, high }) => ((high - low) / 2) ** 2)
  const half = Math.sqrt(mean(variances) / (differences.length / seeds))
  return { mean: centre, low: centre - half, high: centre + half }
}

function rowOf({ name, pretrained, base, tuned }: Compared): string {
  const cells = [base.untuned, pretrained.untuned, base.tuned, pretrained.tuned].map((ndcgs) => percent(mean(ndcgs)))
  const steps = [base, pretrained].map((one) => `${one.stepsToBest} of ${one.steps}`)
  return `| ${[name, ...cells, signed(tuned), ...steps].join(' | ')} |`
}

function percent(value: number): string {
  return (100 * value).toFixed(2)
}

function signed({ mean: centre, low, high }: Pick<Difference, 'mean' | 'low' | 'high'>): string {
  const sign = (value: number) => `${value > 0 ? '+' : ''}${percent(value)}`
  return `${sign(centre)} (${sign(low)} to ${sign(high)})`
}
