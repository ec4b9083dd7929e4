import { describe, expect, it } from 'vitest'
import { Counts, DEFAULT_NORM } from '../../src/model/counts.js'
import { toHistories } from '../../src/model/history.js'
import { choosePairNorms } from '../../src/training/pair-norms.js'
import type { Case } from '../../src/training/split.js'

const types = [{ name: 'view', weight: 1, meaning: 'positive' as const }]
const settings = { types, halfLife: 1000 }
const event = (item: number, at: number) => ({ item, type: 0, at })

// After item 0 nearly everybody takes item 1, which follows everything; those who are asked take item 2, which follows
// only item 0, and was seen a few times.
const crowd = Array.from({ length: 300 }, (_, user) => [event(3 + (user % 40), 0), event(1, 1)])
const followers = Array.from({ length: 12 }, () => [event(0, 0), event(1, 1)])
const few = Array.from({ length: 4 }, () => [event(0, 0), event(2, 1)])
const counts = Counts.from(toHistories([...crowd, ...followers, ...few]), 43, settings)
const cases = (target: number): Case[] =>
  Array.from({ length: 60 }, (_, user) => ({
    user,
    history: [event(0, 0)],
    hidden: Uint32Array.of(0),
    targets: [target],
    at: 2,
  }))

describe('norms of pairs', () => {
  it('are chosen by what validation users took', () => {
    const { norms, reason } = choosePairNorms(counts, cases(2))
    expect(norms.wide).not.toEqual(DEFAULT_NORM)
    expect(reason).toContain('60 validation users')
    const follow = (of: Counts) => of.following([event(0, 0)], 'wide', new Float32Array(43))
    const [usual, chosen] = [follow(counts), follow(counts.withNorms(norms))]
    expect(usual[1]).toBeGreaterThan(usual[2])
    expect(chosen[2]).toBeGreaterThan(chosen[1])
  })

  it('stay as they are where others are no better, or nobody is asked', () => {
    expect(choosePairNorms(counts, cases(1)).norms).toEqual({ wide: DEFAULT_NORM, narrow: DEFAULT_NORM })
    expect(choosePairNorms(counts, []).norms.narrow).toEqual(DEFAULT_NORM)
  })

  it('hold for events that are added later', () => {
    const norms = { wide: { shrinkage: 1, source: 0.5, target: 0.3 }, narrow: DEFAULT_NORM }
    const earlier = [[event(0, 0), event(1, 1)], [event(2, 0)]]
    const grown = Counts.from(toHistories(earlier), 5, { ...settings, norms })
    grown.add([event(2, 0)], event(4, 2))
    const anew = Counts.from(toHistories([earlier[0], [event(2, 0), event(4, 2)]]), 5, { ...settings, norms })
    const follow = (of: Counts) => [...of.following([event(2, 0)], 'wide', new Float32Array(5))]
    expect(follow(grown)).toEqual(follow(anew))
  })
})
