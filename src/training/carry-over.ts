import type { NamedArrays } from '../model/tensor-file.js'

export interface Vocabulary {
  /** Item ids, by index. */
  items: string[]
  /** Names of event types, by index. */
  types: string[]
}

/**
 * The weights of an earlier version for today's catalogue: what was learned about an item or event type moves to its new
 * index. A new item starts without residual, a new type without meaning; what is gone is dropped.
 */
export function carryOver(arrays: NamedArrays, before: Vocabulary, now: Vocabulary): NamedArrays {
  return {
    ...arrays,
    residual: moveRows(arrays.residual, before.items, now.items),
    types: moveRows(arrays.types, before.types, now.types),
  }
}

function moveRows(array: NamedArrays[string], before: string[], now: string[]): NamedArrays[string] {
  if (array.shape[0] !== before.length) throw new Error(`${before.length} names for ${array.shape[0]} rows of weights.`)
  const width = array.shape[1]
  const data = new Float32Array(now.length * width)
  const rows = new Map(before.map((name, row) => [name, row]))
  now.forEach((name, row) => {
    const from = rows.get(name)
    if (from !== undefined) data.set(array.data.subarray(from * width, (from + 1) * width), row * width)
  })
  return { shape: [now.length, width], data }
}
