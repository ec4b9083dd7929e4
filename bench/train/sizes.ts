import type { Engine } from '../../src/platform/tensorflow.js'
import { DEFAULT_FIT } from '../../src/training/fit.js'
import { rowsOfStep } from '../../src/training/recipe.js'

/** A network to time, and how its data is laid out. */
export interface Size {
  blocks: number
  /** Events that attention looks back on; the reference's padded length. */
  length: number
  dropout: number
  negatives: number
}

export const SHOPS: Record<string, Size> = {
  'ml-1m': { blocks: 2, length: 200, dropout: 0.2, negatives: 512 },
  'amazon-games': { blocks: 1, length: 50, dropout: 0.3, negatives: 512 },
  'online-retail': { blocks: 1, length: 50, dropout: 0.3, negatives: 512 },
}

/** Of the made-up tenants. */
export const USUAL: Size = { blocks: 1, length: 50, dropout: 0.3, negatives: 512 }

/** Of the trial whose naive step the WebAssembly step is held against. */
export const TRIAL: Size = { blocks: 2, length: 50, dropout: 0.2, negatives: 256 }
export const TRIAL_USERS = 64

export interface Layout {
  /** Tokens of a row. */
  rowLength: number
  rowsPerStep: number
}

/**
 * How Attune's own trainer lays out a step: as the recipe chooses it for an engine and a shop of that size. A row holds at
 * least what attention looks back on.
 */
export function layoutOf(engine: Engine, { length }: Size, shop: { items: number; events: number }): Layout {
  const { rowLength } = DEFAULT_FIT
  const tokens = rowsOfStep({ engine, ...shop }) * rowLength
  const longest = Math.max(rowLength, length)
  return { rowLength: longest, rowsPerStep: Math.max(1, Math.floor(tokens / longest)) }
}

/** Threads that a process is tried with, the best of which is measured. */
export const threadsToTry = (engine: Engine) => (engine === 'native' || engine === 'wasm' ? [1, 2] : [1])
/** Padded batches that the reference is tried with. */
export const BATCHES_TO_TRY = [64, 128, 256]
