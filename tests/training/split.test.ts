import { describe, expect, it } from 'vitest'
import { type Interaction, toHistories } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { HISTORY_LENGTH, leaveOneOut, splitByTime } from '../../src/training/split.js'

const types = [
  { name: 'view', weight: 1, meaning: 'positive' as const },
  { name: 'dislike', weight: 1, meaning: 'negative' as const },
]
const hides = Uint8Array.of(1, 1)

function randomLists(seed: number, users = 80): Interaction[][] {
  const random = new Random(seed)
  return Array.from({ length: users }, () =>
    Array.from({ length: 2 + Math.floor(random.next() * 40) }, () => ({
      item: Math.floor(random.next() * 60),
      type: random.next() < 0.1 ? 1 : 0,
      // Few moments, so that there are baskets.
      at: Math.floor(random.next() * 200) * 1000,
    })).sort((a, b) => a.at - b.at),
  )
}

describe.each([1, 2, 3])('split by time (seed %i)', (seed) => {
  const lists = randomLists(seed)
  const histories = toHistories(lists)
  const split = splitByTime(histories, { types, hides })
  const { validationFrom, testFrom } = split.boundaries
  const all = [...split.validation.stopping, ...split.validation.blending, ...split.test]

  it('lets nothing of a later window into an earlier part', () => {
    expect(Math.max(...split.train.times)).toBeLessThan(validationFrom)
    expect(Math.max(...split.beforeTest.times)).toBeLessThan(testFrom)
    for (const { at } of [...split.validation.stopping, ...split.validation.blending]) {
      expect(at).toBeGreaterThanOrEqual(validationFrom)
      expect(at).toBeLessThan(testFrom)
    }
    for (const { at } of split.test) expect(at).toBeGreaterThanOrEqual(testFrom)
    expect(split.test.length).toBeGreaterThan(20)
  })

  it('knows of each user only what was before the moment, and never cuts a moment', () => {
    for (const { user, history, at, targets } of all) {
      expect(history.every((event) => event.at < at)).toBe(true)
      expect(history).toEqual(lists[user].filter((event) => event.at < at).slice(-HISTORY_LENGTH))
      const moment = lists[user].filter((event) => event.at === at)
      for (const item of targets) expect(moment.some((event) => event.item === item && event.type === 0)).toBe(true)
    }
  })

  it('asks for nothing that is hidden from the user', () => {
    for (const { targets, hidden, history } of all) {
      expect(targets.length).toBeGreaterThan(0)
      expect(targets.filter((item) => hidden.includes(item))).toEqual([])
      expect(new Set(hidden)).toEqual(new Set(history.map((event) => event.item)))
    }
  })

  it('fits the blend on other users than early stopping looks at', () => {
    const stopping = new Set(split.validation.stopping.map(({ user }) => user))
    expect(split.validation.blending.filter(({ user }) => stopping.has(user))).toEqual([])
    expect(stopping.size).toBeGreaterThan(5)
    expect(split.validation.blending.length).toBeGreaterThan(5)
  })

  it('does not change with what happens later', () => {
    // The answer planted in the future: each user takes item 59 after the end.
    const planted = toHistories(lists.map((list) => [...list, { item: 59, type: 0, at: 1e9 }]))
    expect(splitByTime(planted, { types, hides }).train.times.filter((at) => at >= 1e9)).toHaveLength(0)
    const same = splitByTime(planted, { types, hides, cuts: { validationFrom, testFrom } })
    expect(same.train).toEqual(split.train)
    expect(same.beforeTest).toEqual(split.beforeTest)
    expect(same.validation).toEqual(split.validation)
    // Who had nothing in the test window before has now; of the others nothing changes.
    const asked = new Set(split.test.map(({ user }) => user))
    expect(same.test.filter(({ user }) => asked.has(user))).toEqual(split.test)
  })
})

describe('split', () => {
  it('hides only after the types that hide', () => {
    const list = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => ({ item: i % 5, type: 0, at: i * 1000 }))
    const free = splitByTime(toHistories([list]), { types, hides: Uint8Array.of(0, 1), share: 0.2 })
    expect(free.test[0].targets).toEqual([3])
    expect(free.test[0].hidden).toHaveLength(0)
    expect(splitByTime(toHistories([list]), { types, hides, share: 0.2 }).test).toEqual([])
  })

  it('takes at most so many users, the same ones each time', () => {
    const histories = toHistories(randomLists(9, 400))
    const few = splitByTime(histories, { types, hides, maxTest: 20, maxValidation: 7 })
    expect([few.test.length, few.validation.stopping.length, few.validation.blending.length]).toEqual([20, 7, 7])
    expect(splitByTime(histories, { types, hides, maxTest: 20 }).test).toEqual(few.test)
  })

  it('asks about nothing that the start has seen, and leaves a third of the rest to learn from', () => {
    const histories = toHistories(randomLists(9, 400))
    const sorted = Float64Array.from(histories.times).sort()
    const usual = splitByTime(histories, { types, hides })
    const seen = sorted[Math.floor(0.94 * sorted.length)]
    const { boundaries, test, validation, train } = splitByTime(histories, { types, hides, unseenFrom: seen })
    expect(boundaries.validationFrom).toBeGreaterThanOrEqual(seen)
    expect([...validation.stopping, ...validation.blending].every(({ at }) => at >= seen)).toBe(true)
    const after = (moment: number) => sorted.filter((at) => at >= moment).length
    expect(after(boundaries.testFrom) / after(seen)).toBeCloseTo(1 / 3, 1)
    expect(after(boundaries.validationFrom) / after(seen)).toBeCloseTo(2 / 3, 1)
    expect(train.times.filter((at) => at >= seen).length / after(seen)).toBeCloseTo(1 / 3, 1)
    expect(test.length).toBeGreaterThan(0)
    expect(train.items.length).toBeGreaterThan(usual.train.items.length)
    // What was seen long ago changes nothing.
    expect(splitByTime(histories, { types, hides, unseenFrom: sorted[10] }).boundaries).toEqual(usual.boundaries)
  })

  it('asks in the test about nothing that it is compared with has learned from', () => {
    const histories = toHistories(randomLists(9, 400))
    const sorted = Float64Array.from(histories.times).sort()
    const usual = splitByTime(histories, { types, hides })
    const seen = sorted[Math.floor(0.97 * sorted.length)]
    const { boundaries, test, train } = splitByTime(histories, { types, hides, judgedFrom: seen })
    expect(boundaries.testFrom).toBe(seen)
    expect(test.length).toBeGreaterThan(0)
    expect(test.every(({ at }) => at >= seen)).toBe(true)
    // The validation stays as large, and what is learned from grows by what the test window gave up.
    const validation = sorted.filter((at) => at >= boundaries.validationFrom && at < seen).length
    expect(validation / sorted.length).toBeCloseTo(0.1, 1)
    expect(train.items.length).toBeGreaterThan(usual.train.items.length)
    for (const judgedFrom of [sorted[10], undefined])
      expect(splitByTime(histories, { types, hides, judgedFrom }).boundaries).toEqual(usual.boundaries)
    expect(splitByTime(histories, { types, hides, judgedFrom: 1e12 }).test).toEqual([])
  })

  it('cuts where it is told to', () => {
    const histories = toHistories(randomLists(4))
    const cuts = { validationFrom: 120_000, testFrom: 150_000 }
    const { boundaries, train, beforeTest, validation, test } = splitByTime(histories, { types, hides, cuts })
    expect(boundaries).toMatchObject(cuts)
    const newest = (part: { times: Float64Array }) => Math.max(...part.times)
    expect([newest(train), newest(beforeTest)]).toEqual([119_000, 149_000])
    const asked = [...validation.stopping, ...validation.blending].map(({ at }) => at)
    expect([Math.min(...asked), Math.min(...test.map(({ at }) => at))]).toEqual([120_000, 150_000])
  })

  it('outlives having nothing', () => {
    const empty = splitByTime(toHistories([[], []]), { types, hides })
    expect([empty.test, empty.validation.stopping]).toEqual([[], []])
  })

  it('leaves one out as published', () => {
    const list = [0, 1, 2, 3, 4, 5].map((item, i) => ({ item, type: 0, at: i }))
    const repeat = [0, 1, 2, 3, 0].map((item, i) => ({ item, type: 0, at: i }))
    const { beforeTest, train, test, validation } = leaveOneOut(toHistories([list, repeat, list.slice(0, 4)]))
    expect(test).toHaveLength(1)
    expect(test[0]).toMatchObject({ user: 0, targets: [5], at: 5 })
    expect(beforeTest.items).toHaveLength(5 + 5 + 4)
    // Validation asks for the event before the last, which training then does not have.
    const [asked] = [...validation.stopping, ...validation.blending]
    expect(asked).toMatchObject({ user: 0, targets: [4], at: 4 })
    expect(asked.history.map(({ item }) => item)).toEqual([0, 1, 2, 3])
    expect([...validation.events.keys()].filter((row) => validation.events[row])).toEqual([4])
    expect([...train.items]).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 0, 1, 2, 3])
  })
})

describe('windows', () => {
  const byDay = Array.from({ length: 60 }, (_, user) =>
    Array.from({ length: 12 }, (_, i) => ({ item: (user * 7 + i) % 50, type: 0, at: 10 + (i >> 1) })),
  )

  it('hold something where events are dated by day', () => {
    // Six days: a share of a tenth is a part of one.
    const { boundaries, train, beforeTest, test, validation } = splitByTime(toHistories(byDay), {
      types: [{ name: 'view', weight: 1, meaning: 'positive' }],
      hides: Uint8Array.of(1),
    })
    expect(boundaries.validationFrom).toBeLessThan(boundaries.testFrom)
    expect(train.items.length).toBeGreaterThan(0)
    expect(beforeTest.items.length).toBeGreaterThan(train.items.length)
    expect(test.length).toBe(60)
    expect(validation.stopping.length + validation.blending.length).toBe(60)
  })

  it('never let a planted answer through', () => {
    // Item 99 comes up in everybody's last two moments only.
    const planted = Array.from({ length: 40 }, (_, user) => [
      ...Array.from({ length: 18 }, (_, i) => ({ item: (user + i) % 20, type: 0, at: 50 * i + user })),
      { item: 99, type: 0, at: 2000 + user },
      { item: 99, type: 0, at: 2100 + user },
    ])
    const { beforeTest, test, validation } = splitByTime(toHistories(planted), {
      types: [{ name: 'view', weight: 1, meaning: 'positive' }],
      hides: Uint8Array.of(1),
    })
    expect(beforeTest.items).not.toContain(99)
    const cases = [...test, ...validation.stopping, ...validation.blending]
    expect(cases.flatMap((one) => one.history).some((event) => event.item === 99)).toBe(false)
    expect(test.some((one) => one.targets.includes(99))).toBe(true)
  })
})
