import { longer } from './history.js'
import type { NamedArrays } from './tensor-file.js'

/** How pairs of one user's steps are counted, and how a history asks for what follows it. */
export interface PairSetting {
  /** Steps further apart than this are no pair. */
  window: number
  /** A pair counted against its order (later item to earlier item) weighs this much. */
  backward: number
  /** A pair at distance d weighs 1 / d^distance. */
  distance: number
  /** The history's k-th newest step (0 is the newest) weighs 1 / (k + 1)^recency. */
  recency: number
}

/**
 * Users' steps one after another: evidence only, a run of one item is one step. `position` is a step's place in its
 * user's sequence, from 0, and `left` how many of the user's steps come after it.
 */
export interface Steps {
  items: Uint32Array
  position: Uint32Array
  left: Uint32Array
}

/** Factors that keep popular items from following everything: pair i to j counts C * source[i] * target[j]. */
export interface Norms {
  source: Float32Array
  target: Float32Array
}

// Past the 200 best followers of an item come pairs seen once, which only cost memory.
const KEPT = 200
// A row is pruned again only after this many newcomers, so that a newcomer has time to gather evidence.
const CAPACITY = 256
// Most rows are short, and half a million of them may be touched.
const ROOM = 8
// Long sequences say less per pair. Capped, so that a live update needs a user's last 200 steps and no more.
export const LENGTH_CAP = 200

/** Weight of pairs that the step at `position` closes: a long sequence holds many pairs by chance. */
const lengthWeight = (position: number): number => 1 / Math.log(2 + Math.min(position + 1, LENGTH_CAP))

interface Row {
  items: Uint32Array
  values: Float32Array
  length: number
}

/**
 * Order-aware item-to-item co-occurrence: how often, and how closely, j came after i. Sparse rows of raw sums; rows that
 * live events touch are copied beside the compressed ones and grow there.
 */
export class Cooccurrence {
  private readonly touched = new Map<number, Row>()
  private readonly distanceWeight: Float64Array

  private constructor(
    readonly setting: PairSetting,
    private readonly offsets: Uint32Array,
    private readonly items: Uint32Array,
    private readonly values: Float32Array,
  ) {
    this.distanceWeight = Float64Array.from({ length: setting.window + 1 }, (_, d) => 1 / d ** setting.distance)
  }

  /** Counts all pairs of `steps` and keeps each item's strongest followers. */
  static from(steps: Steps, setting: PairSetting, norms: Norms, itemCount: number): Cooccurrence {
    const { starts, places } = stepsByItem(steps.items, itemCount)
    const weights = Float64Array.from({ length: setting.window + 1 }, (_, d) => 1 / d ** setting.distance)
    const lengths = Float64Array.from({ length: LENGTH_CAP }, (_, position) => lengthWeight(position))
    const sums = new Float32Array(itemCount)
    const followers = new Uint32Array(itemCount)
    const offsets = new Uint32Array(itemCount + 1)
    const rows = new GrowingRows(steps.items.length)
    for (let item = 0; item < itemCount; item++) {
      let count = 0
      for (let at = starts[item]; at < starts[item + 1]; at++) {
        const step = places[at]
        const ahead = Math.min(setting.window, steps.left[step])
        for (let d = 1; d <= ahead; d++) {
          const other = steps.items[step + d]
          if (other === item) continue
          if (sums[other] === 0) followers[count++] = other
          sums[other] += weights[d] * lengths[Math.min(steps.position[step + d], LENGTH_CAP - 1)]
        }
        const behind = Math.min(setting.window, steps.position[step])
        const back = setting.backward * lengths[Math.min(steps.position[step], LENGTH_CAP - 1)]
        for (let d = 1; d <= behind; d++) {
          const other = steps.items[step - d]
          if (other === item) continue
          if (sums[other] === 0) followers[count++] = other
          sums[other] += weights[d] * back
        }
      }
      const all = followers.subarray(0, count)
      rows.append(
        strongest(all, (i) => sums[all[i]] * norms.target[all[i]]),
        sums,
      )
      offsets[item + 1] = rows.length
      for (let i = 0; i < count; i++) sums[followers[i]] = 0
    }
    return new Cooccurrence(setting, offsets, rows.items.slice(0, rows.length), rows.values.slice(0, rows.length))
  }

  /**
   * Counts the pairs that a new step closes.
   * @param earlier the user's steps before it, oldest first; `position` is how many there are in all
   */
  add(earlier: ArrayLike<number>, item: number, position: number, norms: Norms): void {
    const weight = lengthWeight(position)
    for (let d = 1; d <= Math.min(this.setting.window, earlier.length); d++) {
      const other = earlier[earlier.length - d]
      if (other === item) continue
      this.increase(other, item, weight * this.distanceWeight[d], norms)
      this.increase(item, other, weight * this.distanceWeight[d] * this.setting.backward, norms)
    }
  }

  /** Adds to `out` what tends to follow `item`, times `weight`. */
  follow(item: number, weight: number, norms: Norms, out: Float32Array): void {
    const { items, values, start, end } = this.row(item)
    const scale = weight * norms.source[item]
    for (let at = start; at < end; at++) out[items[at]] += scale * values[at] * norms.target[items[at]]
  }

  /** The normalised pair value from `item` to `other`; 0 where they never met. */
  pair(item: number, other: number, norms: Norms): number {
    const { items, values, start, end } = this.row(item)
    for (let at = start; at < end; at++) {
      if (items[at] === other) return values[at] * norms.source[item] * norms.target[other]
    }
    return 0
  }

  /** Compressed rows over `itemCount` items, live updates folded in. */
  toArrays(prefix: string, itemCount: number): NamedArrays {
    const offsets = new Uint32Array(itemCount + 1)
    for (let item = 0; item < itemCount; item++) {
      const { start, end } = this.row(item)
      offsets[item + 1] = offsets[item] + end - start
    }
    const items = new Uint32Array(offsets[itemCount])
    const values = new Float32Array(offsets[itemCount])
    for (let item = 0; item < itemCount; item++) {
      const row = this.row(item)
      items.set(row.items.subarray(row.start, row.end), offsets[item])
      values.set(row.values.subarray(row.start, row.end), offsets[item])
    }
    return {
      [`${prefix}.offsets`]: { shape: [offsets.length], data: offsets },
      [`${prefix}.items`]: { shape: [items.length], data: items },
      [`${prefix}.values`]: { shape: [values.length], data: values },
    }
  }

  static fromArrays(arrays: NamedArrays, prefix: string, setting: PairSetting): Cooccurrence {
    return new Cooccurrence(
      setting,
      arrays[`${prefix}.offsets`].data as Uint32Array,
      arrays[`${prefix}.items`].data as Uint32Array,
      arrays[`${prefix}.values`].data as Float32Array,
    )
  }

  private row(item: number): { items: Uint32Array; values: Float32Array; start: number; end: number } {
    const row = this.touched.get(item)
    if (row) return { items: row.items, values: row.values, start: 0, end: row.length }
    const known = item + 1 < this.offsets.length
    const start = known ? this.offsets[item] : 0
    return { items: this.items, values: this.values, start, end: known ? this.offsets[item + 1] : 0 }
  }

  private increase(item: number, other: number, amount: number, norms: Norms): void {
    if (amount === 0) return
    const row = this.touched.get(item) ?? this.touch(item)
    let at = 0
    while (at < row.length && row.items[at] !== other) at++
    if (at === CAPACITY) {
      prune(row, norms)
      at = row.length
    } else if (at === row.items.length) resize(row, Math.min(CAPACITY, 2 * at))
    if (at === row.length) {
      row.items[at] = other
      row.values[at] = 0
      row.length++
    }
    row.values[at] += amount
  }

  private touch(item: number): Row {
    const { items, values, start, end } = this.row(item)
    const row = { items: items.subarray(start, end), values: values.subarray(start, end), length: end - start }
    resize(row, Math.min(CAPACITY, row.length + ROOM))
    this.touched.set(item, row)
    return row
  }
}

/** Entries of many rows one after another. One growing block: an array for each of 200,000 items costs seconds. */
class GrowingRows {
  items: Uint32Array
  values: Float32Array
  length = 0

  constructor(capacity: number) {
    this.items = new Uint32Array(capacity)
    this.values = new Float32Array(capacity)
  }

  append(entries: Uint32Array, sums: Float32Array): void {
    if (this.length + entries.length > this.items.length) {
      const capacity = Math.max(2 * this.items.length, this.length + entries.length)
      const { items, values } = this
      this.items = new Uint32Array(capacity)
      this.items.set(items)
      this.values = new Float32Array(capacity)
      this.values.set(values)
    }
    for (const item of entries) {
      this.items[this.length] = item
      this.values[this.length++] = sums[item]
    }
  }
}

function resize(row: Row, capacity: number): void {
  row.items = longer(row.items, new Uint32Array(capacity))
  row.values = longer(row.values, new Float32Array(capacity))
}

function prune(row: Row, norms: Norms): void {
  const places = Uint32Array.from(row.items, (_, at) => at)
  const kept = strongest(places, (at) => row.values[at] * norms.target[row.items[at]])
  row.items.set(kept.map((at) => row.items[at]))
  row.values.set(Float32Array.from(kept, (at) => row.values[at]))
  row.length = kept.length
}

/** The `KEPT` entries of largest value in their given order; equal values at the edge: the first ones stay. */
function strongest(entries: Uint32Array, valueAt: (at: number) => number): Uint32Array {
  if (entries.length <= KEPT) return entries
  const values = Float64Array.from(entries, (_, at) => valueAt(at))
  const edge = nthLargest(values.slice(), KEPT)
  let above = 0
  for (const value of values) if (value > edge) above++
  let atEdge = KEPT - above
  return entries.filter((_, at) => values[at] > edge || (values[at] === edge && atEdge-- > 0))
}

/** Quickselect (Hoare 1961); reorders `values`. */
function nthLargest(values: Float64Array, nth: number): number {
  let low = 0
  let high = values.length - 1
  const wanted = nth - 1
  while (low < high) {
    const pivot = values[(low + high) >>> 1]
    let i = low
    let j = high
    while (i <= j) {
      while (values[i] > pivot) i++
      while (values[j] < pivot) j--
      if (i <= j) {
        const swapped = values[i]
        values[i++] = values[j]
        values[j--] = swapped
      }
    }
    if (wanted <= j) high = j
    else if (wanted >= i) low = i
    else break
  }
  return values[wanted]
}

function stepsByItem(items: Uint32Array, itemCount: number): { starts: Uint32Array; places: Uint32Array } {
  const starts = new Uint32Array(itemCount + 1)
  for (const item of items) starts[item + 1]++
  for (let item = 0; item < itemCount; item++) starts[item + 1] += starts[item]
  const next = starts.slice(0, itemCount)
  const places = new Uint32Array(items.length)
  items.forEach((item, step) => (places[next[item]++] = step))
  return { starts, places }
}
