import type { Engine } from '../platform/tensorflow.js'
import { MOST_EVENTS } from './dataset.js'
import type { FitOptions } from './fit.js'
import { chooseRecipe } from './recipe.js'
import type { Estimate } from './run.js'

/** What a run's cost follows from. */
export interface TrainingSize {
  items: number
  /** Length of an item's text vector. */
  textLength: number
  /** In the training window; users with events at two moments or more. */
  events: number
  usersWithHistory: number
  /** Events of users who have 50 and more of them. */
  longEvents: number
}

/** How an earlier run of the tenant came out, on the same engine. */
export interface Experience {
  seconds: number
  uncorrectedSeconds: number
}

/**
 * Events trained on in a second, with one thread, beside what a step costs whatever is in it. wasm and native were measured;
 * no run of `cuda` and `webgpu` was: theirs are guesses, and every estimate says so until a first run has corrected it.
 */
const EVENTS_PER_SECOND: Record<Engine, number> = {
  cuda: 400_000,
  native: 120_000,
  webgpu: 20_000,
  wasm: 30_000,
  cpu: 1000,
}
const MEASURED: Engine[] = ['native', 'wasm', 'cpu']

// Seconds, measured on one core of an ordinary server.
const START = 1.5
const PER_ITEM_READ = 20e-6
const PER_EVENT_READ = 40e-6
const PER_STEP = 0.012
const PER_EPOCH = 0.15
const PER_RANKED_PRODUCT = 1.5e-9
/** Covariances of the texts, and their eigenvectors, for whitening and for the axes that the network starts from. */
const PER_COVARIANCE_PRODUCT = 1.2e-9
const PER_EIGEN_PRODUCT = 8e-8

// As the pipeline cuts them: see `trainVersion` and `fitNetwork`.
const TRAINED_SHARE = 0.8
const JUDGED_PRODUCTS = 3e10
const OTHER_PRODUCTS = 200
const LEAST_JUDGED = 200
const MOST_JUDGED = 1500
const MOST_VALIDATING = 400
const EPOCH_PRODUCTS = 6e8
const LEAST_EPOCH_CASES = 50
/** Of the users with a history, those who have something to be right about in one window. */
const JUDGED_SHARE = 0.45

const MIB = 2 ** 20
/** A training process that trains next to nothing. */
const PROCESS_BYTES: Record<Engine, number> = {
  cuda: 2000 * MIB,
  native: 450 * MIB,
  webgpu: 500 * MIB,
  wasm: 200 * MIB,
  cpu: 200 * MIB,
}
/** Whitened, a byte a number; the raw vectors stay in their file. */
const BYTES_PER_TEXT_NUMBER = 1.1
/** Start, weight, two moments of Adam, the best epoch's, item vectors; and of a candidate that is kept beside its twin. */
const RESIDUAL_COPIES = 6
const RESIDUAL_COPIES_OF_KEPT = 2
/** With its words and their index, each twice 25 numbers. */
const BYTES_PER_ITEM = 600
/** A further thread: its engine's code and buffers, beside the texts where it keeps them all. */
const THREAD_BYTES: Record<Engine, number> = { cuda: 0, native: 110 * MIB, webgpu: 0, wasm: 75 * MIB, cpu: 110 * MIB }
/** As `LocalGradients` keeps them. */
const MOST_KEPT_TEXT = 2 ** 24
/** Columns as read, cleaned, split; sequences; and pairs counted within a window of ten. */
const BYTES_PER_EVENT = 250
/** The service holds ids until the data are written, and a page of rows. */
const READING_BYTES = 32 * MIB
const READING_BYTES_PER_ID = 150

// A first run on another kind of machine may be far off; one run that was held up must not spoil the next estimate.
const MOST_CORRECTION = 10

/**
 * Seconds and memory of a run, before anything of it is done. Rough on purpose: it follows what the recipe will choose and
 * what was measured on a few shops, and takes early stopping as if it never came.
 * @param threads that compute the gradients: they take memory; that they save time, earlier runs tell
 */
export function estimateRun(size: TrainingSize, engine: Engine, threads: number, experience?: Experience): Estimate {
  const uncorrectedSeconds = secondsOf(size, engine)
  const correction = experience ? limited(experience.seconds / experience.uncorrectedSeconds) : 1
  const { items, textLength, events, usersWithHistory } = size
  const parts = [
    `${count(items)} items with vectors of ${textLength}, ${count(events)} events, ${count(usersWithHistory)} users with a history`,
    `${count(EVENTS_PER_SECOND[engine])} events a second on ${engine}${MEASURED.includes(engine) ? '' : ', which is a guess: it was not measured'}; ${threads === 1 ? 'one thread' : `memory for ${threads} threads`}`,
    experience
      ? `corrected by the last run, which took ${duration(experience.seconds)} where ${duration(experience.uncorrectedSeconds)} were expected`
      : 'no earlier run on this engine to correct it by',
  ]
  return {
    seconds: tidy(uncorrectedSeconds * correction),
    memoryBytes: memoryOf(size, engine, threads),
    engine,
    basis: parts.join('; '),
    uncorrectedSeconds: tidy(uncorrectedSeconds),
  }
}

function secondsOf(size: TrainingSize, engine: Engine): number {
  const { items, textLength, events, usersWithHistory } = size
  const { options, search, twin, trained, width } = recipeOf(size, engine)
  const perCase = items * (textLength + OTHER_PRODUCTS)
  const most = Math.max(LEAST_JUDGED, Math.min(MOST_JUDGED, JUDGED_PRODUCTS / Math.max(1, perCase)))
  const cases = Math.min(most, JUDGED_SHARE * usersWithHistory)
  const validating = Math.min(MOST_VALIDATING, cases)
  const perEpoch = Math.min(validating * items * width, Math.max(EPOCH_PRODUCTS, LEAST_EPOCH_CASES * items * width))
  const fits = [options, ...(search ? [options] : []), ...(twin ? [twin] : [])]
  const training = fits.reduce((sum, fit) => {
    const tokens = tokensOf(fit, trained)
    const steps = tokens / (fit.rowLength * fit.rowsPerStep)
    const epochs = Math.min(fit.epochs, Math.ceil(tokens / trained))
    return (
      sum + tokens / EVENTS_PER_SECOND[engine] + steps * PER_STEP + epochs * (PER_EPOCH + perEpoch * PER_RANKED_PRODUCT)
    )
  }, 0)
  return (
    START +
    items * PER_ITEM_READ +
    Math.min(MOST_EVENTS, events) * PER_EVENT_READ +
    items * textLength ** 2 * PER_COVARIANCE_PRODUCT +
    textLength ** 3 * PER_EIGEN_PRODUCT +
    training +
    (cases + fits.length * validating) * perCase * PER_RANKED_PRODUCT
  )
}

function memoryOf(size: TrainingSize, engine: Engine, threads: number): number {
  const { items, textLength, usersWithHistory } = size
  const { width, search, twin } = recipeOf(size, engine)
  const residuals = RESIDUAL_COPIES + (twin || search ? RESIDUAL_COPIES_OF_KEPT : 0)
  return Math.ceil(
    PROCESS_BYTES[engine] +
      (threads - 1) * (THREAD_BYTES[engine] + keptText(size, engine)) +
      BYTES_PER_TEXT_NUMBER * items * textLength +
      residuals * items * width * 4 +
      BYTES_PER_ITEM * items +
      BYTES_PER_EVENT * Math.min(MOST_EVENTS, size.events) +
      READING_BYTES +
      READING_BYTES_PER_ID * (items + usersWithHistory),
  )
}

/** Bytes of the texts that each thread's engine keeps for itself; WebAssembly's takes them from shared memory. */
const keptText = ({ items, textLength }: TrainingSize, engine: Engine) =>
  engine === 'native' || engine === 'cpu' ? 4 * Math.min(MOST_KEPT_TEXT, items * textLength) : 0

/** The most threads of `most` with which a run stays within so many bytes; 1 where it does not fit at all. */
export function threadsWithin(bytes: number, size: TrainingSize, engine: Engine, most: number): number {
  let threads = most
  while (threads > 1 && memoryOf(size, engine, threads) > bytes) threads--
  return threads
}

function recipeOf(size: TrainingSize, engine: Engine) {
  const trained = Math.max(1, TRAINED_SHARE * Math.min(MOST_EVENTS, size.events))
  const { config, options, search, twin } = chooseRecipe(
    {
      items: size.items,
      textLength: size.textLength,
      users: size.usersWithHistory,
      events: trained,
      longShare: size.longEvents / Math.max(1, size.events),
      typeWeights: [1],
      engine,
      start: 'text',
    },
    0,
  )
  return { options, search, twin, trained, width: config.width }
}

const tokensOf = ({ epochs, maxSteps, rowLength, rowsPerStep }: FitOptions, events: number) =>
  Math.min(epochs * events, (maxSteps ?? Infinity) * rowLength * rowsPerStep)

const limited = (factor: number) => Math.min(MOST_CORRECTION, Math.max(1 / MOST_CORRECTION, factor))
const tidy = (seconds: number) => (seconds >= 10 ? Math.round(seconds) : Number(seconds.toFixed(1)))
const count = (value: number) => Math.round(value).toLocaleString('en')
const duration = (seconds: number) => `${tidy(seconds)} s`

/** Why a run was not started, with the figures and what would help. */
export function tooLarge(estimate: Estimate, size: TrainingSize, memory: Memory, historyDays: number): string {
  const { items, textLength, events } = size
  const least = memoryOf({ ...size, events: 0, longEvents: 0, usersWithHistory: 0 }, estimate.engine, 1)
  const helps =
    least <= memory.forRuns
      ? `a smaller 'historyDays' (now ${historyDays}), as most of it goes with the events; or a trainer with more memory`
      : items > 0 && least > 2 * PROCESS_BYTES[estimate.engine]
        ? 'fewer items in the catalogue, shorter vectors, or a trainer with more memory'
        : 'a trainer with more memory, a smaller MODEL_MEMORY_MB there, or one that does not serve (ROLES=trainer)'
  return (
    `This run needs about ${gib(estimate.memoryBytes)} at its peak (${count(items)} items with vectors of ${textLength}, ` +
    `${count(events)} events, engine '${estimate.engine}'), and this trainer has ${gib(memory.forRuns)} for runs: ` +
    `${gib(memory.machine)} less ${gib(memory.kept)} that the service keeps. What helps: ${helps}.`
  )
}

/** Bytes of a trainer's machine, those that its service keeps, and what is left for runs. */
export interface Memory {
  machine: number
  kept: number
  forRuns: number
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(bytes < 10 * 2 ** 30 ? 1 : 0)} GiB`
