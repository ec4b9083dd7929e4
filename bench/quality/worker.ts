// One data set, one split, one seed: learns as a training run does and judges every method on the same users. Reads its
// task from the first argument, as JSON, and prints what it found as the last line.
import { join } from 'node:path'
import { Counts } from '../../src/model/counts.js'
import { fitWeights } from '../../src/model/blend.js'
import { fixedBlend } from '../../src/model/ensemble.js'
import { type EventType, type Histories, keepRows, userCount } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { itemTokens } from '../../src/model/item-facts.js'
import { itemText } from '../../src/model/item-text.js'
import { ItemTokens } from '../../src/model/item-tokens.js'
import { COMPONENTS, noWeights, type ComponentName } from '../../src/model/ranking.js'
import { TEXT_LENGTH } from '../../src/model/text-encoder.js'
import { rowsOf } from '../../src/model/text-matrix.js'
import { textEncoder } from '../../src/catalog/item-vectors.js'
import { startTensorflow, type Engine } from '../../src/platform/tensorflow.js'
import { shippedBlend, shippedBlends, shippedPrior } from '../../src/registry/shipped-base.js'
import type { Dataset } from '../../src/training/dataset.js'
import type { NetworkConfig } from '../../src/model/weights.js'
import { evaluate, type Method } from '../../src/training/evaluate.js'
import { type FitOptions, type FitResult, fromScratch } from '../../src/training/fit.js'
import { encoderOf } from '../../src/training/judgement.js'
import { tunedBaselines } from '../../src/training/baselines.js'
import { awaySince, type Categories, mean } from '../../src/training/metrics.js'
import { networkNdcgs } from '../../src/training/network-quality.js'
import { train } from '../../src/training/pipeline.js'
import { ProgressMeter } from '../../src/training/progress-meter.js'
import { chooseRecipe } from '../../src/training/recipe.js'
import { type Case, leaveOneOut, type Split, splitByTime } from '../../src/training/split.js'
import { readShop, type Shop } from '../../scripts/shop-files.js'

export interface Task {
  data: string
  set: string
  split: 'last' | 'time'
  seed: number
  /** That leave-one-out asks at most. */
  users: number
  /** Of the users, whose events are learned from; all that the protocol asks are asked all the same. */
  share: number
  engine: Engine
  threads: number
  /** Whether methods of others are tuned too: they do not depend on the seed. */
  baselines: boolean
  /** Times of this many seconds since 1970 are real; below, the task answers null. */
  leastTime: number
  /** As a training run would: no twin where it cannot afford one. */
  asRun: boolean
  /** Changes to what the recipe chose, for trials. */
  tweak?: { config?: Partial<NetworkConfig>; options?: Partial<FitOptions>; noTwin?: boolean; noText?: boolean }
}

/** NDCG@10 and hit rate, 0 to 1, with the 95 % interval of the first. */
export interface Figures {
  ndcg: number
  low: number
  high: number
  hitRate: number
}

export interface Found {
  /** Items without an event before the test: users who took one, their NDCG@10, and shares of all that was taken or shown. */
  cold: { users: number; clicks: number; shown: number; blend: number; idsOnly: number; network: number }
  /** Why a method is not among them. */
  absent: Record<string, string>
  users: number
  events: number
  items: number
  seconds: number
  methods: Record<string, Figures>
  /** NDCG@10 of the network by itself over every user that the protocol asks, not a thousand of them. */
  networkOfAll: number
  blend: { kind: string; weights: Record<string, number>; reason: string }
  epochs: { best: number; all: number; scratchBest: number }
  /** NDCG@10 on validation by epoch, from 0; of the network from the base, and from a random start. */
  curves: { tuned: (number | null)[]; scratch: (number | null)[] }
  reasons: Record<string, string>
}

async function work({
  data,
  set,
  split,
  seed,
  users: asked,
  share,
  engine: wanted,
  threads,
  baselines,
  leastTime,
  asRun,
  tweak = {},
}: Task): Promise<Found | null> {
  const { backend: engine } = await startTensorflow(wanted)
  const shop = readShop(join(data, set))
  if (shop.interactions.some(({ at }) => at < leastTime)) return null
  // Without the text encoder a network knows its items by their ids alone.
  const dataset = datasetOf(tweak.noText ? { ...shop, items: shop.items.map(({ id }) => textless(id)) } : shop)
  const base = shippedBlend()
  const startedAt = performance.now()
  let everyone: ReturnType<typeof leaveOneOut>['test'] = []
  const splitBy = (histories: Histories, options: Parameters<typeof splitByTime>[1]) => {
    if (split === 'time') return shareOf(splitByTime(histories, options), share)
    const { maxValidation } = options
    everyone = leaveOneOut(histories, { users: Infinity, maxValidation, seed: SPLIT_SEED }).test
    return shareOf(leaveOneOut(histories, { users: asked, maxValidation, seed: SPLIT_SEED }), share)
  }
  const trained = await train(
    {
      dataset,
      champion: null,
      prior: shippedPrior(),
      base,
      bases: shippedBlends(),
      job: { from: 'base', backend: engine, threads, now: Date.now() },
      engine,
      seed,
      splitBy,
      // The twin is a row of the table, also where a run could not afford it.
      recipeBy: (shape, of) => {
        const chosen = chooseRecipe(shape, of)
        const options = { ...chosen.options, ...tweak.options }
        const always = { ...fromScratch(options), ...(chosen.twin && { rate: chosen.twin.rate }) }
        const twin = tweak.noTwin ? null : asRun ? chosen.twin : always
        return { ...chosen, config: { ...chosen.config, ...tweak.config }, options, twin }
      },
      say: () => undefined,
    },
    new ProgressMeter(() => undefined),
  )
  const seconds = (performance.now() - startedAt) / 1000
  const { text, lexical, candidate, twin } = trained
  const itemCount = dataset.itemIds.length
  const only = (name: ComponentName) => fixedBlend({ ...noWeights(), [name]: 1 })
  const methods: Method[] = [
    ...(['popular', 'recent', 'text', 'lexical', 'wide', 'narrow', 'fresh'] as const).map((name) => ({
      name,
      blend: only(name),
    })),
    { name: 'base', blend: base },
    ...(twin ? [{ name: 'from scratch', blend: only('network'), network: 'scratch' }] : []),
    { name: 'fine-tuned', blend: only('network'), network: 'candidate' },
    { name: 'blend without network', blend: trained.withoutNetwork },
    { name: 'blend', blend: candidate.choice.blend, network: 'candidate' },
    {
      name: 'blend with network',
      blend: fixedBlend(fitWeights(trained.blendingCases, COMPONENTS)),
      network: 'candidate',
    },
    { name: 'ids only', blend: fixedBlend(fitWeights(trained.blendingCases, OF_IDS)) },
  ]
  const { split: parted, counts } = trained
  const others = baselines ? tunedBaselines({ split: parted, itemCount, counts }) : { methods: [], absent: {} }
  const {
    users,
    methods: judged,
    slices,
  } = await evaluate({
    parts: {
      itemCount,
      text,
      lexical,
      published: dataset.published,
      counts: Counts.from(trained.split.beforeTest, itemCount, trained.counts),
    },
    networks: {
      candidate: encoderOf(candidate.network, text),
      ...(twin && { scratch: encoderOf(twin.network, text) }),
    },
    cases: parted.test,
    following: parted.all && { histories: parted.all, from: parted.boundaries.testFrom },
    away: awaySince(parted.boundaries),
    categories: dataset.categories,
    methods: [...methods, ...others.methods],
  })
  const seen = Counts.from(parted.beforeTest, itemCount, counts)
  const taken = parted.test.flatMap(({ targets }) => targets)
  const coldOf = (name: string) => judged[name].slices.coldItems.ndcg.mean
  return {
    cold: {
      users: slices.coldItems.length,
      clicks: taken.filter((item) => seen.seen(item) === 0).length / Math.max(1, taken.length),
      shown: judged.blend.lists.coldShare,
      blend: coldOf('blend'),
      idsOnly: coldOf('ids only'),
      network: coldOf('fine-tuned'),
    },
    absent: others.absent,
    users,
    events: trained.quality.kept,
    items: itemCount,
    seconds,
    methods: Object.fromEntries(
      Object.entries(judged).map(([name, { metrics }]) => [
        name,
        { ndcg: metrics.ndcg.mean, low: metrics.ndcg.low, high: metrics.ndcg.high, hitRate: metrics.hitRate.mean },
      ]),
    ),
    networkOfAll: mean(networkNdcgs(candidate.network, text, everyone)),
    blend: { kind: candidate.choice.kind, weights: candidate.choice.blend.dense, reason: candidate.choice.reason },
    epochs: {
      best: candidate.fit.bestEpoch,
      all: candidate.fit.curve.length - 1,
      scratchBest: twin?.fit.bestEpoch ?? 0,
    },
    curves: { tuned: curveOf(candidate.fit), scratch: twin ? curveOf(twin.fit) : [] },
    reasons: trained.recipe.reasons,
  }
}

const textless = (id: string): Shop['items'][number] => ({ id, title: '', categories: [], description: '' })

const curveOf = ({ curve }: FitResult) => curve.map(({ validationNdcg }) => validationNdcg)

/** The same split with only the events of some users to learn from. */
function shareOf(split: Split, share: number): Split {
  if (share === 1) return split
  const random = new Random(SHARE_SEED)
  const isKept = Array.from({ length: userCount(split.train) }, () => random.next() < share)
  const kept = (cases: Case[]) => cases.filter(({ user }) => isKept[user])
  const { offsets } = split.beforeTest
  const events: number[] = []
  for (let user = 0; user < isKept.length; user++)
    if (isKept[user]) events.push(...split.validation.events.subarray(offsets[user], offsets[user + 1]))
  return {
    ...split,
    train: keepRows(split.train, (_, user) => isKept[user]),
    beforeTest: keepRows(split.beforeTest, (_, user) => isKept[user]),
    all: split.all && keepRows(split.all, (_, user) => isKept[user]),
    validation: {
      stopping: kept(split.validation.stopping),
      blending: kept(split.validation.blending),
      events: Uint8Array.from(events),
    },
  }
}

const SHARE_SEED = 77
// The users that are asked stay the same, whatever the seed of the training.
const SPLIT_SEED = 1

/** Parts that know items by their events alone. */
const OF_IDS = ['popular', 'recent', 'wide', 'narrow', 'again'] as const

/** All types weigh the same, and an item that a user had is not asked for again: as in the published protocols. */
function datasetOf(shop: Shop): Dataset {
  const indices = new Map(shop.items.map(({ id }, index) => [id, index]))
  const users = new Map<string, number>()
  const types = [...new Set(shop.interactions.map(({ type }) => type))].sort()
  const rows = shop.interactions.filter(({ itemId }) => indices.has(itemId))
  for (const { userId } of rows) if (!users.has(userId)) users.set(userId, users.size)
  const eventTypes: EventType[] = types.map((name) => ({ name, weight: 1, meaning: 'positive' }))
  const texts = shop.items.map(itemText)
  return {
    itemIds: shop.items.map(({ id }) => id),
    categories: categoriesOf(shop),
    tokens: ItemTokens.of(shop.items.map(itemTokens)),
    // The public data tells of no item when it came.
    published: new Float64Array(texts.length).fill(NaN),
    vectors: rowsOf(textEncoder().encodeAll(texts), TEXT_LENGTH),
    userCount: users.size,
    events: {
      users: Uint32Array.from(rows, ({ userId }) => users.get(userId)!),
      items: Uint32Array.from(rows, ({ itemId }) => indices.get(itemId)!),
      types: Uint8Array.from(rows, ({ type }) => types.indexOf(type)),
      times: Float64Array.from(rows, ({ at }) => at * 1000),
    },
    eventTypes,
    hiddenAfter: types,
    read: shop.interactions.length,
    unknownItem: shop.interactions.length - rows.length,
    tooOld: 0,
  }
}

function categoriesOf({ items }: Shop): Categories {
  const places = new Map<string, number>()
  const values: number[] = []
  const offsets = new Uint32Array(items.length + 1)
  items.forEach(({ categories }, item) => {
    for (const category of new Set(categories)) {
      if (!places.has(category)) places.set(category, places.size)
      values.push(places.get(category)!)
    }
    offsets[item + 1] = values.length
  })
  return { offsets, values: Uint32Array.from(values), count: places.size }
}

const found = await work(JSON.parse(process.argv[2]) as Task)
process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0))
