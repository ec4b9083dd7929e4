import { evidenceOf, type EventType, type Histories, type Interaction, userCount } from '../model/history.js'
import { topK } from '../model/ranking.js'

export type KnnSetting = {
  /** Neighbours that an item keeps. */
  neighbours: number
  /** Added below the line: two items that a single user had are not the best of neighbours. */
  shrinkage: number
  /** Of each item's number of users, below the line: .5 is the cosine, less favours what many had. */
  power: number
  /** The k-th newest item of a history weighs k to the power of minus this. */
  decay: number
}

/** Items beside one item, and how many users had both, or how near they are. */
interface Row {
  items: Uint32Array
  values: Float32Array
}

// One who had thousands of items says little of any two of them, and would take the time of all others together.
const MOST_ITEMS_OF_USER = 500

/** Who had which item, in whatever order; rows of pairs are counted when they are first asked for. */
export class WhoHadBoth {
  private readonly rows = new Map<number, Row>()
  private readonly counted: Float32Array

  private constructor(
    readonly itemCount: number,
    readonly evidence: Uint8Array,
    private readonly itemsOf: Uint32Array[],
    private readonly usersOf: number[][],
  ) {
    this.counted = new Float32Array(itemCount)
  }

  static from(histories: Histories, itemCount: number, types: EventType[]): WhoHadBoth {
    const { offsets, items } = histories
    const evidence = evidenceOf(types)
    const usersOf: number[][] = Array.from({ length: itemCount }, () => [])
    const itemsOf = Array.from({ length: userCount(histories) }, (_, user) => {
      const had = new Set<number>()
      for (let row = offsets[user + 1] - 1; row >= offsets[user] && had.size < MOST_ITEMS_OF_USER; row--)
        if (evidence[histories.types[row]]) had.add(items[row])
      for (const item of had) usersOf[item].push(user)
      return Uint32Array.from(had)
    })
    return new WhoHadBoth(itemCount, evidence, itemsOf, usersOf)
  }

  users(item: number): number {
    return this.usersOf[item].length
  }

  row(item: number): Row {
    const known = this.rows.get(item)
    if (known) return known
    const { counted } = this
    const others: number[] = []
    for (const user of this.usersOf[item])
      for (const other of this.itemsOf[user]) {
        if (other === item) continue
        if (counted[other] === 0) others.push(other)
        counted[other]++
      }
    const row = { items: Uint32Array.from(others), values: Float32Array.from(others, (other) => counted[other]) }
    for (const other of others) counted[other] = 0
    this.rows.set(item, row)
    return row
  }
}

// Beyond 20 steps a taste is known, and what is older is less of it.
const HISTORY_LENGTH = 20

/** Item-to-item neighbours by the cosine of who had them, shrunk (Sarwar et al. 2001; Deshpande and Karypis 2004). */
export class ItemKnn {
  private readonly rows = new Map<number, Row>()

  constructor(
    private readonly both: WhoHadBoth,
    private readonly setting: KnnSetting,
  ) {}

  /** Writes each item's score after `history` (oldest first) into `out` [items]. */
  score(history: Interaction[], out: Float32Array): Float32Array {
    out.fill(0)
    const steps = new Set<number>()
    for (let at = history.length - 1; at >= 0 && steps.size < HISTORY_LENGTH; at--)
      if (this.both.evidence[history[at].type]) steps.add(history[at].item)
    let k = 0
    for (const step of steps) {
      const weight = (++k) ** -this.setting.decay
      const { items, values } = this.neighbours(step)
      for (let i = 0; i < items.length; i++) out[items[i]] += weight * values[i]
    }
    return out
  }

  private neighbours(item: number): Row {
    const known = this.rows.get(item)
    if (known) return known
    const { neighbours, shrinkage, power } = this.setting
    const { items, values } = this.both.row(item)
    const own = this.both.users(item) ** power
    const near = values.map((both, i) => both / (own * this.both.users(items[i]) ** power + shrinkage))
    const best = topK(near, neighbours)
    const row = { items: Uint32Array.from(best, (i) => items[i]), values: Float32Array.from(best, (i) => near[i]) }
    this.rows.set(item, row)
    return row
  }
}
