import { longer } from './history.js'

// Scripts that do not part words: every two neighbours count as a word.
const UNPARTED = /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]+$/u
const WORD =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]+|[\p{L}\p{M}\p{N}]+/gu
const PLAIN_WORD = /[a-z0-9]+/g
const PLAIN = /^[\0-\x7f]*$/
// Longer texts have said what the item is by then.
const MOST_TOKENS = 64

/**
 * The distinct words of a text as hashes, ascending, never 0: lower-cased runs of letters and digits, the first 64 of
 * them. Words that share a hash are taken for one another; of a million words, some hundreds do.
 */
export function tokensOf(text: string): Uint32Array {
  const lower = text.toLowerCase()
  const tokens = new Set<number>()
  for (const [word] of lower.matchAll(PLAIN.test(lower) ? PLAIN_WORD : WORD)) {
    if (tokens.size >= MOST_TOKENS) break
    if (word.length > 2 && UNPARTED.test(word))
      for (let at = 0; at + 1 < word.length; at++) tokens.add(hashOf(word.slice(at, at + 2)))
    else tokens.add(hashOf(word))
  }
  return Uint32Array.from(tokens).sort()
}

// Set in the tokens of facts, never in those of words.
const FACT = 0x80000000

/** The token of a fact that is not a word, as `attribute:"colour"=red`: no word's token is the same. */
export const factToken = (fact: string): number => (hashOf(fact) | FACT) >>> 0

export const isFact = (token: number): boolean => token >= FACT

/** FNV-1a over UTF-16 units, then mixed, since tables take its lowest bits; 31 bits, never 0. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) & ~FACT || 1
}

const NOTHING: Uint32Array = new Uint32Array()

/** The tokens of each item of a catalogue that goes on changing, in one block of numbers. */
export class ItemTokens {
  // Of its own also while empty: what is handed to another thread is gone from here.
  private starts: Uint32Array = new Uint32Array()
  private ends: Uint32Array = new Uint32Array()
  private pool: Uint32Array = new Uint32Array()
  private used = 0
  private count = 0

  /** @param offsets [items + 1] @param values the tokens of item i from offsets[i] up to offsets[i + 1] */
  static from(offsets: Uint32Array, values: Uint32Array): ItemTokens {
    const tokens = new ItemTokens()
    tokens.count = offsets.length - 1
    tokens.starts = offsets.subarray(0, -1)
    tokens.ends = offsets.subarray(1)
    tokens.pool = values
    tokens.used = values.length
    return tokens
  }

  static of(rows: Uint32Array[]): ItemTokens {
    const tokens = new ItemTokens()
    rows.forEach((row, item) => tokens.set(item, row))
    return tokens
  }

  /** What `toArrays` gave, for instance in another thread. */
  static fromArrays({ starts, ends, pool }: ReturnType<ItemTokens['toArrays']>): ItemTokens {
    const tokens = new ItemTokens()
    Object.assign(tokens, { starts, ends, pool, used: pool.length, count: starts.length })
    return tokens
  }

  /** The numbers themselves, not a copy. */
  toArrays() {
    const { starts, ends, pool, used, count } = this
    return { starts: starts.subarray(0, count), ends: ends.subarray(0, count), pool: pool.subarray(0, used) }
  }

  get items(): number {
    return this.count
  }

  /** Tokens of all items together, those that were since replaced among them. */
  get size(): number {
    return this.used
  }

  get bytes(): number {
    return this.starts.byteLength + this.ends.byteLength + this.pool.byteLength
  }

  /** The item's tokens, ascending. A view, until the next `set`. */
  row(item: number): Uint32Array {
    return item < this.count ? this.pool.subarray(this.starts[item], this.ends[item]) : NOTHING
  }

  /** @returns whether the item had others before */
  set(item: number, tokens: Uint32Array): boolean {
    const before = this.row(item)
    if (before.length === tokens.length && before.every((token, i) => token === tokens[i])) {
      this.grow(item + 1)
      return false
    }
    this.grow(item + 1)
    const end = this.used + tokens.length
    if (end > this.pool.length) this.pool = longer(this.pool, new Uint32Array(Math.max(1024, end, 1.5 * this.used)))
    this.pool.set(tokens, this.used)
    this.starts[item] = this.used
    this.ends[item] = this.used = end
    return true
  }

  private grow(items: number): void {
    if (items <= this.count) return
    this.count = items
    if (items <= this.starts.length) return
    const capacity = Math.max(items, 64, 2 * this.starts.length)
    this.starts = longer(this.starts, new Uint32Array(capacity))
    this.ends = longer(this.ends, new Uint32Array(capacity))
  }
}
