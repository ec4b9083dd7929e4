import { describe, expect, it } from 'vitest'
import { BOUNDS } from '../../src/monitoring/freshness.service.js'
import { addCounts, binAmong, quantile, shareWithin, total } from '../../src/monitoring/sketch.js'

describe('a sketch', () => {
  const bounds = [1, 2, 5]
  const bin = binAmong(bounds)

  it('puts each value into one bin, the bound itself below', () => {
    expect([0, 1, 1.01, 2, 5, 5.01, Infinity, NaN].map(bin)).toEqual([0, 0, 1, 1, 2, 3, 3, 3])
  })

  it('gives quantiles within the bin they are in', () => {
    const counts = [10, 0, 10, 0]
    expect(quantile(bounds, counts, 0.25)).toBeCloseTo(0.5)
    expect(quantile(bounds, counts, 0.5)).toBeCloseTo(1)
    expect(quantile(bounds, counts, 0.75)).toBeCloseTo(3.5)
    expect(quantile(bounds, counts, 1)).toBeCloseTo(5)
    expect(quantile(bounds, [0, 0, 0, 3], 0.5)).toBe(5)
    expect(quantile(bounds, [0, 0, 0, 0], 0.5)).toBeNull()
    expect(quantile(bounds, [], 0.5)).toBeNull()
  })

  it('is off by no more than a bin from the values themselves', () => {
    const values = Array.from({ length: 10_000 }, (_, i) => (i / 10_000) ** 2 * 20)
    const counts = new Array<number>(BOUNDS.length + 1).fill(0)
    for (const value of values) counts[binAmong(BOUNDS)(value)]++
    expect(total(counts)).toBe(10_000)
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      const exact = values[Math.floor(share * values.length)]
      const next = BOUNDS.findIndex((bound) => exact <= bound)
      const found = quantile(BOUNDS, counts, share) ?? NaN
      expect(found).toBeGreaterThanOrEqual(next === 0 ? 0 : BOUNDS[next - 1])
      expect(found).toBeLessThanOrEqual(BOUNDS[next])
    }
  })

  it('says which share is within a bound, and adds up', () => {
    expect(shareWithin(bounds, [1, 1, 1, 1], 2)).toBe(0.5)
    expect(shareWithin(bounds, [], 2)).toBeNull()
    expect(addCounts([1, 2], [1, 1, 1])).toEqual([2, 3, 1])
    expect(addCounts([], [0, 4])).toEqual([0, 4])
  })
})
