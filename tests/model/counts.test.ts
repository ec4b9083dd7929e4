import { describe, expect, it } from 'vitest'
import { Counts, type CountSettings, type PairKind } from '../../src/model/counts.js'
import { before, historyOf, keepRows, toHistories, type Histories, type Interaction } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'

const SETTINGS: CountSettings = {
  types: [
    { name: 'view', weight: 1, meaning: 'positive' },
    { name: 'purchase', weight: 4, meaning: 'positive' },
    { name: 'dislike', weight: 2, meaning: 'negative' },
  ],
  halfLife: 1000,
}
const views = (...items: number[]): Interaction[] => items.map((item, i) => ({ item, type: 0, at: i }))

function randomHistories(seed: number, users: number, items: number): Histories {
  const random = new Random(seed)
  return toHistories(
    Array.from({ length: users }, () => {
      let at = random.below(1000)
      return Array.from({ length: random.below(40) }, () => {
        at += random.below(50)
        return { item: Math.floor(items * random.next() ** 2), type: random.below(3), at }
      })
    }),
  )
}

/** The formula written out, pair by pair. */
function byHand(sequence: number[], n: number, kind: PairKind): number[][] {
  const { window, backward, distance } = {
    wide: { window: 10, backward: 0.5, distance: 0.5 },
    narrow: { window: 3, backward: 0.1, distance: 1 },
  }[kind]
  const table = Array.from({ length: n }, () => new Array<number>(n).fill(0))
  sequence.forEach((later, q) => {
    for (let p = Math.max(0, q - window); p < q; p++) {
      const amount = 1 / Math.log(2 + q + 1) / (q - p) ** distance
      if (sequence[p] === later) continue
      table[sequence[p]][later] += amount
      table[later][sequence[p]] += amount * backward
    }
  })
  const seen = Array.from({ length: n }, (_, item) => sequence.filter((other) => other === item).length)
  return table.map((row, i) => row.map((value, j) => value / (seen[i] + 10) ** 0.5 / (seen[j] + 10) ** 0.3))
}

describe('pairs', () => {
  it.each(['wide', 'narrow'] as const)('count %s pairs by the formula', (kind) => {
    const sequence = [0, 1, 2, 0, 3, 4, 1, 5, 6, 2, 7, 0, 1]
    const counts = Counts.from(toHistories([views(...sequence)]), 9, SETTINGS)
    const expected = byHand(sequence, 9, kind)
    for (let i = 0; i < 9; i++) {
      for (let j = 0; j < 9; j++) expect(counts.pair(kind, i, j)).toBeCloseTo(expected[i][j], 6)
    }
  })

  it('take a run of one item for one step', () => {
    const plain = Counts.from(toHistories([views(0, 1, 2)]), 3, SETTINGS)
    const repeated = Counts.from(toHistories([views(0, 0, 1, 1, 1, 2)]), 3, SETTINGS)
    expect(repeated.pair('wide', 0, 2)).toBe(plain.pair('wide', 0, 2))
    expect(repeated.seen(1)).toBe(1)
  })

  it('weigh the newest steps of a history most', () => {
    const counts = Counts.from(toHistories([views(0, 1), views(2, 3)]), 4, SETTINGS)
    const out = counts.following(views(0, 2), 'narrow', new Float32Array(4))
    expect(out[3]).toBeCloseTo(counts.pair('narrow', 2, 3), 6)
    expect(out[1]).toBeCloseTo(counts.pair('narrow', 0, 1) / 2 ** 1.5, 6)
  })

  it('keep the 200 strongest followers of an item', () => {
    // Item 0 is followed by each of 300 items, by item j about j times.
    const lists = Array.from({ length: 300 }, (_, j) => Array.from({ length: 1 + (j >> 4) }, () => views(0, j + 1)))
    const out = Counts.from(toHistories(lists.flat()), 301, SETTINGS).following(views(0), 'wide', new Float32Array(301))
    expect(out.filter((value) => value > 0)).toHaveLength(200)
    expect(out[300]).toBeGreaterThan(0)
    expect(out[1]).toBe(0)
  })
})

describe('popularity', () => {
  it('weighs types, and negative types count for nothing at all', () => {
    const history = [
      { item: 0, type: 1, at: 1 },
      { item: 1, type: 2, at: 2 },
      { item: 2, type: 0, at: 3 },
    ]
    const counts = Counts.from(toHistories([history]), 3, SETTINGS)
    expect([...counts.popular(new Float32Array(3))]).toEqual([4, 0, 1])
    expect(counts.seen(1)).toBe(0)
    expect(counts.pair('wide', 0, 1)).toBe(0)
    expect(counts.pair('wide', 0, 2)).toBeGreaterThan(0)
    expect(counts.following([history[1]], 'wide', new Float32Array(3)).every((value) => value === 0)).toBe(true)
  })

  it('halves with every half-life, however far apart the events lie', () => {
    const counts = Counts.from(
      toHistories([
        [
          { item: 0, type: 0, at: 0 },
          { item: 1, type: 0, at: 2000 },
        ],
      ]),
      2,
      SETTINGS,
    )
    expect(counts.recent(2000, new Float32Array(2))[0]).toBeCloseTo(0.25, 6)
    counts.add([], { item: 1, type: 0, at: 5_000_000 })
    expect([...counts.recent(5_000_000, new Float32Array(2))]).toEqual([0, 1])
  })

  it('stands still after the newest event: an imported history does not fade away', () => {
    const history = [
      { item: 0, type: 0, at: 0 },
      { item: 1, type: 0, at: 2000 },
    ]
    const counts = Counts.from(toHistories([history]), 2, SETTINGS)
    const then = [...counts.recent(2000, new Float32Array(2))]
    expect([...counts.recent(2000 + 1e12, new Float32Array(2))]).toEqual(then)
    counts.add(history, { item: 0, type: 0, at: 3000 })
    expect(counts.recent(1e12, new Float32Array(2))[1]).toBeCloseTo(0.5 ** 1 * then[1], 6)
  })
})

describe('live updates', () => {
  const out = (counts: Counts, now: number) => {
    const scores: number[] = [
      ...counts.popular(new Float32Array(counts.itemCount)),
      ...counts.recent(now, new Float32Array(counts.itemCount)),
    ]
    for (const kind of ['wide', 'narrow'] as const) {
      for (let i = 0; i < counts.itemCount; i++) {
        for (let j = 0; j < counts.itemCount; j++) scores.push(counts.pair(kind, i, j))
      }
    }
    return scores
  }

  // 60 items: no row reaches 200 followers, so that nothing is pruned and the two have to agree.
  it.each([1, 2, 3, 4])('give what counting anew gives (seed %i)', (seed) => {
    const histories = randomHistories(seed, 60, 60)
    const whole = Counts.from(histories, 60, SETTINGS)
    const cut = 900
    const live = Counts.from(before(histories, cut), 60, SETTINGS)
    const later = keepRows(histories, (row) => histories.times[row] >= cut)
    for (let user = 0; user < 60; user++) {
      const history = historyOf(histories, user)
      const start = history.length - historyOf(later, user).length
      for (let i = start; i < history.length; i++) live.add(history.slice(Math.max(0, i - 200), i), history[i])
    }
    const expected = out(whole, 3000)
    const actual = out(live, 3000)
    expect(actual).toHaveLength(expected.length)
    actual.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(1e-4 * (1 + expected[i])))
  })

  it('need no more than the last 200 steps of a user', () => {
    const long = Array.from({ length: 500 }, (_, i) => ({ item: i % 40, type: 0, at: i }))
    const whole = Counts.from(toHistories([long]), 40, SETTINGS)
    const live = Counts.from(toHistories([long.slice(0, 400)]), 40, SETTINGS)
    for (let i = 400; i < 500; i++) live.add(long.slice(i - 200, i), long[i])
    const expected = out(whole, 500)
    out(live, 500).forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(1e-4 * (1 + expected[i])))
  })

  it('let a row grow past its room and keep its strongest', () => {
    const counts = Counts.from(toHistories([]), 1, SETTINGS)
    for (let item = 1; item <= 1000; item++) {
      for (let times = 0; times < (item <= 100 ? 5 : 1); times++) counts.add(views(0), { item, type: 0, at: 1 })
    }
    const followers = counts.following(views(0), 'wide', new Float32Array(counts.itemCount))
    expect(followers.filter((value) => value > 0).length).toBeLessThanOrEqual(256)
    for (let item = 1; item <= 100; item++) expect(followers[item]).toBeGreaterThan(0)
  })
})

it('survives a round trip through arrays, live updates included', () => {
  const histories = randomHistories(9, 30, 40)
  const counts = Counts.from(histories, 40, SETTINGS)
  counts.add(views(3, 4), { item: 41, type: 1, at: 4000 })
  const copy = Counts.fromArrays(counts.toArrays(), SETTINGS)
  expect(copy.itemCount).toBe(42)
  const scores = (from: Counts) => [
    ...from.following(views(1, 41, 4), 'wide', new Float32Array(42)),
    ...from.following(views(1, 41, 4), 'narrow', new Float32Array(42)),
    ...from.popular(new Float32Array(42)),
    ...from.recent(5000, new Float32Array(42)),
  ]
  expect(scores(copy)).toEqual(scores(counts))
  copy.add(views(5), { item: 6, type: 0, at: 6000 })
  counts.add(views(5), { item: 6, type: 0, at: 6000 })
  expect(scores(copy)).toEqual(scores(counts))
})

it('has an answer before the first event', () => {
  const counts = Counts.from(toHistories([]), 3, SETTINGS)
  expect([...counts.recent(10, new Float32Array(3))]).toEqual([0, 0, 0])
  expect([...counts.following(views(0, 2), 'wide', new Float32Array(3))]).toEqual([0, 0, 0])
  counts.add([], { item: 7, type: 0, at: 5 })
  expect(counts.itemCount).toBe(8)
})
