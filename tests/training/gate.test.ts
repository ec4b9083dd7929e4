import { describe, expect, it } from 'vitest'
import { Random } from '../../src/model/random.js'
import { decide, type GateInput } from '../../src/training/gate.js'
import type { Judged } from '../../src/training/metrics.js'

const USERS = 400
const all = Uint32Array.from({ length: USERS }, (_, i) => i)

/** Users of differing difficulty, the same for every method, and what the method adds to all of them. */
function judged(gain: number, users = USERS, noise = 0.02, seed = 1): Judged {
  const difficulty = new Random(7)
  const random = new Random(seed)
  const ndcg = Float32Array.from({ length: users }, () => 0.5 * difficulty.next() + gain + noise * random.normal())
  return { ndcg, hitRate: ndcg, precision: ndcg, recall: ndcg, f1: ndcg, mrr: ndcg }
}
const changed = (from: Judged, users: Uint32Array, by: number): Judged => {
  const ndcg = from.ndcg.slice()
  for (const user of users) ndcg[user] += by
  return { ...from, ndcg }
}
const NO_SLICES = {
  oneEvent: new Uint32Array(),
  newUsers: new Uint32Array(),
  returning: new Uint32Array(),
  lightUsers: new Uint32Array(),
  coldItems: new Uint32Array(),
  head: new Uint32Array(),
  tail: all,
}
const input = (more: Partial<GateInput> = {}): GateInput => ({
  candidate: judged(0.1, USERS, 0.02, 2),
  champion: null,
  base: judged(0.05),
  popular: judged(0, USERS, 0.02, 3),
  recent: judged(0.01, USERS, 0.02, 4),
  scratch: null,
  slices: NO_SLICES,
  networkCurve: [],
  ...more,
})
const failed = (more: Partial<GateInput>) =>
  decide(input(more))
    .checks.filter((check) => !check.passed)
    .map((check) => check.name)

describe('the gate', () => {
  it('promotes what beats the base and popularity', () => {
    const decision = decide(input())
    expect(decision).toMatchObject({ promote: true, serve: 'candidate' })
    expect(decision.reason).toMatch(/^Promoted: it beats the base .* beyond noise/)
    expect(decision.checks.every((check) => check.passed)).toBe(true)
  })

  it('refuses a candidate that is the same as what is served', () => {
    const base = judged(0.05)
    expect(decide(input({ base, candidate: base }))).toMatchObject({ promote: false, serve: 'current' })
  })

  it('refuses what differs from what is served by next to nothing, though nobody loses', () => {
    const base = judged(0.05)
    const decision = decide(input({ base, candidate: changed(base, all.subarray(0, 40), 0.001) }))
    expect(decision).toMatchObject({ promote: false, serve: 'current' })
    expect(decision.reason).toMatch(/it hardly differs from the base .*: its lead is below 0\.25 % of that/)
    expect(decide(input({ base, candidate: changed(base, all, 0.002) })).promote).toBe(true)
  })

  it('refuses a lead that may be noise', () => {
    const decision = decide(input({ candidate: judged(0.051, USERS, 0.3, 9), base: judged(0.05, USERS, 0.3, 10) }))
    expect(decision.promote).toBe(false)
  })

  it('asks the champion, not only the base, where one is promoted', () => {
    expect(failed({ champion: judged(0.2) })).toContain('beats what is served')
    expect(decide(input({ champion: judged(0.07) })).reason).toContain('it beats the champion')
  })

  it('refuses what is worse than the base, whatever the champion is worth', () => {
    expect(failed({ champion: judged(0.02), base: judged(0.15) })).toEqual(['holds the base'])
  })

  it.each(['popular', 'recent'] as const)('refuses what does not beat %s items', (name) => {
    const decision = decide(input({ [name]: judged(0.15, USERS, 0.02, 5) }))
    expect(decision.promote).toBe(false)
    expect(decision.reason).toContain('popularity')
  })

  it('refuses to judge on few users, and says how many are needed', () => {
    const few = (gain: number, seed: number) => judged(gain, 20, 0.02, seed)
    const decision = decide(
      input({
        candidate: few(0.1, 1),
        base: few(0, 2),
        popular: few(0, 3),
        recent: few(0, 4),
        slices: { ...NO_SLICES, tail: new Uint32Array() },
      }),
    )
    expect(decision.promote).toBe(false)
    expect(decision.reason).toContain('only 20 users')
    expect(decision.reason).toContain('50 are needed')
  })
})

describe('the forgetting guard', () => {
  const newUsers = all.subarray(0, 60)

  it('refuses a gain that a slice pays for', () => {
    const candidate = changed(judged(0.15, USERS, 0.02, 2), newUsers, -0.25)
    const decision = decide(input({ candidate, slices: { ...NO_SLICES, newUsers } }))
    expect(decision.promote).toBe(false)
    expect(decision.reason).toContain('new users (60) lose more than the 10 % that a slice may lose, and not by chance')
  })

  it('lets a slice fall within the tolerance', () => {
    const candidate = changed(judged(0.1, USERS, 0.02, 2), newUsers, -0.06)
    const { checks } = decide(input({ candidate, slices: { ...NO_SLICES, newUsers } }))
    expect(checks.filter(({ passed }) => !passed)).toEqual([])
    const kept = checks.find(({ name }) => name === 'keeps newUsers')
    expect(kept?.title).toBe('keeps new users')
    expect(kept?.detail).toMatch(
      /^new users \(60\) stay within the 10 % that a slice may lose \(NDCG@10 in %: [\d.]+ against [\d.]+, [1-9]\.\d % of it lost\)$/,
    )
  })

  it('names no slice by a word of the code', () => {
    const words = [-0.4, -0.06, 0].flatMap((by) => {
      const candidate = changed(judged(0.2, USERS, 0.02, 2), all.subarray(0, 120), by)
      const { checks, reason } = decide(input({ candidate, slices: slicesOf60 }))
      return [reason, ...checks.map(({ detail, name, title = name }) => `${title}: ${detail}`)]
    })
    expect(words.join('\n')).not.toMatch(/[a-z][A-Z]/)
  })

  it('guards users who have been away, and tells of those with one event only', () => {
    const candidate = changed(judged(0.15, USERS, 0.02, 2), newUsers, -0.25)
    expect(decide(input({ candidate, slices: { ...NO_SLICES, returning: newUsers } })).promote).toBe(false)
    const told = decide(input({ candidate, slices: { ...NO_SLICES, oneEvent: newUsers } }))
    expect(told.promote).toBe(true)
    expect(told.reason).toContain('note: users with one event (60) lose more than the 10 %')
  })

  /** Slices of 60 users each, whom another seed gives other luck. */
  const slicesOf60 = {
    ...NO_SLICES,
    newUsers: all.subarray(0, 60),
    lightUsers: all.subarray(60, 120),
    returning: all.subarray(120, 180),
    coldItems: all.subarray(180, 240),
    head: all.subarray(240, 300),
    tail: all.subarray(300, 360),
  }

  it('asks all slices at once: where none loses, luck seldom refuses', () => {
    const rounds = Array.from({ length: 40 }, (_, round) => ({
      candidate: judged(0.05, USERS, 0.3, 1000 + round),
      base: judged(0.05, USERS, 0.3, 2000 + round),
      slices: slicesOf60,
    }))
    const fallen = rounds.map((round) => failed(round).filter((name) => name.startsWith('keeps')).length)
    // One by one, with a chance of a tenth each, it was 16 of them.
    expect(fallen.filter((slices) => slices > 0).length).toBeLessThan(8)
  })

  it('names every slice that falls, also where several do', () => {
    const candidate = changed(judged(0.3, USERS, 0.02, 2), all.subarray(0, 120), -0.4)
    const fallen = failed({ candidate, slices: slicesOf60 }).filter((name) => name.startsWith('keeps'))
    expect(fallen).toEqual(['keeps newUsers', 'keeps lightUsers'])
  })

  it('does not judge a slice of a handful of users', () => {
    const handful = all.subarray(0, 8)
    const candidate = changed(judged(0.15, USERS, 0.02, 2), handful, -0.3)
    const slices = { ...NO_SLICES, newUsers: handful }
    expect(failed({ candidate, slices })).toEqual([])
    const asked = decide(input({ candidate, slices })).checks.filter((check) => check.asked !== false)
    expect(asked.map(({ name }) => name)).toContain('keeps tail')
    expect(asked.map(({ name }) => name)).not.toContain('keeps newUsers')
  })
})

describe('a lead', () => {
  // Most of those asked have a long history, as the bots of a farm have that clicked for weeks.
  const few = all.subarray(0, 160)
  const slices = { ...NO_SLICES, newUsers: few }
  const bots = all.subarray(160)

  it('of one kind of user alone is no lead: the others have to gain, too', () => {
    const champion = judged(0.05)
    const candidate = changed(changed(champion, bots, 0.1), few, -0.01)
    const decision = decide(input({ candidate, champion, slices }))
    expect(decision.promote).toBe(false)
    expect(decision.reason).toBe(
      'Rejected: all of its lead comes from regular users: for the other 160 users it does not lead (-1.00 points of NDCG@10 in %).',
    )
    expect(failed({ candidate: changed(candidate, few, 0.02), champion, slices })).toEqual([])
  })

  it('that is not there is nobody’s: the reason tells of none', () => {
    const champion = judged(0.05)
    const decision = decide(input({ candidate: changed(champion, all, -0.01), champion, slices }))
    expect(decision.promote).toBe(false)
    expect(decision.reason).toMatch(/^Rejected: it does not beat the champion/)
    expect(decision.reason).not.toContain('comes from')
    const check = decision.checks.find(({ name }) => name === 'leads beyond one kind of user')
    expect(check).toMatchObject({ passed: false, required: false, detail: 'there is no lead to look into' })
  })

  it('may leave out a small part of the users, whom the forgetting guard looks after', () => {
    const champion = judged(0.05)
    const small = few.subarray(0, 60)
    const candidate = changed(changed(champion, all, 0.1), small, -0.11)
    expect(failed({ candidate, champion, slices: { ...NO_SLICES, newUsers: small } })).toEqual([])
  })
})

describe('the from-scratch twin', () => {
  it('is served in place of the candidate that it beats, loudly', () => {
    const decision = decide(input({ scratch: judged(0.2, USERS, 0.02, 6) }))
    expect(decision).toMatchObject({ promote: true, serve: 'scratch' })
    expect(decision.reason).toContain('WARNING: fine-tuning did harm')
  })

  it('changes nothing where it is level or worse', () => {
    expect(decide(input({ scratch: judged(0.1, USERS, 0.02, 6) })).serve).toBe('candidate')
    expect(decide(input({ scratch: judged(0.0, USERS, 0.02, 6) })).serve).toBe('candidate')
  })

  it('is not served where it fails the gate itself', () => {
    const decision = decide(input({ candidate: judged(0.01, USERS, 0.02, 2), scratch: judged(0.03, USERS, 0.02, 6) }))
    expect(decision).toMatchObject({ promote: false, serve: 'current' })
    expect(decision.reason).toContain('WARNING')
  })
})

describe('what is told and decides nothing', () => {
  const epoch = (number: number, trainLoss: number, validationLoss: number) => ({
    epoch: number,
    trainLoss,
    validationLoss,
    validationNdcg: null,
    trainNdcg: null,
  })

  it('is overfitting: training falls on while validation rises', () => {
    const networkCurve = [epoch(1, 5, 5.2), epoch(2, 4, 5), epoch(3, 3, 5.4)]
    const decision = decide(input({ networkCurve, bestEpoch: 2 }))
    const check = decision.checks.find(({ name }) => name === 'overfitting')!
    expect(check.passed).toBe(false)
    expect(check.figures).toMatchObject({ bestEpoch: 2, lastEpoch: 3 })
    expect(decision.promote).toBe(true)
    expect(decision.reason).toContain('validation loss rose')
    expect(failed({ networkCurve: networkCurve.slice(0, 2) })).toEqual([])
  })

  it('is a network that adds nothing', () => {
    const candidate = judged(0.1, USERS, 0.02, 2)
    expect(failed({ candidate, withoutNetwork: changed(candidate, all, 0.01) })).toEqual(['network adds'])
    expect(failed({ candidate, withoutNetwork: changed(candidate, all, -0.01) })).toEqual([])
  })
})
