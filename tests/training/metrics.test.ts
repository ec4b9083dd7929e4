import { describe, expect, it } from 'vitest'
import {
  bootstrapInterval,
  headItems,
  judge,
  judgeList,
  listQuality,
  mean,
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
    const { mean: gain, low, lowOneSided90 } = pairedDifference(better, base)
    expect(gain).toBeCloseTo(0.01, 2)
    expect(low).toBeGreaterThan(0)
    expect(lowOneSided90).toBeGreaterThanOrEqual(low)
    expect(bootstrapInterval(better).low).toBeLessThan(mean(base))
    expect(() => pairedDifference([1], [])).toThrow(/pair/)
  })

  it('describe the lists as a whole', () => {
    const popularity = [100, 10, 10, 10, 10, 10, 10, 10, 10, 0]
    const same = listQuality([[0], [0], [0]], popularity)
    const spread = listQuality([[7], [8], [9]], popularity)
    expect(same).toMatchObject({ coverage: 0.1, headShare: 1 })
    expect(spread).toMatchObject({ coverage: expect.closeTo(0.3, 10) as number, headShare: 0 })
    expect(spread.novelty).toBeGreaterThan(same.novelty)
    expect(same.gini).toBeGreaterThan(spread.gini)
    expect(listQuality([], popularity)).toEqual({ coverage: 0, novelty: 0, gini: 0, headShare: 0 })
  })

  it('sort cases into slices', () => {
    const head = headItems([5, 1, 0, 1, 1, 1, 1, 1, 1, 1])
    expect([...head]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    const seen = [5, 1, 0]
    expect(slicesOf({ history: { length: 1 }, targets: [0] }, seen, head)).toEqual(['newUsers', 'head'])
    expect(slicesOf({ history: { length: 5 }, targets: [0, 2] }, seen, head)).toEqual([
      'lightUsers',
      'coldItems',
      'tail',
    ])
    expect(slicesOf({ history: { length: 50 }, targets: [1] }, seen, head)).toEqual(['tail'])
  })

  it('judge many lists at once', () => {
    const judged = judge([[1], [2]], [new Set([1]), new Set([1])])
    expect([...judged.hitRate]).toEqual([1, 0])
  })
})
