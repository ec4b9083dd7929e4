import type { CatalogItem } from '../catalog/item.js'
import { itemTokens } from '../model/item-facts.js'
import { ItemTokens } from '../model/item-tokens.js'
import { LexicalIndex } from '../model/lexical-index.js'

/** An index of so few tokens is made anew in some milliseconds: of about 25,000 items. */
const MADE_AT_ONCE = 400_000
/** Items apart from the index cost each request something. */
const MOST_APART = 10_000

/** The words and other facts of a catalogue that goes on changing, and the index over them. */
export class LiveWords {
  private isBehind = true

  constructor(
    readonly tokens = new ItemTokens(),
    private index: LexicalIndex | null = null,
  ) {
    this.isBehind = index === null
  }

  /** The item in this place is new or has changed. */
  put(index: number, item: CatalogItem): void {
    if (!this.tokens.set(index, itemTokens(item))) return
    if (this.tokens.size > MADE_AT_ONCE && this.index) this.index.follow(index)
    else this.isBehind = true
  }

  /** As of now: a small one is made anew, a large one keeps what has changed apart. */
  get current(): LexicalIndex {
    if (!this.index || this.isBehind) this.index = LexicalIndex.from(this.tokens)
    this.isBehind = false
    return this.index
  }

  /** So much has changed that the index should be made anew, which takes too long to do between two requests. */
  get isOutgrown(): boolean {
    return (this.index?.apart ?? 0) > MOST_APART
  }

  /** Estimated memory. */
  get bytes(): number {
    return this.tokens.bytes + (this.index?.bytes ?? 0)
  }

  toArrays() {
    return { tokens: this.tokens.toArrays(), index: this.current.toArrays() }
  }

  static fromArrays({ tokens, index }: ReturnType<LiveWords['toArrays']>): LiveWords {
    const words = ItemTokens.fromArrays(tokens)
    return new LiveWords(words, LexicalIndex.fromArrays(words, index))
  }
}
