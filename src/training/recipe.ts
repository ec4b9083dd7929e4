import type { NetworkConfig } from '../model/weights.js'
import { DEFAULT_CONFIG } from '../model/weights.js'
import type { Engine } from '../platform/tensorflow.js'
import type { FitOptions } from './fit.js'

/** What a recipe is chosen by: the events to train on, and what computes. */
export interface TrainingShape {
  items: number
  /** Share of the items that have a text (or a vector of the tenant's own). */
  textShare: number
  textLength: number
  /** Users with at least two events. */
  users: number
  /** Events of those users. */
  events: number
  /** Share of the users' events that lie in histories of 50 events or more. */
  longShare: number
  /** By event type: how much predicting one counts. */
  typeWeights: number[]
  engine: Engine
  start: 'text' | 'active'
}

/** How to train, each choice with its reason. Kept with the version. */
export interface Recipe {
  config: NetworkConfig
  options: FitOptions
  /** The from-scratch twin's; null where it is not affordable. */
  twin: FitOptions | null
  reasons: Record<string, string>
}

/**
 * Tokens that a run may train on in all, so that it stays within about a minute of one core: what each engine does in
 * 35 s. The twin gets as many as the version that it is held against, or it would prove nothing.
 */
const TOKEN_BUDGET: Record<Engine, number> = {
  cuda: 6_000_000,
  native: 1_500_000,
  wasm: 750_000,
  webgpu: 750_000,
  cpu: 40_000,
}
// A twin cut to less than this much of its data would lose for lack of time only.
const LEAST_TWIN_EPOCHS = 2
const MOST_EPOCHS = 20
const DENSE_EVENTS_PER_ITEM = 30
const LONG_HISTORIES = 0.5
const SMALL_SET = 30_000

/** Simple rules from what was measured on public data; the gate judges what comes of them. */
export function chooseRecipe(shape: TrainingShape, seed: number): Recipe {
  const { items, events, users, longShare, textLength, typeWeights, engine, start } = shape
  const perItem = events / Math.max(1, items)
  const dense = perItem >= DENSE_EVENTS_PER_ITEM
  const long = longShare >= LONG_HISTORIES && events / Math.max(1, users) >= 50
  const small = events < SMALL_SET
  const budget = TOKEN_BUDGET[engine]
  const rounded = (value: number) => (value >= 10 ? Math.round(value) : Number(value.toFixed(1)))

  const config: NetworkConfig = {
    ...DEFAULT_CONFIG,
    textLength,
    typeWeights,
    width: Math.min(64, 2 * Math.floor(textLength / 2)) || 2,
    blocks: long && engine !== 'cpu' ? 2 : 1,
    maxLength: long ? 100 : 50,
    dropout: dense ? 0.2 : 0.3,
  }
  const rowLength = small ? 128 : 256
  const rowsPerStep = 8
  const epochs = Math.max(1, Math.min(MOST_EPOCHS, Math.floor(budget / Math.max(1, events))))
  const options: FitOptions = {
    epochs,
    patience: 3,
    // Less than one pass where even that is past the budget: the newest events are as good as any.
    maxSteps: Math.max(1, Math.ceil(budget / (rowLength * rowsPerStep))),
    seed,
    rate: (dense && long ? 1e-3 : 2e-3) * (start === 'active' ? 0.5 : 1),
    adaptorShare: 0.1,
    warmUpSteps: 50,
    frozenEpochs: epochs > 1 ? 1 : 0,
    rowLength,
    rowsPerStep,
    negatives: Math.min(512, items),
    pull: start === 'active' ? 0.01 : 0,
    clip: 5,
  }
  const affordable = events * LEAST_TWIN_EPOCHS <= budget
  const reasons: Record<string, string> = {
    width: `${config.width}: wider ones took longer and ranked no better on public shops`,
    blocks: long
      ? `${config.blocks}: half of the events lie in histories of 50 and more`
      : `1: most histories are short, and a second block adds time only`,
    maxLength: `${config.maxLength} events are looked back on, and ${config.meanLength} by the recency-weighted mean`,
    dropout: `${config.dropout}: ${rounded(perItem)} events an item are ${dense ? 'many' : 'few'}`,
    epochs: `at most ${epochs}: ${events} events, and ${budget} tokens are what the engine '${engine}' may take; early stopping ends it sooner`,
    rate: `${options.rate}: ${start === 'active' ? 'half of the usual, going on from the active version' : dense && long ? 'half of the usual, long histories are dense' : 'the usual one'}`,
    pull:
      options.pull > 0
        ? `${options.pull}: back to the active version, so that little data can't undo it`
        : '0: the base holds by its start',
    negatives:
      options.negatives === items
        ? 'the whole catalogue'
        : `${options.negatives} drawn by popularity, with logQ correction`,
    twin: affordable
      ? 'trained from scratch with the same data, epochs and seed'
      : `none: ${LEAST_TWIN_EPOCHS} passes over ${events} events are past the budget of ${budget} tokens`,
    start:
      start === 'active'
        ? 'the active version, item by item'
        : 'the base: principal axes of the text, so that the untrained network equals the text recommender',
  }
  const twin = affordable ? { ...options, rate: dense && long ? 1e-3 : 2e-3, pull: 0, frozenEpochs: 0 } : null
  return { config, options, twin, reasons }
}
