import { longer } from './history.js'
import { isFact, type ItemTokens } from './item-tokens.js'

/** A token in more than this share of the items parts nothing, and would be most of the work. */
const COMMON = 0.1
/** A request adds up at most so many postings, those of the most telling tokens first: half a millisecond. */
const MOST_POSTINGS = 100_000
/**
 * Of a word as rare: half weighed best, or no worse than any other share, on public data whose categories stood in for
 * attributes, and a price that has no bearing on what is bought spoils the words less.
 */
const FACT_SHARE = 0.5
const FREE = 0

/**
 * Which items share which words and other facts, and how telling each is: cosine of vectors of tokens weighted by inverse document
 * frequency (Salton and Buckley 1988). Brands, series and model codes, which a text encoder knows nothing of, are words
 * like any other here. Tokens of one item only tie nothing to anything and are left out.
 */
export class LexicalIndex {
  /** The slots of items that have changed since: their postings are no longer true. */
  private readonly moved = new Map<number, number[]>()

  private constructor(
    private readonly tokens: ItemTokens,
    /** Tokens by hash, open addressing; a power of two. */
    private readonly keys: Uint32Array,
    /** By place of a key, those of its token in `offsets` and `idf`. */
    private readonly slots: Uint32Array,
    /** [tokens + 1] */
    private readonly offsets: Uint32Array,
    /** Items by token, ascending. */
    private readonly postings: Uint32Array,
    /** [tokens] */
    private readonly idf: Float32Array,
    /** [items], 1 / length of the item's vector; 0 where nothing of it is in the index. */
    private scales: Float32Array,
  ) {}

  static from(tokens: ItemTokens): LexicalIndex {
    const { items } = tokens
    const { keys, counts } = frequencies(tokens)
    let withText = 0
    for (let item = 0; item < items; item++) if (tokens.row(item).length > 0) withText++
    const most = Math.max(2, COMMON * withText)
    let kept = 0
    for (const count of counts) if (count >= 2 && count <= most) kept++
    // As sparse as lookups want it, without the tokens that are left out.
    const table = new Uint32Array(2 ** Math.ceil(Math.log2(2 * kept + 2)))
    const slots = new Uint32Array(table.length)
    const offsets = new Uint32Array(kept + 1)
    const idf = new Float32Array(kept)
    let slot = 0
    for (let at = 0; at < keys.length; at++) {
      if (counts[at] < 2 || counts[at] > most) continue
      const place = placeOf(table, keys[at])
      table[place] = keys[at]
      slots[place] = slot
      idf[slot] = Math.log(withText / counts[at]) * (isFact(keys[at]) ? FACT_SHARE : 1)
      offsets[++slot] = counts[at]
    }
    for (let i = 0; i < kept; i++) offsets[i + 1] += offsets[i]
    const postings = new Uint32Array(offsets[kept])
    const next = offsets.slice(0, kept)
    const scales = new Float32Array(items)
    for (let item = 0; item < items; item++) {
      let squares = 0
      for (const token of tokens.row(item)) {
        const place = placeOf(table, token)
        if (table[place] === FREE) continue
        const own = slots[place]
        postings[next[own]++] = item
        squares += idf[own] ** 2
      }
      if (squares > 0) scales[item] = 1 / Math.sqrt(squares)
    }
    return new LexicalIndex(tokens, table, slots, offsets, postings, idf, scales)
  }

  /** What `toArrays` gave. @param tokens those that it was made of */
  static fromArrays(tokens: ItemTokens, arrays: ReturnType<LexicalIndex['toArrays']>): LexicalIndex {
    const { keys, slots, offsets, postings, idf, scales } = arrays
    return new LexicalIndex(tokens, keys, slots, offsets, postings, idf, scales)
  }

  /** The numbers themselves, not a copy; what has changed since is not in them. */
  toArrays() {
    const { keys, slots, offsets, postings, idf, scales } = this
    return { keys, slots, offsets, postings, idf, scales }
  }

  /**
   * The item is new or has other tokens. It is scored by them from now on, with the frequencies as they were; tokens that
   * the index does not have stay unknown to it.
   */
  follow(item: number): void {
    const { tokens, idf } = this
    const slots = Array.from(tokens.row(item), (token) => this.slotOf(token)).filter((slot) => slot >= 0)
    if (item >= this.scales.length)
      this.scales = longer(this.scales, new Float32Array(Math.max(item + 1, Math.ceil(1.1 * this.scales.length))))
    const squares = slots.reduce((sum, slot) => sum + idf[slot] ** 2, 0)
    this.scales[item] = squares > 0 ? 1 / Math.sqrt(squares) : 0
    this.moved.set(item, slots)
  }

  /** Items that have changed since the index was made. */
  get apart(): number {
    return this.moved.size
  }

  private get items(): number {
    return this.scales.length
  }

  get bytes(): number {
    const { keys, slots, offsets, postings, idf, scales } = this
    return [keys, slots, offsets, postings, idf, scales].reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  /**
   * How alike each item is to what was met, [itemCount].
   * @param met items with what each of them weighs
   * @returns null where none of them has a token that another item has
   */
  scores(met: { item: number; weight: number }[], itemCount: number): Float32Array | null {
    const profile = new Map<number, { token: number; value: number }>()
    for (const { item, weight } of met) {
      if (item >= this.items || this.scales[item] === 0) continue
      for (const token of this.tokens.row(item)) {
        const slot = this.slotOf(token)
        if (slot < 0) continue
        const value = weight * this.scales[item] * this.idf[slot] ** 2
        const known = profile.get(slot)
        if (known) known.value += value
        else profile.set(slot, { token, value })
      }
    }
    if (profile.size === 0) return null
    const { offsets, postings, scales } = this
    const out = new Float32Array(itemCount)
    let left = MOST_POSTINGS
    // Of equal value by token: whoever numbers the items otherwise adds up the same.
    const order = [...profile].sort(([, a], [, b]) => b.value - a.value || a.token - b.token)
    for (const [slot, { value }] of order) {
      const from = offsets[slot]
      const to = offsets[slot + 1]
      if (to - from > left) continue
      left -= to - from
      for (let at = from; at < to; at++) {
        const item = postings[at]
        if (item < itemCount) out[item] += value * scales[item]
      }
    }
    for (const [item, slots] of this.moved)
      if (item < itemCount)
        out[item] = scales[item] * slots.reduce((sum, slot) => sum + (profile.get(slot)?.value ?? 0), 0)
    return out
  }

  /** Cosine of two items. */
  similarity(left: number, right: number): number {
    if (left >= this.items || right >= this.items) return 0
    const others = new Set(this.tokens.row(right))
    let product = 0
    for (const token of this.tokens.row(left)) {
      const slot = others.has(token) ? this.slotOf(token) : -1
      if (slot >= 0) product += this.idf[slot] ** 2
    }
    return product * this.scales[left] * this.scales[right]
  }

  private slotOf(token: number): number {
    const place = placeOf(this.keys, token)
    return this.keys[place] === FREE ? -1 : this.slots[place]
  }
}

/** Where the token is, or would go. */
function placeOf(keys: Uint32Array, token: number): number {
  const mask = keys.length - 1
  let place = token & mask
  while (keys[place] !== FREE && keys[place] !== token) place = (place + 1) & mask
  return place
}

/** How many items have each token, by place in a table of them. */
function frequencies(tokens: ItemTokens): { keys: Uint32Array; counts: Uint32Array } {
  let keys = new Uint32Array(1024)
  let counts = new Uint32Array(1024)
  let distinct = 0
  for (let item = 0; item < tokens.items; item++) {
    for (const token of tokens.row(item)) {
      let place = placeOf(keys, token)
      if (keys[place] === FREE) {
        if (++distinct * 2 > keys.length) {
          const [oldKeys, oldCounts] = [keys, counts]
          keys = new Uint32Array(2 * oldKeys.length)
          counts = new Uint32Array(keys.length)
          oldKeys.forEach((key, at) => {
            if (key === FREE) return
            const to = placeOf(keys, key)
            keys[to] = key
            counts[to] = oldCounts[at]
          })
          place = placeOf(keys, token)
        }
        keys[place] = token
      }
      counts[place]++
    }
  }
  return { keys, counts }
}
