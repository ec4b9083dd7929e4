import { type BlendCase, chooseBlend, fitWeights, PRIOR_USERS_OF_LAST } from '../model/blend.js'
import { Counts, type CountSettings } from '../model/counts.js'
import { type Blend, fixedBlend } from '../model/ensemble.js'
import { fitHalfLife } from '../model/half-life.js'
import { evidenceOf, type Histories } from '../model/history.js'
import type { Network } from '../model/network.js'
import { LexicalIndex } from '../model/lexical-index.js'
import { type RoomyChoice, withRoom } from '../model/newcomers.js'
import { COMPONENTS } from '../model/ranking.js'
import type { TextMatrix } from '../model/text-matrix.js'
import { fitTextSpace, type TextPrior, type TextSpace, whitenAll } from '../model/text-space.js'
import { fitTypeWeights } from '../model/type-weights.js'
import type { VersionFile } from '../model/version-file.js'
import { AppError } from '../platform/errors.js'
import type { Engine } from '../platform/tensorflow.js'
import type { BaseModel, BaseName } from '../tenants/base-models.js'
import type { Dataset } from './dataset.js'
import { blendCases } from './evaluate.js'
import type { FitOptions, FitResult } from './fit.js'
import {
  fitFromEach,
  fitNetwork,
  freshWithReplay,
  type Ground,
  type Learned,
  refitNetwork,
  shapeOf,
  startFromActive,
  startFromNothing,
  startsFromBase,
} from './fitting.js'
import { asksNetwork, defaultsOf, encoderOf, fittingBase, judgeVersion, servedOf } from './judgement.js'
import { choosePairNorms } from './pair-norms.js'
import { ProgressMeter } from './progress-meter.js'
import { cleanEvents, type QualityReport } from './quality.js'
import { chooseRecipe, outgrown, type Recipe } from './recipe.js'
import { reportOf } from './report.js'
import { type Split, splitByTime, type SplitOptions } from './split.js'
import type { ChildLine, Job, Result } from './training-job.js'

export interface TrainingInput {
  dataset: Dataset
  /** What the tenant is served by now; null: the base. */
  champion: VersionFile | null
  /** What is believed about text vectors before the catalogue is seen. */
  prior: TextPrior
  /** What a tenant is served by before any training; few validation users can't pull a blend far away from it. */
  base: Blend
  /** Default blends among which the one that fits is found, by name; absent: `base` it is. */
  bases?: Partial<Record<BaseName, Blend>>
  job: Job
  engine: Engine
  /** Memory of the GPU, where it is one that computes. */
  gpuBytes?: number
  seed: number
  /** How training, validation and test are told apart; absent: `splitByTime`. */
  splitBy?: (histories: Histories, options: SplitOptions) => Split
  /** How the recipe is chosen; absent: `chooseRecipe`. */
  recipeBy?: typeof chooseRecipe
  say: (line: ChildLine) => void
}

/** A network with the blend that was fitted around it. */
export interface Fitted {
  network: Network
  fit: FitResult
  choice: RoomyChoice
}

/** Everything that a version comes out of: what the gate decides on and the report tells. */
export interface Trained {
  quality: QualityReport
  split: Split
  recipe: Recipe
  startedFrom: 'base' | 'active'
  /** The base whose blend the fitted ones were drawn to. */
  baseModel: BaseModel
  textSpace: TextSpace
  /** Whitened. */
  text: TextMatrix
  lexical?: LexicalIndex
  counts: CountSettings
  candidate: Fitted
  /** The same network from a random start; null where it was not affordable. */
  twin: Fitted | null
  /** What the candidate's blend was fitted on, and the same parts blended without the network. */
  blendingCases: BlendCase[]
  withoutNetwork: Blend
}

// About 20 s of products on one core: ranking all of a large catalogue for fewer users beats ranking a part of it.
const JUDGED_PRODUCTS = 3e10
const LEAST_JUDGED = 200
const MOST_JUDGED = 1500
const MOST_VALIDATING = 1000
/** What a case costs beside its products with the text, in products an item. */
const OTHER_PRODUCTS = 200

/**
 * From events to a version and the gate's word on it: clean, split by time, whiten the texts, choose a recipe, fine-tune,
 * train the from-scratch twin, fit the blends, go on with the validation's events, judge all on the test window.
 * @throws AppError NOT_ENOUGH_DATA where cleaning leaves nothing to learn from
 */
export async function trainVersion(input: TrainingInput): Promise<{ version: VersionFile; result: Result }> {
  const { dataset, say } = input
  const startedAt = performance.now()
  const meter = new ProgressMeter(say)
  const trained = await train(input, meter)
  meter.enter('judging', 'ranking the catalogue for the users of the test window')
  const judgement = await judgeVersion(trained, input, (share) => meter.move(share), dataset.categories)
  const served = servedOf(trained, judgement.decision)
  const { blend } = served.choice
  const version: VersionFile = {
    itemIds: dataset.itemIds,
    eventTypes: dataset.eventTypes,
    textSpace: trained.textSpace,
    // A network that the blend leaves out would only cost memory and time.
    network: asksNetwork(blend) ? { config: trained.recipe.config, arrays: served.network.toArrays() } : null,
    blend,
    counts: trained.counts,
    trainedUntil: trained.split.boundaries.testFrom,
  }
  const result = reportOf(input, trained, judgement, (performance.now() - startedAt) / 1000)
  say({ metrics: { decision: result.decision, reason: result.reason, metrics: result.report.metrics } })
  meter.end()
  return { version, result }
}

/** All up to the judging. See `trainVersion`. */
export async function train(input: TrainingInput, meter: ProgressMeter): Promise<Trained> {
  const { dataset, job, engine, seed, say } = input
  const { eventTypes, hiddenAfter, itemIds, vectors } = dataset
  const vectorLength = vectors.length
  const itemCount = itemIds.length
  const { histories, report: quality } = cleanEvents(dataset.events, dataset.userCount, eventTypes, dataset)
  say({ quality })
  const hides = Uint8Array.from(eventTypes, ({ name }) => (hiddenAfter.includes(name) ? 1 : 0))
  const affordable = Math.floor(JUDGED_PRODUCTS / (itemCount * (vectorLength + OTHER_PRODUCTS)))
  const maxTest = Math.max(LEAST_JUDGED, Math.min(MOST_JUDGED, affordable))
  const maxValidation = Math.min(MOST_VALIDATING, maxTest)
  const { splitBy = splitByTime } = input
  const { without = [] } = job
  const active = job.from === 'active' ? input.champion : null
  const evidence = evidenceOf(eventTypes)
  const typeWeights = eventTypes.map(({ weight }, type) => (evidence[type] ? weight : 0))
  const data = { items: itemCount, textLength: vectorLength, typeWeights }
  const found = active && startFromActive(active, dataset)
  const growth = found && outgrown(found.config, { ...shapeOf(histories), ...data })
  const carried = growth ? null : found
  // Asked about what it has learned from, it would be trusted too much; so would the champion that it is compared with.
  const unseenFrom = carried ? active?.trainedUntil : undefined
  const judgedFrom = input.champion?.trainedUntil
  const split = splitBy(histories, { types: eventTypes, hides, maxTest, maxValidation, unseenFrom, judgedFrom, seed })
  const shape = shapeOf(split.train)
  if (shape.users === 0) throw nothingLeft()

  meter.enter('texts', 'whitening the texts')
  // The active version's adaptor reads the space that it was trained in.
  const textSpace = carried && active ? active.textSpace : fitTextSpace(vectors, vectorLength, priorFor(input))
  const text = whitenAll(textSpace, vectors)
  const said = fitTypeWeights(split.train, itemCount, eventTypes)
  const halfLife = fitHalfLife(split.train, itemCount, said.types)
  const ground: Ground = {
    split,
    knownUntil: unseenFrom,
    text,
    itemCount,
    typeWeights,
    hides,
    seed,
    engine,
    threads: job.threads,
  }

  const start = carried ? 'active' : 'text'
  const { recipeBy = chooseRecipe } = input
  const chosen = recipeBy(
    {
      ...shape,
      ...(unseenFrom !== undefined && { freshEvents: shapeOf(freshWithReplay(split.train, unseenFrom, seed)).events }),
      ...data,
      engine,
      gpuBytes: input.gpuBytes,
      start,
      ...(carried && { carried: carried.config }),
    },
    seed,
  )
  const recipe = without.includes('network') ? untrained(chosen) : chosen
  meter.enter('training', 'fine-tuning')
  const counted = Counts.from(split.train, itemCount, { types: said.types, halfLife })
  const starts = carried ? { active: carried.arrays } : startsFromBase(ground, recipe, counted)
  const tuned = await fitFromEach(ground, recipe, starts, meter)
  const scratch = recipe.twin && (await twinOf(ground, recipe, recipe.twin, meter))

  meter.enter('blending', 'fitting the blend')
  const pairs = choosePairNorms(counted, [...split.validation.stopping, ...split.validation.blending])
  const counts: CountSettings = { types: said.types, halfLife, norms: pairs.norms }
  const lexical = dataset.tokens && LexicalIndex.from(dataset.tokens)
  const { published } = dataset
  const parts = { itemCount, text, lexical, published, counts: counted.withNorms(pairs.norms) }
  const networks = without.includes('network')
    ? {}
    : {
        candidate: encoderOf(tuned.network, text),
        ...(scratch && { scratch: encoderOf(scratch.network, text) }),
      }
  const defaults = defaultsOf(input, carried && active ? active.blend : undefined)
  const following = split.all && { histories: split.all, from: split.boundaries.validationFrom }
  const cases = await blendCases({ parts, networks, cases: split.validation.blending, following, defaults })
  meter.move(0.5)
  const candidateTables = cases.candidate ?? cases.none
  const base = fittingBase(defaults, candidateTables, input)
  const priorUsers = carried ? PRIOR_USERS_OF_LAST : undefined
  const candidateCases = candidateTables[base.name]
  const choose = (of: BlendCase[]) => withRoom(of, chooseBlend(of, base.blend, without, priorUsers), without)
  const choice = choose(candidateCases)
  const twinChoice = scratch && choose(cases.scratch[base.name])
  const others = COMPONENTS.filter((name) => name !== 'network' && !without.includes(name))

  meter.enter('refitting', 'refitting with the events that validation had')
  const refit = async (
    of: Ground,
    { network, result }: Learned,
    { blend }: RoomyChoice,
    options: FitOptions,
  ): Promise<Network> =>
    asksNetwork(blend) ? refitNetwork(of, recipe, network, result, options, meter.part()) : network
  const candidate = { network: await refit(ground, tuned, choice, recipe.options), fit: tuned.result, choice }
  if (scratch) meter.begin('refitting the twin, too')
  const twin =
    scratch && twinChoice
      ? {
          network: await refit({ ...ground, knownUntil: undefined }, scratch, twinChoice, recipe.twin!),
          fit: scratch.result,
          choice: twinChoice,
        }
      : null
  return {
    quality,
    split,
    recipe: {
      ...recipe,
      reasons: {
        ...recipe.reasons,
        ...tuned.reasons,
        ...(growth && { from: `anew from the base: ${growth}` }),
        ...base.reasons,
        pairs: pairs.reason,
        recency: `what is ${days(halfLife)} old counts half: of several half-lives the one that foretold each next event best`,
        ...said.reasons,
      },
    },
    startedFrom: carried ? 'active' : 'base',
    baseModel: base.name,
    textSpace,
    text,
    lexical,
    counts,
    candidate,
    twin,
    blendingCases: candidateCases,
    withoutNetwork: fixedBlend(fitWeights(candidateCases, others)),
  }
}

function twinOf(ground: Ground, recipe: Recipe, options: NonNullable<Recipe['twin']>, meter: ProgressMeter) {
  meter.enter('twin', 'training the from-scratch twin')
  return fitNetwork(
    { ...ground, knownUntil: undefined },
    recipe,
    startFromNothing(ground, recipe),
    options,
    meter.part(),
  )
}

const DAY = 86_400_000
const days = (ms: number) => (ms >= 2 * DAY ? `${Math.round(ms / DAY)} days` : `${(ms / 3_600_000).toFixed(1)} hours`)

/** Where the network is switched off: the start as it is, and no twin. */
const untrained = (recipe: Recipe): Recipe => ({
  ...recipe,
  options: { ...recipe.options, epochs: 0 },
  search: false,
  twin: null,
  reasons: { ...recipe.reasons, network: 'switched off by the settings: none is trained' },
})

/** The shipped prior is about the shipped encoder's vectors: of a tenant's own it knows nothing. */
const priorFor = ({ dataset, prior }: TrainingInput) =>
  dataset.vectors.length === prior.mean.length ? prior : undefined

const nothingLeft = () =>
  new AppError(
    'NOT_ENOUGH_DATA',
    'No user with two usable events before the validation window is left after cleaning: see the quality report.',
    { status: 422 },
  )
