import type { Counts } from '../model/counts.js'
import type { LocalGradients } from '../model/gradients.js'
import { type Histories, keepRows, rowAt } from '../model/history.js'
import { Random } from '../model/random.js'
import { Network } from '../model/network.js'
import { pairVectors } from '../model/pair-vectors.js'
import { matrixProduct } from '../model/rows.js'
import type { NamedArrays } from '../model/tensor-file.js'
import type { TextMatrix } from '../model/text-matrix.js'
import { principalAxes } from '../model/text-space.js'
import type { VersionFile } from '../model/version-file.js'
import { type NetworkConfig, startFromScratch, startFromText } from '../model/weights.js'
import type { Engine } from '../platform/tensorflow.js'
import { carryOver } from './carry-over.js'
import type { Dataset } from './dataset.js'
import { fit, type FitInput, type FitOptions, type FitResult } from './fit.js'
import type { EpochQuality, FitWatch } from './fit-watch.js'
import { mean } from './metrics.js'
import { lastMoments, networkNdcgs } from './network-quality.js'
import { ParallelGradients } from './parallel-gradients.js'
import type { ProgressMeter } from './progress-meter.js'
import type { Recipe } from './recipe.js'
import type { Case, Split } from './split.js'

/** What the network learns from, the same for a version and its twin. */
export interface Ground {
  split: Split
  /** Going on from a version, the moment before which it knows everything: see `freshWithReplay`. */
  knownUntil?: number
  /** Whitened. */
  text: TextMatrix
  itemCount: number
  typeWeights: number[]
  hides: Uint8Array
  seed: number
  engine: Engine
  /** That compute at once. */
  threads: number
}

// Judging an epoch must not cost as much as training it: about a second of products on one core.
const JUDGED_PRODUCTS = 600_000_000
const LEAST_JUDGED = 50
// Asking users about what was learned from them must not be felt: about a fiftieth of an epoch, whose tokens each cost as
// much as so many products, and asking a user beside the ranking as ten of these.
const LEARNED_SHARE = 0.02
const PRODUCTS_OF_TOKEN = 8000
const PRODUCTS_OF_CASE = 10 * PRODUCTS_OF_TOKEN
const LEAST_LEARNED = 25
const MOST_LEARNED = 200

/** A network as of its best epoch, and how it came about. */
export interface Learned {
  network: Network
  result: FitResult
}

/** Trains one network. @returns it as of its best epoch, and how it came about */
export async function fitNetwork(
  ground: Ground,
  recipe: Pick<Recipe, 'config'>,
  start: NamedArrays,
  options: FitOptions,
  watch: FitWatch & Pick<FitInput, 'isHopeless'>,
): Promise<Learned> {
  const { split, text, itemCount, typeWeights, hides, engine, threads } = ground
  const productsPerCase = itemCount * recipe.config.width
  const judged = affordable(split.validation.stopping, productsPerCase)
  const histories = toLearn(ground, split.train)
  const events = histories.items.length
  const asked = Math.floor((LEARNED_SHARE * PRODUCTS_OF_TOKEN * events) / (productsPerCase + PRODUCTS_OF_CASE))
  const learned = lastMoments(
    histories,
    typeWeights,
    hides,
    Math.max(LEAST_LEARNED, Math.min(MOST_LEARNED, asked, judged.length)),
  )
  const result = await fit({
    config: recipe.config,
    start,
    text,
    histories,
    typeWeights,
    hides: Array.from(hides, (value) => value === 1),
    ...(judged.length > 0 && { validate: (network: Network) => qualityOf(network, text, judged, learned) }),
    heldOut: { histories: split.beforeTest, events: split.validation.events },
    options,
    ...(threads > 1 && { spread: (local: LocalGradients) => new ParallelGradients(local, engine, threads) }),
    ...watch,
  })
  return { network: Network.fromArrays(recipe.config, result.arrays), result }
}

/**
 * After so many epochs, and its patience, a further start is given up where it ranks so much worse than the best one. On
 * public sets none that won in the end was, but where the network is of no use whatever it starts from.
 */
const LEAST_EPOCHS_OF_START = 5
const HOPELESS_SHARE = 0.8

/** Fine-tunes from each start. @returns the one whose best epoch ranks best for validation users, with the reason of a choice */
export async function fitFromEach(
  ground: Ground,
  recipe: Pick<Recipe, 'config' | 'options'>,
  starts: Starts,
  meter: Pick<ProgressMeter, 'begin' | 'part'>,
): Promise<Learned & { reasons: Record<string, string> }> {
  const names = Object.keys(starts)
  let best: Learned | undefined
  let chosen = ''
  const found: string[] = []
  for (const [index, name] of names.entries()) {
    if (names.length > 1) meter.begin(`fine-tuning from ${name} (start ${index + 1} of ${names.length})`)
    const before = best?.result.bestValidation ?? 0
    const patient = Math.max(LEAST_EPOCHS_OF_START, recipe.options.patience)
    const isHopeless = (epoch: number, quality: number) => epoch >= patient && quality < HOPELESS_SHARE * before
    const watch = { ...meter.part(index, names.length), isHopeless }
    const one = await fitNetwork(ground, recipe, starts[name], recipe.options, watch)
    const quality = one.result.bestValidation ?? 0
    const epochs = one.result.curve.length - 1
    const givenUp = isHopeless(epochs, quality) ? ` (given up after ${epochs} epochs)` : ''
    found.push(`${name} ${(100 * quality).toFixed(2)}${givenUp}`)
    if (best && quality <= before) {
      one.network.dispose()
      continue
    }
    best?.network.dispose()
    best = one
    chosen = name
  }
  if (!best) throw new Error('There is no start to learn from.')
  const reason = `the base: ${chosen}, the best of ${names.length} by the NDCG@10 in % of what was learned from each, on validation users: ${found.join(', ')}`
  return { ...best, reasons: names.length > 1 ? { start: reason } : {} }
}

/**
 * Events before the first new one that a user's new ones are read with: as many as attention looks back on in most shops.
 * With 200 and twice the replay it took nearly twice the time on one of them, and the network ranked no better.
 */
const CONTEXT = 50
/** Of the users without anything new, so that what they taught is not forgotten (replay, Rolnick et al. 2019). */
const REPLAYED = 0.1

/**
 * What a version that knows everything before `since` learns from: what each user did since, with the events before as
 * context and replay, and a share of the users who did nothing new.
 */
export function freshWithReplay(histories: Histories, since: number, seed: number): Histories {
  const random = new Random(seed ^ REPLAY_STREAM)
  const { offsets } = histories
  const from = Uint32Array.from({ length: offsets.length - 1 }, (_, user) => {
    const first = rowAt(histories, user, since)
    const isReplayed = random.next() < REPLAYED
    const start = first < offsets[user + 1] ? first : isReplayed ? offsets[user + 1] : Infinity
    return Math.min(2 ** 32 - 1, Math.max(0, start - CONTEXT))
  })
  return keepRows(histories, (row, user) => row >= from[user])
}
const REPLAY_STREAM = 0x4e91

/** All of them; of what a version knows already, what it is told anew. */
const toLearn = ({ knownUntil, seed }: Ground, histories: Histories): Histories =>
  knownUntil === undefined ? histories : freshWithReplay(histories, knownUntil, seed)

// What was learned must not be undone: a fraction of the rate, falling to nothing again.
const REFIT_RATE_SHARE = 0.3
const REFIT_EPOCHS = 2
// Going on from a version the network knows most already, and has less time.
const FRESH_REFIT_EPOCHS = 1

/**
 * Goes on with all events before the test window, the validation's included, once these have said when to stop: the newest
 * events are those that tell most about the next.
 */
export async function refitNetwork(
  ground: Ground,
  { config }: Pick<Recipe, 'config'>,
  network: Network,
  { bestEpoch }: FitResult,
  options: FitOptions,
  watch: FitWatch,
): Promise<Network> {
  const { text, typeWeights, hides, engine, threads, knownUntil } = ground
  // A start that nothing learned was better than would only be unlearned.
  if (bestEpoch === 0) return network
  const { arrays } = await fit({
    config,
    start: network.toArrays(),
    text,
    histories: toLearn(ground, ground.split.beforeTest),
    typeWeights,
    hides: Array.from(hides, (value) => value === 1),
    options: {
      ...options,
      epochs: Math.min(knownUntil === undefined ? REFIT_EPOCHS : FRESH_REFIT_EPOCHS, bestEpoch),
      maxSteps: undefined,
      rate: REFIT_RATE_SHARE * options.rate,
      frozenEpochs: 0,
      pull: 0,
    },
    ...(threads > 1 && { spread: (local: LocalGradients) => new ParallelGradients(local, engine, threads) }),
    ...watch,
  })
  return Network.fromArrays(config, arrays)
}

/** The text recommender as a network. */
export function startFromTexts({ text, itemCount, seed }: Ground, { config }: Pick<Recipe, 'config'>): NamedArrays {
  const axes = principalAxes(text, config.textLength, config.width)
  return startFromText(config, axes, itemCount, seed, (item) => text.isEmpty(item))
}

/** Where fine-tuning from the base may begin, by name; the first is where it does without a search. */
export type Starts = Record<string, NamedArrays>

/**
 * The text recommender as a network; and, where that may be better, text and what the tenant's own events say of who is had
 * together, in common principal axes. Neither wins everywhere: by public data the second reached up to two thirds more where
 * texts say little, and less where paths count. How they rank untrained foretells little of what is learned from them.
 * @param counts of the training events
 */
export function startsFromBase(ground: Ground, recipe: Pick<Recipe, 'config' | 'search'>, counts: Counts): Starts {
  const { config, search } = recipe
  const text = startFromTexts(ground, recipe)
  if (!search) return { text }
  return { text, 'text and pairs': withPairs(ground, config, text, pairVectors(counts, config.width, ground.seed)) }
}

/** @param pairs [items, width] */
function withPairs({ text, itemCount }: Ground, config: NetworkConfig, start: NamedArrays, pairs: Float32Array) {
  const { textLength, width } = config
  const length = textLength + width
  const block = (from: number, to: number) => {
    const texts = text.block(from, to)
    const rows = new Float32Array((to - from) * length)
    for (let row = 0; row < to - from; row++) {
      rows.set(texts.subarray(row * textLength, (row + 1) * textLength), row * length)
      rows.set(pairs.subarray((from + row) * width, (from + row + 1) * width), row * length + textLength)
    }
    return rows
  }
  const axes = principalAxes({ items: itemCount, length, block }, length, width)
  const moved = matrixProduct(pairs, axes.subarray(textLength * width), width, width)
  const residual = (start.residual.data as Float32Array).map((value, at) => value + moved[at])
  return {
    ...start,
    adaptor: { ...start.adaptor, data: axes.slice(0, textLength * width) },
    residual: { ...start.residual, data: residual },
  }
}

/** The active version's network for today's items and event types; null where it has none, or for other vectors. */
export function startFromActive(
  active: VersionFile,
  dataset: Dataset,
): { config: NetworkConfig; arrays: NamedArrays } | null {
  if (!active.network || active.textSpace.length !== dataset.vectors.length) return null
  const names = (types: { name: string }[]) => types.map(({ name }) => name)
  const arrays = carryOver(
    active.network.arrays,
    { items: active.itemIds, types: names(active.eventTypes) },
    { items: dataset.itemIds, types: names(dataset.eventTypes) },
  )
  return { config: active.network.config, arrays }
}

export const startFromNothing = ({ itemCount, seed }: Ground, { config }: Pick<Recipe, 'config'>): NamedArrays =>
  startFromScratch(config, itemCount, seed)

/** Shape of the sequences that a network would learn from. */
export function shapeOf({ offsets }: Histories): { users: number; events: number; longShare: number } {
  let users = 0
  let events = 0
  let long = 0
  for (let user = 0; user + 1 < offsets.length; user++) {
    const length = offsets[user + 1] - offsets[user]
    if (length < 2) continue
    users++
    events += length
    if (length >= 50) long += length
  }
  return { users, events, longShare: events > 0 ? long / events : 0 }
}

/** Both at once: the items' vectors are made for all. */
function qualityOf(network: Network, text: TextMatrix, judged: Case[], learned: Case[]): number | EpochQuality {
  const ndcgs = networkNdcgs(network, text, [...judged, ...learned])
  const validation = mean(ndcgs.subarray(0, judged.length))
  return learned.length > 0 ? { validation, training: mean(ndcgs.subarray(judged.length)) } : validation
}

function affordable(cases: Case[], productsPerCase: number): Case[] {
  const step = Math.ceil(cases.length / Math.max(LEAST_JUDGED, Math.floor(JUDGED_PRODUCTS / productsPerCase)))
  return cases.filter((_, index) => index % step === 0)
}
