import { setImmediate } from 'node:timers/promises'
import type { GradientSource, LocalGradients } from '../model/gradients.js'
import type { Histories } from '../model/history.js'
import { Network } from '../model/network.js'
import { countRows, packedRows, type Row, targetWeights } from '../model/packing.js'
import { Random } from '../model/random.js'
import type { NamedArrays } from '../model/tensor-file.js'
import type { TextMatrix } from '../model/text-matrix.js'
import { type Rates, Trainer } from '../model/trainer.js'
import type { NetworkConfig } from '../model/weights.js'
import type { EpochQuality, EpochResult, FitWatch } from './fit-watch.js'

export interface FitOptions {
  /** Passes over the training events at most; over the last of them the learning rate falls to nothing. */
  epochs: number
  /** After this many epochs without a better validation, the best one is gone back to, and the rate falls. */
  patience: number
  /** How often that is done before it stops. */
  drops: number
  /** At most this many steps in all; no limit when absent. */
  maxSteps?: number
  seed: number
  /** Highest learning rate of Adam. */
  rate: number
  /** Share of that rate at which the adaptor learns: it knows the text already, and all items hang on it. */
  adaptorShare: number
  /** The same for the item residuals, 1 when absent. At 0 it learns from text only: what then goes to other shops is all of it. */
  residualShare?: number
  /** Steps over which the rate climbs. */
  warmUpSteps: number
  /** Epochs for which what the start already knows stays frozen. */
  frozenEpochs: number
  /** Tokens of a row, and rows of a step. */
  rowLength: number
  rowsPerStep: number
  negatives: number
  /** L2-SP, see `TrainerOptions`. */
  pull: number
  clip: number
}

export const DEFAULT_FIT: FitOptions = {
  epochs: 4,
  patience: 3,
  drops: 1,
  seed: 1,
  rate: 2e-3,
  adaptorShare: 0.1,
  warmUpSteps: 50,
  frozenEpochs: 1,
  // Rows of 64 cost more operations a token, rows of 256 more attention; steps of twice as many rows learned less an epoch.
  rowLength: 128,
  rowsPerStep: 8,
  negatives: 512,
  pull: 0,
  clip: 5,
}

/** The same training for a start that knows nothing: nothing to freeze, to spare or to stay near to. */
export const fromScratch = (options: FitOptions): FitOptions => ({
  ...options,
  frozenEpochs: 0,
  adaptorShare: 1,
  pull: 0,
})

export interface FitInput extends FitWatch {
  config: NetworkConfig
  /** Weights to start from. */
  start: NamedArrays
  /** Row i for item i of the start's vocabulary. */
  text: TextMatrix
  /** Training events. */
  histories: Histories
  /** By event type: how much predicting one counts, 0 for those that are no sign of interest. */
  typeWeights: number[]
  /** By event type: whether it hides its item from later recommendations. All do when absent. */
  hides?: boolean[]
  /** Quality on validation users, by itself or with that on training ones. Without it the last epoch is taken. */
  validate?: (network: Network) => Promise<number | EpochQuality> | number | EpochQuality
  /** Histories that go on into the validation window, and which events lie in it: for the validation loss. */
  heldOut?: { histories: Histories; events: Uint8Array }
  /** Asked after each epoch with the best validation so far: whether nothing good can come of it any more. */
  isHopeless?: (epoch: number, best: number) => boolean
  options: FitOptions
  /** Who computes the gradients instead of this thread alone, see `Trainer`. */
  spread?: (local: LocalGradients) => GradientSource
  signal?: AbortSignal
}

export interface FitResult {
  /** Weights of the best epoch. */
  arrays: NamedArrays
  bestEpoch: number
  bestValidation: number | null
  curve: EpochResult[]
  steps: number
  tokensPerSecond: number
}

const NOT_JUDGED = { validation: null, training: null }
// Enough tokens to tell a trend of the validation loss, few enough to cost little of an epoch.
const HELD_OUT_TOKENS = 16_384
const REPORT_EVERY = 10

/**
 * Trains a network from given weights and returns those of its best epoch on validation; the start competes as epoch 0, so
 * the result is never worse there than what it started from.
 *
 * Staged: the rate climbs over the first steps, and during the first epochs what the start already knows stays frozen (its
 * adaptor, and its transformer where it has one) while item residuals and scale find their place (Howard and Ruder 2018).
 * @throws the signal's reason when it is aborted; Error when there is nothing to predict
 */
export async function fit(input: FitInput): Promise<FitResult> {
  const { config, histories, options } = input
  const network = Network.fromArrays(config, input.start)
  const { negatives, pull, clip, seed } = options
  const tokens = options.rowLength * options.rowsPerStep
  const counts = countItems(histories, network.vocabulary)
  const trainer = new Trainer(network, input.text, counts, { negatives, pull, clip, seed, tokens }, input.spread)
  try {
    return await fitWith(trainer, input)
  } finally {
    trainer.dispose()
  }
}

async function fitWith(trainer: Trainer, input: FitInput): Promise<FitResult> {
  const { histories, options, signal } = input
  const { network } = trainer
  const weights = targetWeights(histories, input.typeWeights, input.hides)
  const random = new Random(options.seed ^ PACKING_STREAM)
  const heldOut = input.heldOut && heldOutRows(input, input.heldOut)
  const isTrained = input.start.alpha.data.some((value) => value !== 0)

  if (!hasTargets(histories, weights)) throw new Error('No event is left to predict.')
  const stepsPerEpoch = Math.ceil(countRows(histories, options.rowLength) / options.rowsPerStep)
  const steps = Math.min(options.epochs * stepsPerEpoch, options.maxSteps ?? Infinity)

  const judge = async (epoch: number, trainLoss: number | null): Promise<EpochResult> => {
    const validationLoss = heldOut ? await trainer.loss(heldOut, options.seed) : null
    const quality = (await input.validate?.(network)) ?? null
    const { validation, training } =
      typeof quality === 'object' ? (quality ?? NOT_JUDGED) : { validation: quality, training: null }
    const result = { epoch, trainLoss, validationLoss, validationNdcg: validation, trainNdcg: training }
    input.onEpoch?.(result)
    return result
  }
  const curve = [await judge(0, null)]
  let best = { epoch: 0, validation: curve[0].validationNdcg, arrays: network.toArrays() }
  const schedule = { share: 1, drops: 0, since: 0 }
  let step = 0
  let tokens = 0
  let seconds = 0
  for (let epoch = 1; step < steps; epoch++) {
    const rows = packedRows(histories, weights, options.rowLength, random)
    const isFrozen = epoch <= options.frozenEpochs
    let sum = 0
    let done = 0
    for (let batch = take(rows, options.rowsPerStep); batch.length > 0 && step < steps;) {
      // Lets cancelling, heartbeats and progress through between two steps.
      await setImmediate()
      signal?.throwIfAborted()
      const started = performance.now()
      sum += await trainer.step(batch, ratesOf(options, step, steps, schedule.share, isFrozen, isTrained))
      seconds += (performance.now() - started) / 1000
      tokens += batch.length * options.rowLength
      done++
      step++
      batch = take(rows, options.rowsPerStep)
      if (step % REPORT_EVERY === 0 || step === steps || done === stepsPerEpoch) {
        const { validation } = best
        const tokensPerSecond = tokens / seconds
        input.onProgress?.({
          epoch,
          step,
          steps,
          loss: sum / done,
          validation,
          tokensPerSecond,
          progress: step / steps,
        })
      }
    }
    const result = await judge(epoch, sum / done)
    signal?.throwIfAborted()
    curve.push(result)
    if (result.validationNdcg === null || best.validation === null || result.validationNdcg > best.validation) {
      best = { epoch, validation: result.validationNdcg, arrays: network.toArrays() }
      schedule.since = epoch
    } else if (epoch - schedule.since >= options.patience) {
      if (schedule.drops === options.drops) break
      schedule.drops++
      schedule.share *= DROP
      schedule.since = epoch
      network.restore(best.arrays)
    }
    if (best.validation !== null && input.isHopeless?.(epoch, best.validation)) break
  }
  return {
    arrays: best.arrays,
    bestEpoch: best.epoch,
    bestValidation: best.validation,
    curve,
    steps: step,
    tokensPerSecond: seconds > 0 ? tokens / seconds : 0,
  }
}
// Keeps the order of sequences apart from the trainer's draws, which start from the same seed.
const PACKING_STREAM = 0x5eed

// Of the rate, each time that validation stands still.
const DROP = 0.25
// Of all steps there will be at most, over which the rate falls: what is noise of the rate settles then.
const FALLING = 0.5

function ratesOf(
  options: FitOptions,
  step: number,
  steps: number,
  share: number,
  isFrozen: boolean,
  isTrained: boolean,
): Rates {
  const climb = Math.min(1, (step + 1) / options.warmUpSteps)
  const fall = Math.min(1, (steps - step) / (FALLING * steps))
  const rate = options.rate * share * climb * fall
  return {
    adaptor: isFrozen ? 0 : rate * options.adaptorShare,
    residual: rate * (options.residualShare ?? 1),
    sequence: isFrozen && isTrained ? 0 : rate,
    readout: rate,
  }
}

function countItems(histories: Histories, items: number): Float64Array {
  const counts = new Float64Array(items)
  for (const item of histories.items) counts[item]++
  return counts
}

/** Rows whose targets all lie in the validation window. */
function heldOutRows(input: FitInput, heldOut: NonNullable<FitInput['heldOut']>): Row[] | undefined {
  const { histories, events } = heldOut
  const weights = targetWeights(histories, input.typeWeights, input.hides)
  for (let event = 0; event < weights.length; event++) if (!events[event]) weights[event] = 0
  const { rowLength, seed } = input.options
  const most = Math.max(1, Math.floor(HELD_OUT_TOKENS / rowLength))
  const useful: Row[] = []
  for (const row of packedRows(histories, weights, rowLength, new Random(seed))) {
    if (row.weights.some((weight) => weight > 0) && useful.push(row) === most) break
  }
  return useful.length > 0 ? useful : undefined
}

function take(rows: Iterator<Row>, count: number): Row[] {
  const taken: Row[] = []
  while (taken.length < count) {
    const next = rows.next()
    if (next.done) break
    taken.push(next.value)
  }
  return taken
}

/** Whether any event after a user's first counts as something to predict. */
function hasTargets({ offsets }: Histories, weights: Float32Array): boolean {
  for (let user = 0; user + 1 < offsets.length; user++)
    for (let event = offsets[user] + 1; event < offsets[user + 1]; event++) if (weights[event] > 0) return true
  return false
}
