import { Counts, type CountSettings } from '../model/counts.js'
import { fitHalfLife } from '../model/half-life.js'
import { groupByUser, type EventColumns, type EventType } from '../model/history.js'
import type { NamedArrays } from '../model/tensor-file.js'
import { ItemTokens } from '../model/item-tokens.js'
import { type TextMatrix, type VectorRows } from '../model/text-matrix.js'
import { fitTextSpace, type TextPrior, type TextSpace, whitenAll } from '../model/text-space.js'
import { LiveWords } from './live-words.js'

/** What a live model is made of, as plain arrays: they can go to a worker and come back. */
export interface Preparation {
  itemCount: number
  length: number
  /** `RawVectors.pages` of as many items */
  vectors: Float32Array[]
  /** That of the version; null: fitted to the vectors. */
  space: TextSpace | null
  /** What to believe about the vectors where the catalogue is small. */
  prior: TextPrior | null
  /** `ItemTokens.toArrays`; null: nobody asks for words. */
  tokens: ReturnType<ItemTokens['toArrays']> | null
  events: EventColumns
  userCount: number
  /** By place in `events`. */
  types: EventType[]
  /** Those of the version; null: the types count as they are set, and the half-life is chosen by the events. */
  counts: CountSettings | null
}

export interface Prepared {
  space: TextSpace
  /** Whitened. */
  text: ReturnType<TextMatrix['toArrays']>
  /** Those that came, and the index over them. */
  words: ReturnType<LiveWords['toArrays']> | null
  counts: NamedArrays
  countSettings: CountSettings
}

/** Raw vectors while they come in: in pages, since one block would be copied each time it grows. */
export class RawVectors implements VectorRows {
  static readonly PAGE = 4096

  constructor(
    readonly length: number,
    public items = 0,
    readonly pages: Float32Array[] = [],
  ) {}

  /** @param vector of another length, or null: the item has none */
  set(item: number, vector: Float32Array | null): void {
    const { PAGE } = RawVectors
    const { length, pages } = this
    this.items = Math.max(this.items, item + 1)
    while (pages.length * PAGE < this.items) pages.push(new Float32Array(PAGE * length))
    const row = pages[Math.floor(item / PAGE)].subarray((item % PAGE) * length, ((item % PAGE) + 1) * length)
    if (vector?.length === length) row.set(vector)
    else row.fill(0)
  }

  block(from: number, to: number): Float32Array {
    const { PAGE } = RawVectors
    const { length, pages } = this
    const out = new Float32Array((to - from) * length)
    for (let item = from; item < to;) {
      const page = Math.floor(item / PAGE)
      const end = Math.min(to, (page + 1) * PAGE)
      // Items that nothing was set for are past the last page.
      const rows = pages.at(page)?.subarray((item - page * PAGE) * length, (end - page * PAGE) * length)
      if (rows) out.set(rows, (item - from) * length)
      item = end
    }
    return out
  }
}

/** The part of building a live model that takes long. Pure. */
export function prepare(input: Preparation): Prepared {
  const { length, types, itemCount } = input
  const vectors = new RawVectors(length, itemCount, input.vectors)
  const space = input.space ?? fitTextSpace(vectors, length, input.prior ?? undefined)
  const histories = groupByUser(input.events, input.userCount)
  const countSettings = input.counts ?? { types, halfLife: fitHalfLife(histories, itemCount, types) }
  return {
    space,
    text: whitenAll(space, vectors).toArrays(),
    words: input.tokens && new LiveWords(ItemTokens.fromArrays(input.tokens)).toArrays(),
    counts: Counts.from(histories, itemCount, countSettings).toArrays(),
    countSettings,
  }
}
