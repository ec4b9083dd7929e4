import { describe, expect, it } from 'vitest'
import {
  awaySince,
  bootstrapInterval,
  bootstrapIntervals,
  categoryShares,
  headItems,
  judge,
  judgeList,
  listQuality,
  mean,
  miscalibration,
  pairedDifference,
  slicesOf,
} from '../../src/training/metrics.js'

describe('metrics', () => {
  it('are what they are by hand', () => {
    const one = judgeList([7, 3, 9], new Set([3, 9, 100]), 10)
    const ideal = 1 + 1 / Math.log2(3) + 1 / 2
    expect(one.ndcg).toBeCloseTo((1 / Math.log2(3) + 1 / 2) / ideal, 10)
    expect(one).toMatchObject({ hitRate: 1, precision: 0.2, mrr: 0.5 })
    expect(one.recall).toBeCloseTo(2 / 3, 10)
    expect(one.f1).toBeCloseTo((2 * 0.2 * (2 / 3)) / (0.2 + 2 / 3), 10)
    expect(judgeList([1, 2], new Set([3]))).toEqual({ ndcg: 0, hitRate: 0, precision: 0, recall: 0, f1: 0, mrr: 0 })
    expect(judgeList([3], new Set([3])).ndcg).toBe(1)
  })

  it('look no further than k', () => {
    expect(judgeList([1, 2, 3], new Set([3]), 2).hitRate).toBe(0)
  })

  it('put an interval around the mean that narrows with the number of users', () => {
    const few = Float32Array.from({ length: 40 }, (_, i) => i % 2)
    const many = Float32Array.from({ length: 4000 }, (_, i) => i % 2)
    for (const values of [few, many]) {
      const { mean: middle, low, high } = bootstrapInterval(values)
      expect(middle).toBe(0.5)
      expect(low).toBeLessThan(0.5)
      expect(high).toBeGreaterThan(0.5)
    }
    const width = (values: Float32Array) => bootstrapInterval(values).high - bootstrapInterval(values).low
    expect(width(many)).toBeLessThan(width(few) / 5)
    expect(bootstrapInterval(many, 3)).toEqual(bootstrapInterval(many, 3))
    expect(bootstrapInterval([])).toEqual({ mean: 0, low: 0, high: 0 })
  })

  it('see a small difference between the same users that two separate intervals would hide', () => {
    const base = Float32Array.from({ length: 400 }, (_, i) => (i % 10) / 10)
    const better = base.map((value, i) => value + (i % 3 === 0 ? 0.03 : 0))
    const { mean: gain, low, lowOneSided90, p } = pairedDifference(better, base)
    expect(gain).toBeCloseTo(0.01, 2)
    expect(low).toBeGreaterThan(0)
    expect(lowOneSided90).toBeGreaterThanOrEqual(low)
    expect(p).toBe(0)
    expect(pairedDifference(base, base).p).toBe(1)
    expect(bootstrapInterval(better).low).toBeLessThan(mean(base))
    expect(() => pairedDifference([1], [])).toThrow(/pair/)
  })

  it('describe the lists as a whole', () => {
    const popularity = [100, 10, 10, 10, 10, 10, 10, 10, 10, 0]
    const same = listQuality([[0], [0], [0]], popularity)
    const spread = listQuality([[7], [8], [9]], popularity)
    expect(same).toMatchObject({ coverage: 0.1, headShare: 1 })
    expect(spread).toMatchObject({ coverage: expect.closeTo(0.3, 10) as number, headShare: 0 })
    expect([same.coldShare, spread.coldShare]).toEqual([0, expect.closeTo(1 / 3, 10)])
    expect(spread.novelty).toBeGreaterThan(same.novelty)
    expect(same.gini).toBeGreaterThan(spread.gini)
    expect(listQuality([], popularity)).toEqual({ coverage: 0, novelty: 0, gini: 0, headShare: 0, coldShare: 0 })
  })

  it('sort cases into slices', () => {
    const head = headItems([5, 1, 0, 1, 1, 1, 1, 1, 1, 1])
    expect([...head]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    const seen = [5, 1, 0]
    const events = (count: number, last = 1000) =>
      Array.from({ length: count }, (_, i) => ({ at: last - count + i + 1 }))
    expect(slicesOf({ history: events(1), targets: [0] }, seen, head)).toEqual(['oneEvent', 'newUsers', 'head'])
    expect(slicesOf({ history: events(5), targets: [0, 2] }, seen, head)).toEqual(['lightUsers', 'coldItems', 'tail'])
    expect(slicesOf({ history: events(50), targets: [1] }, seen, head)).toEqual(['tail'])
    const away = awaySince({ from: 0, testFrom: 1000 })
    expect(away).toBe(750)
    expect(slicesOf({ history: events(50, 749), targets: [1] }, seen, head, away)).toEqual(['returning', 'tail'])
    expect(slicesOf({ history: events(50, 750), targets: [1] }, seen, head, away)).toEqual(['tail'])
  })

  it('draw each resample once for many figures, which changes none of them', () => {
    const columns = [3, 5, 7].map((step) => Float32Array.from({ length: 200 }, (_, i) => (i % step) / step))
    expect(bootstrapIntervals(columns)).toEqual(columns.map((values) => bootstrapInterval(values)))
    expect(bootstrapIntervals([])).toEqual([])
  })

  it('tell how far a list is from the mix of categories that its user likes', () => {
    // Item 0 is filed under both, 1 and 2 under one each, 3 under none.
    const categories = { offsets: Uint32Array.of(0, 2, 3, 4, 4), values: Uint32Array.of(0, 1, 0, 1), count: 2 }
    expect(categoryShares([0, 1, 3], categories)).toEqual(new Map([[0, 0.75], [1, 0.25]])) // prettier-ignore
    expect(categoryShares([3], categories)).toBeNull()
    const liked = categoryShares([1, 1, 1, 2], categories)!
    const far = (list: number[]) => miscalibration(liked, categoryShares(list, categories))
    expect(far([1, 2, 1, 1])).toBeCloseTo(0, 10)
    // By hand: 3/4 log(3/4 / q) + 1/4 log(1/4 / q') of q = .99 / 2 + .01 * 3/4 and q' = .99 / 2 + .01 / 4.
    expect(far([1, 2])).toBeCloseTo(0.75 * Math.log(0.75 / 0.5025) + 0.25 * Math.log(0.25 / 0.4975), 10)
    expect(far([2])).toBeGreaterThan(far([1]))
    expect(far([3])).toBeCloseTo(Math.log(100), 6)
  })

  it('judge many lists at once', () => {
    const judged = judge([[1], [2]], [new Set([1]), new Set([1])])
    expect([...judged.hitRate]).toEqual([1, 0])
  })
})
