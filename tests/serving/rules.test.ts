import { TextMatrix } from '../../src/model/text-matrix.js'
import { describe, expect, test } from 'vitest'
import { Random } from '../../src/model/random.js'
import { diversify, largest, recencyOf, weigh, type Weighing } from '../../src/serving/rules.js'

const DAY = 86_400_000
const none: Weighing = { freshness: 0, recency: () => 1, boost: null }

test('freshness falls with age, and an unknown age is old', () => {
  const now = 1e12
  const ages = [0, 1, 10, 100, 1000, 3000].map((days) => recencyOf(now - days * DAY, now))
  expect(ages[0]).toBe(1)
  for (let i = 1; i < ages.length; i++) expect(ages[i]).toBeLessThan(ages[i - 1])
  expect(recencyOf(now + DAY, now)).toBe(1)
  expect(recencyOf(null, now)).toBeLessThan(recencyOf(now - 3000 * DAY, now))
})

describe('weigh', () => {
  const items = Uint32Array.of(0, 1, 2, 3)
  const scores = Float32Array.of(-2, 3, 1, -40)
  const order = (by: Weighing) => [...largest(weigh(items, scores, by), 4)]

  test('leaves the order of the model alone, whatever its signs', () => {
    expect(order(none)).toEqual([1, 2, 0, 3])
    expect(weigh(items, scores, none)[1]).toBe(0)
  })

  test('a boost multiplies the odds; 0 excludes', () => {
    const boosted = weigh(items, scores, { ...none, boost: (item) => (item === 2 ? 10 : 1) })
    expect(Math.exp(boosted[2]) / Math.exp(boosted[1])).toBeCloseTo(10 * Math.exp(1 - 3), 6)
    expect([...largest(boosted, 4)]).toEqual([2, 1, 0, 3])
    expect(order({ ...none, boost: (item) => (item === 1 ? 0 : 1) })).toEqual([2, 0, 3])
  })

  test('freshness goes from the order of the model to the order of age, one way', () => {
    const recency = (item: number) => [0.9, 0.1, 0.5, 1][item]
    expect(order({ ...none, freshness: 1, recency })).toEqual([3, 0, 2, 1])
    let place = 0
    for (let freshness = 0; freshness <= 1; freshness += 0.05) {
      const now = order({ ...none, freshness, recency }).indexOf(1)
      expect(now).toBeGreaterThanOrEqual(place)
      place = now
    }
    expect(place).toBe(3)
  })
})

test('largest equals a stable sort', () => {
  const random = new Random(3)
  for (let round = 0; round < 300; round++) {
    const values = Float64Array.from({ length: random.below(60) }, () =>
      random.below(8) === 0 ? -Infinity : random.below(12),
    )
    const count = random.below(70)
    const sorted = [...values.keys()]
      .filter((i) => values[i] > -Infinity)
      .sort((a, b) => values[b] - values[a] || a - b)
    expect([...largest(values, count)]).toEqual(sorted.slice(0, count))
  }
})

describe('diversify', () => {
  // Two look-alikes, one of its own, one without text.
  const likeness = TextMatrix.from(Float32Array.of(1, 0, 1, 0, 0, 1, 0, 0), 2)
  const pool = Uint32Array.of(0, 1, 2, 3)
  const values = Float64Array.of(0, -0.1, -1, -3)
  const order = (diversity: number, count = 4) => [...diversify(pool, values, count, diversity, likeness)]

  test('0 keeps the order, more of it moves look-alikes back', () => {
    expect(order(0)).toEqual([0, 1, 2, 3])
    expect(order(0.5)).toEqual([0, 2, 3, 1])
    expect(order(1, 2)).toEqual([0, 2])
  })

  test('gives every item of the pool once', () => {
    const random = new Random(5)
    const vectors = Float32Array.from({ length: 2 * 300 }, () => random.next() - 0.5)
    const many = Uint32Array.from({ length: 300 }, (_, i) => i)
    const falling = Float64Array.from(many, (i) => -i)
    const picked = diversify(many, falling, 300, 0.7, TextMatrix.from(vectors, 2))
    expect([...picked].sort((a, b) => a - b)).toEqual([...many])
  })
})
