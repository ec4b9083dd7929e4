import { DEFAULT_CONFIG, type NetworkConfig } from '../model/weights.js'
import type { Engine } from '../platform/tensorflow.js'
import { DEFAULT_FIT, type FitOptions, fromScratch } from './fit.js'

/** What a recipe is chosen by: the events to train on, and what computes. */
export interface TrainingShape {
  items: number
  textLength: number
  /** Users with at least two events, and the events of those. */
  users: number
  events: number
  /** Share of these events that lie in histories of 50 events or more. */
  longShare: number
  /** By event type: how much predicting one counts. */
  typeWeights: number[]
  engine: Engine
  /** Memory of the GPU, where it is known. */
  gpuBytes?: number
  start: 'text' | 'active'
  /** The active version's, which a run that goes on from it keeps. */
  carried?: NetworkConfig
  /** Going on from a version: events of what it does not know yet, with their context and what is replayed. */
  freshEvents?: number
}

/** What the network itself is chosen by. */
export type DataShape = Pick<TrainingShape, 'items' | 'events' | 'users' | 'longShare' | 'textLength' | 'typeWeights'>

/** What the size of a step is chosen by. */
export type StepShape = Pick<TrainingShape, 'engine' | 'events' | 'items' | 'gpuBytes'>

/** How to train, each choice with its reason. Kept with the version. */
export interface Recipe {
  config: NetworkConfig
  options: FitOptions
  /** Whether more than one start is tried, each trained to its end. */
  search: boolean
  /** The from-scratch twin's; null where it is not affordable. */
  twin: FitOptions | null
  reasons: Record<string, string>
}

/** Tokens that a version may always train on: about a minute of one core. */
const TOKEN_BUDGET: Record<Engine, number> = {
  cuda: 20_000_000,
  native: 5_000_000,
  wasm: 800_000,
  webgpu: 800_000,
  cpu: 30_000,
}
/** Tokens within which a second start is tried besides, each to its end. */
const SEARCH_TOKENS: Record<Engine, number> = { ...TOKEN_BUDGET, wasm: 150_000, webgpu: 150_000, cpu: 0 }
/** Tokens within which so many passes of a twin have to be for one to be trained. */
const TWIN_TOKENS: Record<Engine, number> = { ...TOKEN_BUDGET, wasm: 300_000, webgpu: 300_000 }
// A large shop may take longer: this many passes, but no more than so many budgets. All events are met once, whatever the
// time, but on an engine that would take days for it.
const PASSES_OF_LARGE: Record<Engine, number> = { cuda: 30, native: 16, wasm: 5, webgpu: 5, cpu: 3 }
const MOST_BUDGETS = 4
const isSlow = (engine: Engine) => engine === 'cpu'
// Going on from a version that knows most of it already, with what is new and some replay.
const FRESH_BUDGET_SHARE = 0.2
const FRESH_EPOCHS = 4
// A twin starts from nothing, so it takes the time that going on saves.
const FRESH_TWIN_SHARE = 0.05
// With fewer passes a twin would lose for lack of time only, and prove nothing.
const LEAST_TWIN_EPOCHS = 2
/**
 * Passes that may be of use, by the number of events: a small set needs more of them for as many steps. Validation mostly
 * ends it sooner; on public sets it stood still after 8 to 25.
 */
const usefulEpochs = (events: number) => (events < 5000 ? 20 : events < 100_000 ? 40 : 24)
/**
 * Most tokens of a step. What pays by calls of the engine, not by arithmetic, is faster the more there are of them; wasm is
 * not. The rate grows with them (Goyal et al. 2017): then, on public sets, twice and four times the usual learned no less
 * an epoch, while so many steps were left that the items of few events met enough of them.
 */
const STEP_TOKENS: Record<Engine, number> = { cuda: 16_384, native: 4096, webgpu: 4096, wasm: 1024, cpu: 1024 }
// On a GPU as many as fit into a quarter of its memory: scores against the negatives, attention, and what the layers keep.
const BYTES_OF_TOKEN = 64 * 1024
const GPU_SHARE = 0.25
const MOST_STEP_TOKENS = 65_536
const USUAL_STEP_TOKENS = 1024
const MOST_RATE = 8e-3
// A step over more than this share of an epoch leaves small sets with too few of them.
const STEPS_PER_EPOCH = 12
// Larger steps than usual only where so many are left.
const STEPS_OF_DENSE = 90
const STEPS_OF_SPARSE = 180
// So many steps may pass without a gain: with fewer, the rate of a small set would fall while it is still climbing.
const PATIENT_STEPS = 250
const MOST_PATIENCE = 8
// Going on from the active version, little data must not undo what much data taught (L2-SP, Li et al. 2018).
const ACTIVE_PULL = 0.05
const DENSE_EVENTS_PER_ITEM = 30
const LONG_SHARE = 0.5
const LONG_EVENTS_PER_USER = 50
const MARGIN = 1.2

const AS_BEFORE = 'as the active version has it'

/** Simple rules from what was measured on public data; early stopping and the gate judge what comes of them. */
export function chooseRecipe(shape: TrainingShape, seed: number): Recipe {
  const { items, events, users, longShare, typeWeights, engine, start, carried } = shape
  const isFresh = start === 'active'
  const learned = shape.freshEvents ?? events
  const perItem = events / Math.max(1, items)
  const perUser = events / Math.max(1, users)
  const least = TOKEN_BUDGET[engine] * (isFresh ? FRESH_BUDGET_SHARE : 1)
  const budget = Math.max(
    least,
    Math.min(MOST_BUDGETS * least, PASSES_OF_LARGE[engine] * learned),
    isSlow(engine) ? 0 : learned,
  )
  const affordable = Math.floor(budget / Math.max(1, learned))
  const useful = isFresh ? FRESH_EPOCHS : usefulEpochs(learned)
  const epochs = Math.max(1, Math.min(useful, affordable))

  const wanted = networkFor(shape)
  const config = carried ? { ...carried, typeWeights, dropout: wanted.dropout } : wanted
  const { rowLength } = DEFAULT_FIT
  const rowsPerStep = rowsOfStep({ ...shape, events: learned })
  const usualRate = Math.min(MOST_RATE, DEFAULT_FIT.rate * Math.max(1, (rowsPerStep * rowLength) / USUAL_STEP_TOKENS))
  const stepsPerEpoch = Math.ceil(learned / rowLength / rowsPerStep)
  const options: FitOptions = {
    ...DEFAULT_FIT,
    epochs,
    patience: Math.min(MOST_PATIENCE, Math.max(DEFAULT_FIT.patience, Math.ceil(PATIENT_STEPS / stepsPerEpoch))),
    rowsPerStep,
    seed,
    maxSteps: Math.max(1, Math.ceil(budget / (rowLength * rowsPerStep))),
    rate: start === 'active' ? usualRate / 2 : usualRate,
    pull: start === 'active' ? ACTIVE_PULL : DEFAULT_FIT.pull,
    frozenEpochs: isFresh ? 0 : Math.min(DEFAULT_FIT.frozenEpochs, epochs - 1),
    negatives: Math.min(DEFAULT_FIT.negatives, items),
  }
  // A second start is a minute at most.
  const search = !isFresh && epochs * learned <= SEARCH_TOKENS[engine]
  const twinTokens = isFresh ? FRESH_TWIN_SHARE * TOKEN_BUDGET[engine] : TWIN_TOKENS[engine]
  const withTwin = LEAST_TWIN_EPOCHS * events <= twinTokens
  const reasons: Record<string, string> = {
    start:
      start === 'active'
        ? 'the active version, item by item'
        : 'the base: principal axes of the text, so that the untrained network equals the text recommender',
    width: `${config.width}: ${carried ? AS_BEFORE : 'wider ones took longer and ranked no better on public shops'}`,
    blocks: `${config.blocks}: ${carried ? AS_BEFORE : `${tidy(perUser)} events a user, ${tidy(100 * longShare)} % of them in histories of 50 and more`}`,
    maxLength: `attention looks back on ${config.maxLength} events, the recency-weighted mean on ${config.meanLength}${carried ? `: ${AS_BEFORE}` : ''}`,
    dropout: `${config.dropout}: ${tidy(perItem)} events an item are ${perItem >= DENSE_EVENTS_PER_ITEM ? 'many' : 'few'}`,
    epochs: `at most ${epochs}: ${learned} events${isFresh ? ', new ones and replayed ones,' : ''} make ${useful} useful; the engine '${engine}' may take ${budget} tokens`,
    steps: `${stepsPerEpoch} an epoch of ${rowLength * rowsPerStep} tokens; the rate falls after ${options.patience} epochs without a gain, and it ends after as many more`,
    rate: `${options.rate}: ${start === 'active' ? 'half of the usual, to go on from what was learned' : 'the usual one'} for steps of ${rowsPerStep * rowLength} tokens`,
    freezing:
      options.frozenEpochs > 0
        ? `what the base knows stays as it is in the first ${options.frozenEpochs === 1 ? 'epoch' : `${options.frozenEpochs} epochs`}, then learns at ${options.adaptorShare} of the rate`
        : `nothing is frozen; what the base knew learns at ${options.adaptorShare} of the rate`,
    pull:
      options.pull > 0
        ? `${options.pull} towards the active version, so that little data does not undo what much taught`
        : 'none towards the start: on public sets it gained nothing',
    negatives:
      options.negatives < items
        ? `${options.negatives} drawn by popularity, with logQ correction`
        : 'the whole catalogue',
    search: search
      ? `two starts: ${epochs} passes over ${learned} events are within ${SEARCH_TOKENS[engine]} tokens`
      : `none: ${isFresh ? 'it goes on from what was learned' : `${epochs} passes over ${learned} events are past ${SEARCH_TOKENS[engine]} tokens`}`,
    twin: withTwin
      ? 'trained from scratch on the same data, with the same epochs and seed'
      : `none: ${LEAST_TWIN_EPOCHS} passes over ${events} events are past ${twinTokens} tokens`,
  }
  const twin = withTwin
    ? {
        ...fromScratch(options),
        rate: usualRate,
        ...(isFresh && { epochs: usefulEpochs(events), maxSteps: undefined }),
      }
    : null
  return { config, options, search, twin, reasons }
}

/** The network that data of a shape ask for. */
function networkFor({ items, events, users, longShare, textLength, typeWeights }: DataShape): NetworkConfig {
  const dense = events / Math.max(1, items) >= DENSE_EVENTS_PER_ITEM
  const long = longShare >= LONG_SHARE && events / Math.max(1, users) >= LONG_EVENTS_PER_USER
  return {
    ...DEFAULT_CONFIG,
    textLength,
    typeWeights,
    // Heads share the width equally, and there are no more axes than dimensions.
    width: Math.max(2, Math.min(DEFAULT_CONFIG.width, textLength - (textLength % 2))),
    blocks: long && dense ? 2 : 1,
    maxLength: long ? 100 : 50,
    dropout: dense ? 0.2 : 0.3,
  }
}

/**
 * Whether the data have grown out of the network that was trained on less of them, for certain: nothing that was learned
 * is given up for a shape at the edge, which may be back tomorrow.
 * @returns why; null where it still fits
 */
export function outgrown(config: NetworkConfig, shape: DataShape): string | null {
  const { blocks, maxLength } = networkFor({
    ...shape,
    events: shape.events / MARGIN,
    longShare: shape.longShare / MARGIN,
  })
  if (blocks <= config.blocks && maxLength <= config.maxLength) return null
  return `the histories ask for ${blocks} blocks and ${maxLength} events to look back on, where the active version has ${config.blocks} and ${config.maxLength}`
}

/** As many rows as the engine is fastest with, while an epoch has steps enough. */
export function rowsOfStep({ engine, events, items, gpuBytes }: StepShape): number {
  const { rowLength } = DEFAULT_FIT
  const rows = (tokens: number, steps: number) => Math.floor(Math.min(tokens, events / steps) / rowLength)
  const fitting = gpuBytes ? Math.min(MOST_STEP_TOKENS, (GPU_SHARE * gpuBytes) / BYTES_OF_TOKEN) : STEP_TOKENS[engine]
  const large = rows(fitting, events / Math.max(1, items) >= DENSE_EVENTS_PER_ITEM ? STEPS_OF_DENSE : STEPS_OF_SPARSE)
  return Math.max(1, rows(USUAL_STEP_TOKENS, STEPS_PER_EPOCH), large)
}

const tidy = (value: number) => (value >= 10 ? Math.round(value) : Number(value.toFixed(1)))
