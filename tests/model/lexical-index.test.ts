import { describe, expect, it } from 'vitest'
import { factToken, ItemTokens, tokensOf } from '../../src/model/item-tokens.js'
import { LexicalIndex } from '../../src/model/lexical-index.js'
import { Random } from '../../src/model/random.js'

// "game" stands in most titles and so says nothing; "solo" in one only.
const FILLER = Array.from({ length: 40 }, (_, i) => `game number${i % 20} colour${i % 10}`)
const TITLES = ['game zelda wild', 'game zelda tears', 'game mario kart', 'game mario party solo', ...FILLER]
const tokensOfAll = (titles: string[]) => ItemTokens.of(titles.map(tokensOf))
const index = LexicalIndex.from(tokensOfAll(TITLES))
const after = (item: number, of = index, itemCount = TITLES.length) => of.scores([{ item, weight: 1 }], itemCount)

/** The same by its definition, without an index: cosine of vectors with a place for each token. */
function plainCosines(titles: string[], met: { item: number; weight: number }[]): number[] {
  const rows = titles.map((title) => [...tokensOf(title)])
  const counts = new Map<number, number>()
  for (const token of rows.flat()) counts.set(token, (counts.get(token) ?? 0) + 1)
  const idf = (token: number) => {
    const count = counts.get(token)!
    return count < 2 || count > Math.max(2, 0.1 * titles.length) ? 0 : Math.log(titles.length / count)
  }
  const vectors = rows.map((row) => {
    const length = Math.hypot(...row.map(idf))
    return new Map(row.map((token) => [token, length > 0 ? idf(token) / length : 0]))
  })
  return vectors.map((vector) =>
    met.reduce((sum, { item, weight }) => {
      for (const [token, value] of vectors[item]) sum += weight * value * (vector.get(token) ?? 0)
      return sum
    }, 0),
  )
}

describe('words in common', () => {
  it('put the same series first, and give nothing for a word that all have', () => {
    const scores = after(0)!
    expect(scores[1]).toBeCloseTo(1, 5)
    expect(scores[2]).toBe(0)
    expect(scores[10]).toBe(0)
    expect(index.similarity(2, 3)).toBeCloseTo(1, 5)
    expect(index.similarity(0, 2)).toBe(0)
  })

  it('weigh twice as much as other facts that are as rare', () => {
    const [word] = tokensOf('zelda')
    const fact = factToken('attribute:"series"=zelda')
    const filler = Array.from({ length: 40 }, (_, i) => tokensOf(`number${i % 20}`))
    const row = Uint32Array.of(word, fact)
    const facts = LexicalIndex.from(ItemTokens.of([row, Uint32Array.of(word), Uint32Array.of(fact), ...filler]))
    expect(facts.similarity(0, 1)).toBeCloseTo(2 / Math.sqrt(5), 5)
    expect(facts.similarity(0, 2)).toBeCloseTo(1 / Math.sqrt(5), 5)
  })

  it('are cosines of vectors weighted by how rare a word is', () => {
    const random = new Random(4)
    const titles = Array.from({ length: 300 }, () =>
      Array.from({ length: 1 + random.below(8) }, () => `w${Math.floor(400 * random.next() ** 2)}`).join(' '),
    )
    const met = [
      { item: 7, weight: 1 },
      { item: 90, weight: 0.5 },
      { item: 7, weight: 1 / 3 },
    ]
    const scores = LexicalIndex.from(tokensOfAll(titles)).scores(met, titles.length)!
    plainCosines(titles, met).forEach((value, item) => expect(scores[item]).toBeCloseTo(value, 4))
  })

  it('say nothing where no word of the history ties it to anything', () => {
    expect(LexicalIndex.from(tokensOfAll(['one', 'two', ''])).scores([{ item: 0, weight: 1 }], 3)).toBeNull()
    expect(index.scores([], 4)).toBeNull()
    expect(after(5000)).toBeNull()
    expect(LexicalIndex.from(new ItemTokens()).scores([{ item: 0, weight: 1 }], 0)).toBeNull()
  })

  it('are the same however the items are numbered', () => {
    const order = [...TITLES.keys()].reverse()
    const turned = LexicalIndex.from(tokensOfAll(order.map((item) => TITLES[item])))
    const scores = after(order.indexOf(10), turned)!
    expect(order.map((_, place) => scores[place])).toEqual(order.map((item) => after(10)![item]))
  })

  it('travel as arrays', () => {
    const tokens = tokensOfAll(TITLES)
    const moved = LexicalIndex.fromArrays(tokens, structuredClone(LexicalIndex.from(tokens).toArrays()))
    expect(after(0, moved)).toEqual(after(0))
  })

  it('cost a bounded number of postings, the most telling words first', () => {
    // Two words that 70,000 of a million items have, and one that a thousand have.
    const offsets = Uint32Array.from({ length: 1_000_001 }, (_, i) => 4 * i)
    const values = new Uint32Array(4_000_000)
    for (let item = 0; item < 1_000_000; item++) {
      const rare = item % 1000 === 0 ? 77 : 1000 + item
      values.set([rare, 11 + (item % 14), 31 + (item % 14), 51 + (item % 14)], 4 * item)
    }
    const scores = LexicalIndex.from(ItemTokens.from(offsets, values)).scores([{ item: 0, weight: 1 }], 1_000_000)!
    // The third common word is past the limit: items with all of them look as those that lack it.
    expect(scores[1000]).toBeGreaterThan(0)
    expect(scores[7000]).toBeGreaterThan(scores[1000])
    const full = LexicalIndex.from(ItemTokens.from(offsets, values)).similarity(0, 7000)
    expect(scores[7000]).toBeLessThan(0.999 * full)
  })
})

describe('a catalogue that goes on changing', () => {
  it('scores what is new or changed by what it says now', () => {
    const tokens = tokensOfAll(TITLES)
    const live = LexicalIndex.from(tokens)
    const put = (item: number, title: string) => {
      tokens.set(item, tokensOf(title))
      live.follow(item)
    }
    put(1, 'game mario kart')
    put(TITLES.length, 'zelda wild, another one')
    const scores = after(0, live, TITLES.length + 1)!
    expect(scores[1]).toBe(0)
    expect(scores[TITLES.length]).toBeCloseTo(1, 5)
    expect(after(1, live, TITLES.length + 1)![2]).toBeGreaterThan(0.9)
    expect(live.apart).toBe(2)
  })
})
