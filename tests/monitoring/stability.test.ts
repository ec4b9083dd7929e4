import { describe, expect, it } from 'vitest'
import { Random } from '../../src/model/random.js'
import { chanceIndex, evenGroups, stabilityIndex, stateOf, worstOf } from '../../src/monitoring/stability.js'

/** Draws of a bin by shares. */
function drawn(shares: number[], draws: number, random: Random): number[] {
  const counts = shares.map(() => 0)
  for (let i = 0; i < draws; i++) {
    let left = random.next()
    const bin = shares.findIndex((share) => (left -= share) < 0)
    counts[bin < 0 ? shares.length - 1 : bin]++
  }
  return counts
}

describe('the stability index', () => {
  it('is that of the formula', () => {
    // (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5); half an event more in a bin hardly counts.
    expect(stabilityIndex([50_000, 50_000], [60_000, 40_000])).toBeCloseTo(0.0405, 3)
    expect(stabilityIndex([60_000, 40_000], [50_000, 50_000])).toBeCloseTo(0.0405, 3)
    expect(stabilityIndex([10, 20, 30], [1000, 2000, 3000])).toBeCloseTo(0, 2)
    expect(stabilityIndex([7, 0], [7, 0])).toBe(0)
    expect(stabilityIndex([], [])).toBe(0)
  })

  it('is large and finite where something is new or gone', () => {
    expect(stabilityIndex([1000, 0], [700, 300])).toBeGreaterThan(1)
    expect(stabilityIndex([700, 300], [1000, 0])).toBeGreaterThan(1)
    expect(stabilityIndex([1000, 0], [0, 1000])).toBeLessThan(20)
    // One event of a new type is none.
    expect(stabilityIndex([1000, 0], [999, 1])).toBeLessThan(0.01)
  })

  it('is above what chance makes of it about once in a thousand times', () => {
    const random = new Random(7)
    for (const shares of [
      [0.5, 0.3, 0.2],
      [0.35, 0.2, 0.15, 0.1, 0.08, 0.05, 0.04, 0.03],
      Array.from({ length: 10 }, () => 0.1),
    ]) {
      let above = 0
      const draws = 4000
      for (let i = 0; i < draws; i++) {
        const [before, after] = [drawn(shares, 600, random), drawn(shares, 1500, random)]
        if (stabilityIndex(before, after) > chanceIndex(before, after)) above++
      }
      expect(above / draws).toBeLessThan(0.003)
    }
  })

  it('has states: what chance may make is stable, however large', () => {
    expect([0.05, 0.1, 0.2499, 0.25, 3].map((value) => stateOf(value))).toEqual([
      'stable',
      'moderate',
      'moderate',
      'strong',
      'strong',
    ])
    expect(stateOf(0.2, 0.22)).toBe('stable')
    expect(stateOf(0.3, 0.31)).toBe('stable')
    expect(stateOf(0.3, 0.28)).toBe('strong')
    expect(worstOf(['stable', null, 'strong', 'moderate'])).toBe('strong')
    expect(worstOf([null, 'stable'])).toBe('stable')
    expect(worstOf([null, null])).toBeNull()
  })
})

describe('groups of bins', () => {
  it('hold about the same share of what was before, and all that there is', () => {
    const before = [0, 1, 2, 30, 50, 10, 5, 1, 1, 0]
    const after = [9, 8, 7, 6, 5, 4, 3, 2, 1, 100]
    const groups = evenGroups(before, after, 4)
    expect(groups.before).toEqual([33, 50, 17])
    expect(groups.after).toEqual([30, 5, 110])
  })
})
