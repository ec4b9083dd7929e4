import { describe, expect, it } from 'vitest'
import { Counts } from '../../src/model/counts.js'
import { before, type Histories } from '../../src/model/history.js'
import { fixedBlend } from '../../src/model/ensemble.js'
import { noWeights } from '../../src/model/ranking.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { evaluate } from '../../src/training/evaluate.js'
import { FollowedCounts } from '../../src/training/following.js'
import { splitByTime } from '../../src/training/split.js'
import { HIDES, HOUR, pathShop, randomText, VIEWS } from './paths.js'

const ITEMS = 60
const histories = pathShop(300, ITEMS)
const SETTINGS = { types: VIEWS, halfLife: 100 * HOUR }
const countsOf = (of: Histories) => Counts.from(of, ITEMS, SETTINGS)
const split = splitByTime(histories, { types: VIEWS, hides: HIDES })
const { testFrom, to } = split.boundaries

const told = (counts: Counts, now: number) => ({
  popular: [...counts.popular(new Float32Array(ITEMS))],
  recent: [...counts.recent(now, new Float32Array(ITEMS))].map((value) => Math.fround(value)),
  after: [...counts.following([{ item: 3, type: 0, at: now }], 'narrow', new Float32Array(ITEMS))],
})

describe('counts that follow the events', () => {
  it('are at each moment what counting everything before it anew gives', () => {
    const counts = countsOf(split.beforeTest)
    const followed = new FollowedCounts(counts, { histories, from: testFrom })
    for (const share of [0, 0.2, 0.5, 1]) {
      const moment = testFrom + share * (to - testFrom)
      followed.moveTo(moment)
      const [now, anew] = [counts, countsOf(before(histories, moment))].map((one) => told(one, moment))
      for (const part of ['popular', 'recent', 'after'] as const)
        now[part].forEach((value, item) => expect(value).toBeCloseTo(anew[part][item], 4))
    }
  })

  it('know nothing of their own moment, nor of anything later', () => {
    const counts = countsOf(split.beforeTest)
    const [first] = [...histories.times].filter((at) => at >= testFrom).sort((a, b) => a - b)
    const known = told(counts, first)
    new FollowedCounts(counts, { histories, from: testFrom }).moveTo(first)
    expect(told(counts, first)).toEqual(known)
  })
})

describe('evaluation by counts that follow the events', () => {
  const text = TextMatrix.from(randomText(ITEMS, 8), 8)
  const judged = async (following: { histories: Histories; from: number } | null, order = split.test) => {
    const { methods } = await evaluate({
      parts: { itemCount: ITEMS, text, counts: countsOf(split.beforeTest) },
      following,
      cases: order,
      methods: [{ name: 'recent', blend: fixedBlend({ ...noWeights(), recent: 1 }) }],
    })
    return [...methods.recent.judged.ndcg]
  }

  it('answers each case as of its own moment, in whatever order the cases are given', async () => {
    const following = { histories, from: testFrom }
    const inOrder = await judged(following)
    const turned = await judged(following, [...split.test].reverse())
    expect(turned.reverse()).toEqual(inOrder)
    expect(inOrder).not.toEqual(await judged(null))
  })

  it('is not moved by what happens after a case was asked', async () => {
    const half = testFrom + (to - testFrom) / 2
    const early = split.test.map((one, index) => ({ at: one.at, index })).filter(({ at }) => at <= half)
    const later: Histories = { ...histories, items: histories.items.slice() }
    for (let row = 0; row < later.items.length; row++) if (later.times[row] >= half) later.items[row] = 7
    const [honest, planted] = [
      await judged({ histories, from: testFrom }),
      await judged({ histories: later, from: testFrom }),
    ]
    expect(early.length).toBeGreaterThan(10)
    for (const { index } of early) expect(planted[index]).toBe(honest[index])
    expect(planted).not.toEqual(honest)
  })
})
