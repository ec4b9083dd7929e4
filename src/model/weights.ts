import type { NamedArrays } from './tensor-file.js'
import { GAP_BUCKETS, HOUR_BUCKETS } from './packing.js'
import { Random } from './random.js'

export interface NetworkConfig {
  /** Length of an item's text vector. */
  textLength: number
  /** Length of item and user vectors. */
  width: number
  blocks: number
  heads: number
  /** Inner width of the feed-forward part, as a multiple of `width`. */
  expansion: number
  /** Events that attention looks back on. */
  maxLength: number
  /** Events that the recency-weighted mean looks back on. */
  meanLength: number
  /** Weight in that mean of each event type, by its index: 0 for one that means the opposite of interest. */
  typeWeights: number[]
  dropout: number
}

export const DEFAULT_CONFIG: Omit<NetworkConfig, 'textLength' | 'typeWeights'> = {
  width: 64,
  blocks: 1,
  // Two ranked no better on three public sets and cost a tenth more time.
  heads: 1,
  expansion: 2,
  maxLength: 50,
  meanLength: 50,
  dropout: 0.3,
}

/** Parts that are frozen, or learn at a rate of their own, together. */
export type Part = 'adaptor' | 'residual' | 'sequence' | 'readout'

export interface Weight {
  part: Part
  shape: number[]
  data: Float32Array
}

export type Weights = Record<string, Weight>

const GROUPS: [RegExp, Part][] = [
  [/^adaptor$/, 'adaptor'],
  [/^residual$/, 'residual'],
  [/^(alpha|logScale)$/, 'readout'],
  [/^(block|types$|gaps$|waits$|hours$)/, 'sequence'],
]

/** Every weight's shape. `items` is the size of the vocabulary: the items that have a residual. */
export function shapesOf(config: NetworkConfig, items: number): Record<string, number[]> {
  const { width, heads, textLength, typeWeights } = config
  const inner = width * config.expansion
  const head = width / heads
  const shapes: Record<string, number[]> = {
    adaptor: [textLength, width],
    residual: [items, width],
    alpha: [1, width],
    logScale: [1, 1],
    types: [typeWeights.length, width],
    gaps: [GAP_BUCKETS, width],
    waits: [GAP_BUCKETS, width],
    hours: [HOUR_BUCKETS, width],
  }
  for (let block = 0; block < config.blocks; block++) {
    const name = `block.${block}`
    for (let h = 0; h < heads; h++) {
      // Each matrix lies the way its gradient comes out of the backward pass, so that none has to be turned.
      shapes[`${name}.query.${h}`] = [width, head]
      shapes[`${name}.query.bias.${h}`] = [1, head]
      shapes[`${name}.key.${h}`] = [head, width]
      shapes[`${name}.value.${h}`] = [head, width]
      shapes[`${name}.output.${h}`] = [width, head]
      shapes[`${name}.distance.${h}`] = [1, config.maxLength]
    }
    shapes[`${name}.output.bias`] = [1, width]
    shapes[`${name}.expand`] = [width, inner]
    shapes[`${name}.expand.bias`] = [1, inner]
    shapes[`${name}.contract`] = [width, inner]
    shapes[`${name}.contract.bias`] = [1, width]
  }
  return shapes
}

/** Of versions that were made before there was such a table: they go on as they were, and learn it from zeros. */
const LATER = ['hours']

/** Checks names and shapes, and copies. @throws Error naming the first array that is missing or does not fit */
export function weightsFrom(config: NetworkConfig, arrays: NamedArrays): Weights {
  if (!arrays.residual) throw new Error("The network's weights lack 'residual'.")
  const weights: Weights = {}
  for (const [name, shape] of Object.entries(shapesOf(config, arrays.residual.shape[0]))) {
    const array = arrays[name] ?? (LATER.includes(name) && { shape, data: new Float32Array(shape[0] * shape[1]) })
    if (!array) throw new Error(`The network's weights lack '${name}'.`)
    if (array.shape.join() !== shape.join()) {
      throw new Error(`'${name}' has the shape [${array.shape.join(', ')}], not [${shape.join(', ')}].`)
    }
    weights[name] = { part: partOf(name), shape, data: Float32Array.from(array.data) }
  }
  return weights
}

export function arraysOf(weights: Weights): NamedArrays {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, { shape: [...shape], data: data.slice() }]),
  )
}

/**
 * The start that equals the text recommender: principal axes as adaptor, no residual, and nothing of the transformer until
 * alpha leaves zero (ReZero, Bachlechner et al. 2020). Items without text get a random residual: where all were nothing, no
 * gradient would ever tell them apart.
 * @param axes [textLength, width]
 * @param lacksText absent: all have one
 */
export function startFromText(
  config: NetworkConfig,
  axes: Float32Array,
  items: number,
  seed: number,
  lacksText: (item: number) => boolean = () => false,
): NamedArrays {
  const arrays = startFromScratch(config, items, seed)
  arrays.adaptor.data = axes.slice()
  arrays.alpha.data.fill(0)
  const random = new Random(seed ^ RESIDUAL_STREAM)
  for (let item = 0; item < items; item++)
    if (lacksText(item))
      arrays.residual.data.set(
        random.normals(config.width, TEXTLESS_LENGTH / Math.sqrt(config.width)),
        item * config.width,
      )
  return arrays
}
const RESIDUAL_STREAM = 0x7e5d
// About that of an item's text in its principal axes.
const TEXTLESS_LENGTH = 0.5

/** The same network knowing nothing: a random adaptor, a random transformer that takes part from the first step. */
export function startFromScratch(config: NetworkConfig, items: number, seed: number): NamedArrays {
  const random = new Random(seed)
  const arrays: NamedArrays = {}
  for (const [name, shape] of Object.entries(shapesOf(config, items))) {
    const size = shape[0] * shape[1]
    arrays[name] = {
      shape,
      data: /bias|distance|residual|hours/.test(name)
        ? new Float32Array(size)
        : random.normals(size, deviation(name, config)),
    }
  }
  arrays.alpha.data.fill(SCRATCH_ALPHA)
  arrays.logScale.data.fill(Math.log(START_SCALE))
  return arrays
}
// A layer-normed vector of width d has the length sqrt(d); a tenth of it is about what an item's vector measures.
const SCRATCH_ALPHA = 0.1
// Scores of unit vectors lie within 1 of each other: times this, the softmax tells a good candidate from a poor one.
const START_SCALE = 10

function deviation(name: string, config: NetworkConfig): number {
  if (name === 'adaptor') return 1 / Math.sqrt(config.width)
  if (/^(types|gaps|waits)$/.test(name)) return 0.02
  // Contracting maps see `expansion` times as many inputs.
  return 1 / Math.sqrt(name.endsWith('contract') ? config.width * config.expansion : config.width)
}

function partOf(name: string): Part {
  const group = GROUPS.find(([pattern]) => pattern.test(name))
  if (!group) throw new Error(`'${name}' belongs to no part of the network.`)
  return group[1]
}
