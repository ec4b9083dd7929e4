import { expect, it } from 'vitest'
import { type EventType, type Interaction, toHistories } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { fitTypeWeights } from '../../src/model/type-weights.js'

const ITEMS = 10_000
const MINUTE = 60_000
const positive = (name: string, weight: number): EventType => ({ name, weight, meaning: 'positive' })
const typesOf = (click: number, bookmark: number) => [
  positive('click', click),
  positive('bookmark', bookmark),
  positive('purchase', 1),
]
const SHARE = 3

/** Clicks (6 of 10 events) fall on any item; bookmarks and purchases (2 each) on the wanted ones. */
function shop(count: number) {
  const random = new Random(5)
  const users: Interaction[][] = Array.from({ length: 1000 }, () => [])
  for (let i = 0; i < count; i++) {
    const type = Math.max(0, random.below(10) - 5) >> 1
    // The first items are wanted most.
    const item = Math.floor(ITEMS * (type === 0 ? random.next() : random.next() ** 4))
    users[random.below(users.length)].push({ item, type, at: i * MINUTE })
  }
  return toHistories(users)
}
const learned = (count: number, types: EventType[]) =>
  fitTypeWeights(shop(count), ITEMS, types).types.map(({ weight }) => weight)

it('finds that random clicks say little and that bookmarks say much', () => {
  const [click, bookmark, purchase] = learned(12_000, typesOf(1, 1))
  expect(Math.max(bookmark, purchase)).toBe(1)
  expect(Math.min(bookmark, purchase)).toBeGreaterThan(0.7)
  expect(click).toBeLessThan(0.35)
  expect(click).toBeGreaterThanOrEqual(0.01)
  // Whatever was set: here that both say the same, and little.
  const [less, more, most] = learned(12_000, typesOf(0.2, 0.2))
  expect(most).toBe(1)
  expect(less).toBeLessThan(0.15)
  expect(more).toBeGreaterThan(0.23)
})

it('leaves what is set where one type happened or there is too little to tell by', () => {
  const types = typesOf(0.3, 0.5)
  const bought = shop(12_000)
  bought.types.fill(2)
  for (const histories of [bought, shop(300), toHistories([])])
    expect(fitTypeWeights(histories, ITEMS, types)).toEqual({ types, reasons: {} })
})

it('believes few events little', () => {
  const [few] = learned(600, typesOf(1, 1))
  const [many] = learned(12_000, typesOf(1, 1))
  expect(few).toBeGreaterThan(0.6)
  expect(few).toBeGreaterThan(2 * many)
  // Five events of a type among thousands: half of what an event says on average.
  const histories = shop(12_000)
  for (let row = 0; row < 500; row += 100) histories.types[row] = SHARE
  const { types } = fitTypeWeights(histories, ITEMS, [...typesOf(1, 1), positive('share', 0.5)])
  const average = histories.types.reduce((sum, type) => sum + types[type].weight, 0) / histories.types.length
  expect(types[SHARE].weight / average).toBeCloseTo(0.5, 1)
})

it('keeps names, meanings and what is no evidence, and says what it found of the types that happened', () => {
  const types: EventType[] = [
    ...typesOf(1, 1),
    { name: 'remove', weight: 3, meaning: 'negative' },
    { name: 'impression', weight: 0, meaning: 'neutral' },
    positive('purchase:high', 2),
  ]
  const found = fitTypeWeights(shop(6000), ITEMS, types)
  expect(found).toEqual(fitTypeWeights(shop(6000), ITEMS, types))
  expect(found.types.map((type) => ({ ...type, weight: 0 }))).toEqual(types.map((type) => ({ ...type, weight: 0 })))
  expect(found.types.slice(3, 5)).toEqual(types.slice(3, 5))
  // The largest stays the largest that is set, also where none of its events came.
  expect(found.types[5].weight).toBe(2)
  expect(found.reasons.types).toMatch(/^click 0\.\d+ \(set 1\), bookmark [\d.]+ \(set 1\), purchase [\d.]+ \(set 1\)$/)
})
