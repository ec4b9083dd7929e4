import { describe, expect, it } from 'vitest'
import { Random } from '../../src/model/random.js'
import { compare, ratioOf, type UserSums } from '../../src/online/sequential.js'
import { type ArmSums, judge, type JudgementOptions } from '../../src/online/verdict.js'
import { watchVisitors } from './visitors.js'

/** Users with ten impressions each, and so many of them with one click. */
const clean = (users: number, clickers: number): UserSums => ({
  users,
  x: 10 * users,
  y: clickers,
  xx: 100 * users,
  xy: 10 * clickers,
  yy: clickers,
})
const options: JudgementOptions = { minEffect: 0.05, minDays: 7, days: 8 }
const arm = (name: string, share: number, sums: UserSums): ArmSums => ({ name, share, sums })

describe('what is known of an arm', () => {
  it('is the ratio of sums with the variance of the delta method', () => {
    const users = [
      [3, 1],
      [5, 0],
      [2, 2],
      [10, 3],
    ]
    const sum = (of: (x: number, y: number) => number) => users.reduce((all, [x, y]) => all + of(x, y), 0)
    const sums: UserSums = {
      users: 4,
      x: sum((x) => x),
      y: sum((_, y) => y),
      xx: sum((x) => x * x),
      xy: sum((x, y) => x * y),
      yy: sum((_, y) => y * y),
    }
    const ratio = 6 / 20
    // Of the linearised users y - ratio * x, over the mean of x squared.
    const residuals = users.map(([x, y]) => y - ratio * x)
    const variance = residuals.reduce((all, r) => all + r * r, 0) / 3 / 4 / 25
    const independent = (6.5 / 21) * (1 - 6.5 / 21)
    expect(ratioOf(sums)).toEqual({
      value: 0.3,
      variance: expect.closeTo(Math.max(variance, independent / 20), 12) as number,
    })
    expect(ratioOf({ ...sums, users: 1 })).toBeNull()
    expect(ratioOf({ ...sums, x: 0 })).toBeNull()
  })

  it('is not certain because nothing came of it', () => {
    expect(ratioOf(clean(1000, 0))?.variance).toBeGreaterThan(0)
  })
})

describe('a comparison that may be looked at at any time', () => {
  it('is the mixture likelihood ratio, and its interval excludes 0 just where p is below alpha', () => {
    const [a, b] = [
      { value: 0.06, variance: 1e-6 },
      { value: 0.05, variance: 1e-6 },
    ]
    const prior = (0.1 * 0.055) ** 2
    const ratio = Math.sqrt(2e-6 / (2e-6 + prior)) * Math.exp((prior * 1e-4) / (2 * 2e-6 * (2e-6 + prior)))
    const found = compare(a, b, 0.055, { alpha: 0.05, mixture: 0.1 })
    expect(found.pValue).toBeCloseTo(1 / ratio, 12)
    expect(found.difference).toBeCloseTo(0.01, 12)
    const at = (alpha: number) => compare(a, b, 0.055, { alpha, mixture: 0.1 }).low
    expect(at(found.pValue * 1.01)).toBeGreaterThan(0)
    expect(at(found.pValue * 0.99)).toBeLessThan(0)
  })

  it('knows nothing where nothing happened', () => {
    const none = { value: 0, variance: 1e-9 }
    expect(compare(none, none, 0, { alpha: 0.05, mixture: 0.1 })).toMatchObject({
      low: -Infinity,
      high: Infinity,
      pValue: 1,
    })
  })
})

describe('a verdict', () => {
  const two = (a: UserSums, b: UserSums) => [arm('a', 0.5, a), arm('b', 0.5, b)]

  it('is too early before the days are over, with few users, or with few outcomes', () => {
    const clear = two(clean(10_000, 1000), clean(10_000, 3000))
    expect(judge(clear, { ...options, days: 6.9 })).toMatchObject({
      verdict: 'too-early',
      reason: /6\.9 of at least 7/,
    })
    expect(judge(clear, options)).toMatchObject({ verdict: 'b' })
    expect(judge(two(clean(99, 60), clean(99, 10)), options).verdict).toBe('too-early')
    expect(judge(two(clean(300, 4), clean(300, 20)), options).verdict).toBe('too-early')
    expect(judge(two(clean(0, 0), clean(0, 0)), options)).toMatchObject({
      verdict: 'too-early',
      comparisons: [{ lift: null }],
    })
  })

  it('is no difference once all are known to be that near, and too early in between', () => {
    expect(judge(two(clean(10_000, 1000), clean(10_000, 1010)), options).verdict).toBe('too-early')
    expect(judge(two(clean(3_000_000, 300_000), clean(3_000_000, 301_000)), options).verdict).toBe('no-difference')
    expect(judge(two(clean(3_000_000, 300_000), clean(3_000_000, 306_000)), options).verdict).toBe('b')
  })

  it('says nothing where users are not counted as they were assigned', () => {
    const judged = judge(two(clean(10_000, 1000), clean(9000, 3000)), options)
    expect(judged).toMatchObject({ verdict: 'too-early', sampleRatio: { alarm: true } })
    expect(judged.reason).toContain('do not fit the shares')
  })

  it('names the winner of several arms only where it is above every other', () => {
    const three = (b: number, c: number) => [
      arm('a', 0.2, clean(10_000, 1000)),
      arm('b', 0.4, clean(20_000, b)),
      arm('c', 0.4, clean(20_000, c)),
    ]
    expect(judge(three(2000, 3000), options).verdict).toBe('c')
    expect(judge(three(3000, 3010), options).verdict).toBe('too-early')
    const { comparisons, rates } = judge(three(2000, 3000), options)
    expect(comparisons.map(({ arm, against }) => [arm, against])).toEqual([
      ['b', 'a'],
      ['c', 'a'],
    ])
    expect(comparisons[1].lift).toBeCloseTo(0.5, 9)
    expect(comparisons[1].low).toBeGreaterThan(0)
    expect(rates[2]).toMatchObject({ value: 0.015 })
    expect(rates[2].low).toBeLessThan(0.015)
    expect(rates[2].high).toBeGreaterThan(0.015)
  })

  it('is right about users who come back, looked at every hour for a week', () => {
    const RUNS = 100
    const verdicts = (lift: number, users: number, from: number) =>
      Array.from({ length: RUNS }, (_, run) =>
        watchVisitors({ users, hours: 168, rate: 0.05, lift, share: 0.5, seed: from + run }, (sums, hour) => {
          const [a, b] = sums
          const { verdict } = judge(two(a, b), { minEffect: 0.1, minDays: 0, days: hour / 24 })
          return verdict === 'too-early' ? null : verdict
        }),
      )
    const alike = verdicts(0, 2000, 1000)
    expect(alike.filter((verdict) => verdict === 'a' || verdict === 'b').length).toBeLessThanOrEqual(5)
    const better = verdicts(0.4, 2000, 5000)
    expect(better.filter((verdict) => verdict === 'b').length).toBeGreaterThanOrEqual(95)
  })

  it('is not that of a plain test, which looked at as often finds a difference where there is none', () => {
    const random = new Random(3)
    let alarms = 0
    for (let run = 0; run < 40; run++)
      watchVisitors({ users: 1000, hours: 168, rate: 0.05, lift: 0, share: 0.5, seed: random.below(1e6) }, ([a, b]) => {
        const [x, y] = [ratioOf(a), ratioOf(b)]
        const isSignificant = x && y && Math.abs(x.value - y.value) > 1.96 * Math.sqrt(x.variance + y.variance)
        if (isSignificant) alarms++
        return isSignificant ? true : null
      })
    expect(alarms).toBeGreaterThan(8)
  })
})
