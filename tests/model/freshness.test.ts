import { expect, it } from 'vitest'
import { Counts } from '../../src/model/counts.js'
import { freshness } from '../../src/model/freshness.js'
import { toHistories } from '../../src/model/history.js'

const HOUR = 3_600_000
const types = [
  { name: 'view', weight: 1, meaning: 'positive' as const },
  { name: 'dislike', weight: 1, meaning: 'negative' as const },
]
const at = (item: number, hour: number, type = 0) => ({ item, type, at: hour * HOUR })
// Item 0 since hour 1, item 1 since hour 9, item 2 only disliked, item 3 never.
const histories = toHistories([[at(0, 1), at(1, 9)], [at(0, 8), at(2, 8, 1)], [at(1, 10)]])
const counts = () => Counts.from(histories, 4, { types, halfLife: HOUR })
const values = (now: number, published?: number[], of = counts()) =>
  freshness(of, published && Float64Array.from(published, (hour) => hour * HOUR), now * HOUR, 4)

it('is higher for what came later, by the first event, and says nothing where no age is known', () => {
  const scores = values(11)!
  expect(scores[0]).toBeCloseTo(-Math.log(1 + 10), 5)
  expect(scores[1]).toBeCloseTo(-Math.log(1 + 2), 5)
  expect(scores[2]).toBeCloseTo((scores[0] + scores[1]) / 2, 5)
  expect(scores[3]).toBe(scores[2])
})

it('knows nothing of what comes after the moment asked about', () => {
  const scores = values(5)!
  expect(scores[0]).toBeCloseTo(-Math.log(1 + 4), 5)
  // Item 1 has its first event at 9: its age is not below zero but unknown.
  expect(scores[1]).toBeCloseTo(scores[0], 5)
  expect(values(0)).toBeNull()
  expect(values(5, [NaN, 6, 7, 8])).toEqual(scores)
})

it('takes the word of the item before that of its events', () => {
  const scores = values(11, [10, NaN, 3])!
  expect(scores[0]).toBeCloseTo(-Math.log(1 + 1), 5)
  expect(scores[1]).toBeCloseTo(-Math.log(1 + 2), 5)
  expect(scores[2]).toBeCloseTo(-Math.log(1 + 8), 5)
  expect(scores[3]).toBeCloseTo((scores[0] + scores[1] + scores[2]) / 3, 5)
})

it('follows live events, and travels with the counts', () => {
  const live = Counts.fromArrays(counts().toArrays(), { types, halfLife: HOUR })
  live.add([], at(3, 12))
  live.add([at(3, 12)], at(3, 13))
  live.add([], at(1, 13))
  const scores = values(13, undefined, live)!
  expect(scores[3]).toBeCloseTo(-Math.log(1 + 1), 5)
  expect(scores[1]).toBeCloseTo(-Math.log(1 + 4), 5)
})
