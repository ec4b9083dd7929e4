import { Cooccurrence, LENGTH_CAP, type Norms, type PairSetting, type Steps } from './cooccurrence.js'
import { evidenceOf, userCount, type EventType, type Histories, type Interaction, longer } from './history.js'
import type { SparseMatrix } from './pair-vectors.js'
import type { NamedArrays } from './tensor-file.js'

export interface CountSettings {
  types: EventType[]
  /** Milliseconds after which an event counts half in recent popularity; `fitHalfLife` chooses one by data. */
  halfLife: number
  /** `DEFAULT_NORMS` when absent; `choosePairNorms` chooses them by data. */
  norms?: PairNorms
}

/**
 * How pairs of often seen items are held down: pair i to j counts
 * C / (n_i + shrinkage)^source / (n_j + shrinkage)^target, with n the steps of an item.
 */
export interface NormSetting {
  shrinkage: number
  source: number
  target: number
}

/** No one setting wins everywhere: "wide" suits baskets and tastes, "narrow" paths where order means much. */
export const PAIR_SETTINGS = {
  wide: { window: 10, backward: 0.5, distance: 0.5, recency: 1 },
  narrow: { window: 3, backward: 0.1, distance: 1, recency: 1.5 },
} as const satisfies Record<string, PairSetting>

export type PairKind = keyof typeof PAIR_SETTINGS
export type PairNorms = Record<PairKind, NormSetting>

// Shrinks pairs of items that were hardly seen; the powers are below 1 in sum, so that a well-sold follower keeps some
// of its lead.
export const DEFAULT_NORM: NormSetting = { shrinkage: 10, source: 0.5, target: 0.3 }
const DEFAULT_NORMS: PairNorms = { wide: DEFAULT_NORM, narrow: DEFAULT_NORM }
// Older steps weigh under 2 % of the newest.
const HISTORY_LENGTH = 50
// Doubles hold 2^1023: past 500 half-lives the sums move to a later reference moment.
const REBASE_HALF_LIVES = 500

/**
 * What a tenant's events say without any training: popularity of all time, popularity with exponential decay, and which
 * item follows which. Built from histories, kept current by `add`.
 */
export class Counts {
  private readonly evidence: Uint8Array
  private readonly norms: Record<PairKind, Norms>
  /** Moment of the newest event. */
  private newest: number

  private constructor(
    readonly settings: CountSettings,
    private items: number,
    private steps: Float32Array,
    private popularity: Float64Array,
    private decayed: Float64Array,
    /** Moment of each item's first event; Infinity without one. */
    private first: Float64Array,
    private reference: number,
    private readonly pairs: Record<PairKind, Cooccurrence>,
  ) {
    this.evidence = evidenceOf(settings.types)
    this.norms = bothNorms(steps, settings)
    this.newest = reference
  }

  /**
   * Counts all histories. An event counts for the popularity by its type's weight, and as one step, whatever its type,
   * for the pairs; negative types and types of weight 0 count for nothing.
   */
  static from(histories: Histories, itemCount: number, settings: CountSettings): Counts {
    const evidence = evidenceOf(settings.types)
    const popularity = new Float64Array(itemCount)
    const decayed = new Float64Array(itemCount)
    const first = new Float64Array(itemCount).fill(Infinity)
    let reference = -Infinity
    for (const at of histories.times) if (at > reference) reference = at
    if (reference === -Infinity) reference = 0
    for (let row = 0; row < histories.items.length; row++) {
      const type = histories.types[row]
      if (!evidence[type]) continue
      const weight = settings.types[type].weight
      const item = histories.items[row]
      first[item] = Math.min(first[item], histories.times[row])
      popularity[item] += weight
      decayed[item] += weight * 2 ** ((histories.times[row] - reference) / settings.halfLife)
    }
    const steps = stepsOf(histories, evidence)
    const stepCounts = new Float32Array(itemCount)
    for (const item of steps.items) stepCounts[item]++
    const norms = bothNorms(stepCounts, settings)
    return new Counts(settings, itemCount, stepCounts, popularity, decayed, first, reference, {
      wide: Cooccurrence.from(steps, PAIR_SETTINGS.wide, norms.wide, itemCount),
      narrow: Cooccurrence.from(steps, PAIR_SETTINGS.narrow, norms.narrow, itemCount),
    })
  }

  get itemCount(): number {
    return this.items
  }

  /** The same counts seen by other norms; they share what was counted, so only one of them may be added to. */
  withNorms(norms: PairNorms): Counts {
    const { settings, items, steps, popularity, decayed, first, reference, pairs } = this
    return new Counts({ ...settings, norms }, items, steps, popularity, decayed, first, reference, pairs)
  }

  /**
   * Counts one new event, the newest of its user. The result equals counting everything anew, up to rounding and to the
   * pruning of rows: a pair beyond its item's 200 strongest may have lost what it had gathered.
   * @param previous the user's earlier events, oldest first; the last 200 steps are enough
   */
  add(previous: Interaction[], event: Interaction): void {
    this.newest = Math.max(this.newest, event.at)
    if (!this.evidence[event.type]) return
    this.grow(event.item + 1)
    const weight = this.settings.types[event.type].weight
    if (event.at - this.reference > REBASE_HALF_LIVES * this.settings.halfLife) this.rebase(event.at)
    this.popularity[event.item] += weight
    this.first[event.item] = Math.min(this.first[event.item], event.at)
    this.decayed[event.item] += weight * 2 ** ((event.at - this.reference) / this.settings.halfLife)

    const earlier = this.stepsOf(previous, LENGTH_CAP).reverse()
    if (earlier.length > 0 && earlier[earlier.length - 1] === event.item) return
    this.steps[event.item]++
    for (const kind of PAIR_KINDS) {
      const norms = this.norms[kind]
      const { shrinkage, source, target } = settingOf(this.settings, kind)
      norms.source[event.item] = (this.steps[event.item] + shrinkage) ** -source
      norms.target[event.item] = (this.steps[event.item] + shrinkage) ** -target
      this.pairs[kind].add(earlier, event.item, earlier.length, norms)
    }
  }

  /** Makes room for items up to `itemCount`, without any counts yet. */
  grow(itemCount: number): void {
    if (itemCount <= this.items) return
    this.items = itemCount
    if (itemCount <= this.steps.length) return
    // Doubling: items often arrive one at a time.
    const capacity = Math.max(itemCount, 2 * this.steps.length)
    this.steps = longer(this.steps, new Float32Array(capacity))
    this.popularity = longer(this.popularity, new Float64Array(capacity))
    this.decayed = longer(this.decayed, new Float64Array(capacity))
    this.first = longer(this.first, new Float64Array(capacity).fill(Infinity))
    Object.assign(this.norms, bothNorms(this.steps, this.settings))
  }

  /** A type whose events are evidence, for histories that no user has, as that of "more like this". */
  get evidenceType(): number {
    return Math.max(0, this.evidence.indexOf(1))
  }

  /** Writes each item's weighted number of events into `out` [items], which may be shorter or longer than the counts. */
  popular(out: Float32Array): Float32Array {
    out.fill(0)
    out.set(this.popularity.subarray(0, Math.min(this.items, out.length)))
    return out
  }

  /**
   * Writes each item's weighted number of events, halved for every half-life since, into `out` [items]: as of `now`, but
   * not past the newest event. In a shop that is shut, or whose history was imported, nothing fades but the memory of it.
   */
  recent(now: number, out: Float32Array): Float32Array {
    const scale = 2 ** ((this.reference - Math.min(now, this.newest)) / this.settings.halfLife)
    out.fill(0)
    for (let item = Math.min(this.items, out.length) - 1; item >= 0; item--) out[item] = this.decayed[item] * scale
    return out
  }

  /** Who was had near whom, from each item to its strongest followers, held down by how often both were had. */
  pairMatrix(): SparseMatrix {
    const arrays = this.pairs.wide.toArrays('pairs', this.items)
    const offsets = arrays['pairs.offsets'].data as Uint32Array
    const columns = arrays['pairs.items'].data as Uint32Array
    const values = arrays['pairs.values'].data as Float32Array
    const share = this.steps.map((count) => (count + DEFAULT_NORM.shrinkage) ** -0.5)
    for (let item = 0; item < this.items; item++)
      for (let at = offsets[item]; at < offsets[item + 1]; at++) values[at] *= share[item] * share[columns[at]]
    return { offsets, columns, values }
  }

  /** Writes how strongly each item follows `history` (oldest first) into `out` [items]. */
  following(history: Interaction[], kind: PairKind, out: Float32Array): Float32Array {
    out.fill(0)
    const { recency } = PAIR_SETTINGS[kind]
    this.stepsOf(history, HISTORY_LENGTH).forEach((item, k) => {
      this.pairs[kind].follow(item, (k + 1) ** -recency, this.norms[kind], out)
    })
    return out
  }

  /** Moment of each item's first event, milliseconds since 1970, [items]; Infinity without one. A view. */
  firstEvents(): Float64Array {
    return this.first.subarray(0, this.items)
  }

  /** How strongly `other` follows `item` by itself. */
  pair(kind: PairKind, item: number, other: number): number {
    if (item >= this.items || other >= this.items) return 0
    return this.pairs[kind].pair(item, other, this.norms[kind])
  }

  /** In how many steps of any user the item was seen. */
  seen(item: number): number {
    return item < this.items ? this.steps[item] : 0
  }

  /** The newest `limit` steps of a history, newest first: evidence only, a run of one item is one step. */
  stepsOf(history: Interaction[], limit: number): number[] {
    const steps: number[] = []
    for (let i = history.length - 1; i >= 0 && steps.length < limit; i--) {
      const { item, type } = history[i]
      if (this.evidence[type] && steps[steps.length - 1] !== item) steps.push(item)
    }
    return steps
  }

  /** All state as arrays; the settings travel beside them. */
  toArrays(): NamedArrays {
    this.rebase(this.newest)
    const column = (data: Float32Array | Float64Array) => ({ shape: [this.items], data: data.slice(0, this.items) })
    return {
      steps: column(this.steps),
      popularity: column(this.popularity),
      decayed: column(this.decayed),
      first: column(this.first),
      reference: { shape: [1], data: Float64Array.of(this.reference) },
      ...this.pairs.wide.toArrays('wide', this.items),
      ...this.pairs.narrow.toArrays('narrow', this.items),
    }
  }

  static fromArrays(arrays: NamedArrays, settings: CountSettings): Counts {
    const steps = (arrays['steps'].data as Float32Array).slice()
    const popularity = (arrays['popularity'].data as Float64Array).slice()
    const decayed = (arrays['decayed'].data as Float64Array).slice()
    const first = (arrays['first'].data as Float64Array).slice()
    return new Counts(settings, steps.length, steps, popularity, decayed, first, arrays['reference'].data[0], {
      wide: Cooccurrence.fromArrays(arrays, 'wide', PAIR_SETTINGS.wide),
      narrow: Cooccurrence.fromArrays(arrays, 'narrow', PAIR_SETTINGS.narrow),
    })
  }

  private rebase(moment: number): void {
    const scale = 2 ** ((this.reference - moment) / this.settings.halfLife)
    for (let item = 0; item < this.items; item++) this.decayed[item] *= scale
    this.reference = moment
  }
}

const PAIR_KINDS = Object.keys(PAIR_SETTINGS) as PairKind[]

const settingOf = ({ norms = DEFAULT_NORMS }: CountSettings, kind: PairKind): NormSetting => norms[kind]

function bothNorms(steps: Float32Array, settings: CountSettings): Record<PairKind, Norms> {
  const normsOf = ({ shrinkage, source, target }: NormSetting): Norms => ({
    source: steps.map((count) => (count + shrinkage) ** -source),
    target: steps.map((count) => (count + shrinkage) ** -target),
  })
  return { wide: normsOf(settingOf(settings, 'wide')), narrow: normsOf(settingOf(settings, 'narrow')) }
}

function stepsOf(histories: Histories, evidence: Uint8Array): Steps {
  const total = histories.items.length
  const items = new Uint32Array(total)
  const position = new Uint32Array(total)
  const left = new Uint32Array(total)
  let count = 0
  for (let user = 0; user < userCount(histories); user++) {
    const start = count
    for (let row = histories.offsets[user]; row < histories.offsets[user + 1]; row++) {
      const item = histories.items[row]
      if (!evidence[histories.types[row]] || (count > start && items[count - 1] === item)) continue
      items[count] = item
      position[count] = count - start
      count++
    }
    for (let step = start; step < count; step++) left[step] = count - 1 - step
  }
  return { items: items.subarray(0, count), position: position.subarray(0, count), left: left.subarray(0, count) }
}
