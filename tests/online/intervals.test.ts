import { describe, expect, it } from 'vitest'
import { Random } from '../../src/model/random.js'
import {
  chiSquareTail,
  designEffect,
  type GroupSums,
  rateOf,
  sampleRatio,
  t975,
  wilson,
} from '../../src/online/intervals.js'

const GROUPS = 20

describe('the interval of a share', () => {
  it('is that of Wilson, as printed by Newcombe (1998), table I, method 3', () => {
    for (const [successes, trials, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ]) {
      const interval = wilson(successes / trials, trials)
      expect(interval.low).toBeCloseTo(low, 4)
      expect(interval.high).toBeCloseTo(high, 4)
    }
    expect(wilson(1, 20).high).toBe(1)
  })

  it('is wider by Student where groups are few', () => {
    // Tables of the t distribution, 97.5 %.
    for (const [degrees, value] of [
      [4, 2.776],
      [9, 2.262],
      [19, 2.093],
      [120, 1.98],
    ])
      expect(Math.abs(t975(degrees) / value - 1)).toBeLessThan(0.005)
  })
})

/** Users with rates of their own, each with many impressions: what a site sees. */
function site(seed: number, users: number, rate: number): GroupSums[] {
  const random = new Random(seed)
  const groups = Array.from({ length: GROUPS }, () => ({ impressions: 0, outcomes: 0 }))
  for (let user = 0; user < users; user++) {
    const group = groups[random.below(GROUPS)]
    // Exponential, so that some click a lot and most hardly ever.
    const own = Math.min(0.9, -Math.log(1 - random.next()) * rate)
    const impressions = 10 * (1 + random.below(9))
    group.impressions += impressions
    for (let i = 0; i < impressions; i++) if (random.next() < own) group.outcomes++
  }
  return groups
}

describe('the rate of impressions that users bring along', () => {
  it('holds the true rate 95 times in 100, where counting impressions as if independent would not', () => {
    const RUNS = 400
    const [users, rate] = [300, 0.05]
    // The rate over all that the users would ever do.
    const truth = site(99, 200_000, rate).reduce(
      (sum, { impressions, outcomes }) => [sum[0] + impressions, sum[1] + outcomes],
      [0, 0],
    )
    const expected = truth[1] / truth[0]
    let [held, naive] = [0, 0]
    for (let seed = 1; seed <= RUNS; seed++) {
      const groups = site(seed, users, rate)
      const impressions = groups.reduce((sum, group) => sum + group.impressions, 0)
      const outcomes = groups.reduce((sum, group) => sum + group.outcomes, 0)
      const { low, high } = rateOf({ impressions, outcomes }, designEffect(groups))
      if (low! <= expected && expected <= high!) held++
      const independent = wilson(outcomes / impressions, impressions)
      if (independent.low <= expected && expected <= independent.high) naive++
    }
    expect(held / RUNS).toBeGreaterThan(0.92)
    expect(held / RUNS).toBeLessThan(0.98)
    expect(naive / RUNS).toBeLessThan(0.8)
  })

  it('says nothing of an interval between fewer than five groups, and nothing at all of nothing', () => {
    const few = Array.from({ length: GROUPS }, (_, i) => ({ impressions: i < 4 ? 100 : 0, outcomes: i < 4 ? 5 : 0 }))
    expect(rateOf({ impressions: 400, outcomes: 20 }, designEffect(few))).toEqual({
      value: 0.05,
      low: null,
      high: null,
    })
    expect(rateOf({ impressions: 0, outcomes: 0 }, null)).toEqual({ value: null, low: null, high: null })
  })

  it('stays a share where events tell of more outcomes than impressions', () => {
    const groups = Array.from({ length: GROUPS }, () => ({ impressions: 1, outcomes: 3 }))
    expect(rateOf({ impressions: 20, outcomes: 60 }, designEffect(groups))).toMatchObject({ value: 1, high: 1 })
  })
})

describe('the sample ratio', () => {
  it('knows the chi-square of the tables', () => {
    for (const [x, degrees, tail] of [
      [3.841, 1, 0.05],
      [10.828, 1, 0.001],
      [5.991, 2, 0.05],
      [7.815, 3, 0.05],
      [13.816, 2, 0.001],
      [20.515, 5, 0.001],
      [16.919, 9, 0.05],
    ])
      expect(Math.abs(chiSquareTail(x, degrees) / tail - 1)).toBeLessThan(0.005)
    expect(chiSquareTail(0, 1)).toBeCloseTo(1, 6)
    expect(chiSquareTail(1e6, 3)).toBe(0)
  })

  it('is alarming only past chance', () => {
    // The example of Kohavi, Tang and Xu (2020), chapter 3: 821,588 and 815,482 users.
    expect(sampleRatio([821_588, 815_482], [0.5, 0.5])).toBeCloseTo(1.8e-6, 6)
    expect(sampleRatio([5050, 4950], [0.5, 0.5])).toBeGreaterThan(0.3)
    expect(sampleRatio([0, 0], [0.5, 0.5])).toBe(1)
    expect(sampleRatio([900, 100], [0.9, 0.1])).toBe(1)
    const random = new Random(7)
    let alarms = 0
    for (let run = 0; run < 1000; run++) {
      const users = [0, 0, 0]
      for (let user = 0; user < 500; user++) {
        const u = random.next()
        users[u < 0.2 ? 0 : u < 0.5 ? 1 : 2]++
      }
      if (sampleRatio(users, [0.2, 0.3, 0.5]) < 0.05) alarms++
    }
    expect(alarms).toBeGreaterThan(25)
    expect(alarms).toBeLessThan(80)
  })
})
