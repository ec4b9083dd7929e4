import { toHistories, type Histories, type Interaction } from '../../src/model/history.js'
import { packHistories, targetWeights, type Row } from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'
import { type NetworkConfig, startFromScratch } from '../../src/model/weights.js'
import type { NamedArrays } from '../../src/model/tensor-file.js'

/** A network small enough to check each of its numbers. */
export const TINY: NetworkConfig = {
  textLength: 6,
  width: 8,
  blocks: 2,
  heads: 2,
  expansion: 2,
  maxLength: 4,
  meanLength: 5,
  typeWeights: [1, 0.5],
  dropout: 0,
}

export const TINY_ITEMS = 12

/** [items, textLength] unit vectors. */
export function randomText(items: number, length: number, seed: number): Float32Array {
  const text = new Random(seed).normals(items * length, 1)
  for (let i = 0; i < items; i++) {
    const row = text.subarray(i * length, (i + 1) * length)
    const norm = Math.hypot(...row)
    row.forEach((value, k) => (row[k] = value / norm))
  }
  return text
}

/** Weights in which nothing is zero, so that no gradient hides behind one. */
export function busyArrays(config: NetworkConfig, items: number, seed: number): NamedArrays {
  const random = new Random(seed)
  const arrays = startFromScratch(config, items, seed)
  for (const [name, { data }] of Object.entries(arrays)) {
    if (name !== 'logScale') arrays[name].data = Float32Array.from(data, (value) => value + 0.2 * random.normal())
  }
  arrays.logScale.data = Float32Array.of(Math.log(3))
  return arrays
}

export function randomHistory(length: number, items: number, random: Random): Interaction[] {
  let at = 1_600_000_000_000
  return Array.from({ length }, () => {
    at += random.below(3) * 40_000 * random.below(100)
    return { item: random.below(items), type: random.below(2), at }
  })
}

export function randomHistories(lengths: number[], items: number, seed: number): Histories {
  const random = new Random(seed)
  return toHistories(lengths.map((length) => randomHistory(length, items, random)))
}

export function randomRows(lengths: number[], rowLength: number, seed: number): Row[] {
  const histories = randomHistories(lengths, TINY_ITEMS, seed)
  return packHistories(histories, targetWeights(histories, [1, 0.5]), rowLength, new Random(seed))
}
