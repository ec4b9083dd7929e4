import { expect, it } from 'vitest'
import { Random } from '../../src/model/random.js'
import { combine, noWeights, standardise, topK } from '../../src/model/ranking.js'

it('picks the same best items as a full sort, equal scores by index', () => {
  const random = new Random(5)
  for (let round = 0; round < 50; round++) {
    const scores = Float32Array.from({ length: 200 }, () => random.below(30))
    const eligible = Uint8Array.from({ length: 200 }, () => (random.next() < 0.8 ? 1 : 0))
    const sorted = [...scores.keys()].filter((i) => eligible[i]).sort((a, b) => scores[b] - scores[a] || a - b)
    for (const k of [0, 1, 7, 199, 500]) expect(topK(scores, k, eligible)).toEqual(sorted.slice(0, k))
  }
})

it('never picks an item of score -Infinity or not a number', () => {
  expect(topK(Float32Array.of(-Infinity, NaN, 2), 3)).toEqual([2])
})

it('standardises over the eligible items only', () => {
  const raw = Float32Array.of(1, 2, 3, 1000)
  const scores = standardise(raw, Uint8Array.of(1, 1, 1, 0))!
  expect(scores[1]).toBeCloseTo(0, 6)
  expect(scores[0]).toBeCloseTo(-Math.sqrt(1.5), 5)
})

it('draws the far tail in, keeps the order and goes through 1 smoothly', () => {
  const raw = new Float32Array(10_000)
  raw[3] = 5
  raw[4] = 4
  const scores = standardise(raw, null)!
  expect(scores[3]).toBeGreaterThan(scores[4])
  expect(scores[3]).toBeLessThan(20)
  expect(scores[4]).toBeGreaterThan(5)
})

it('takes a component without spread for silent', () => {
  expect(standardise(new Float32Array(5), null)).toBeNull()
  expect(standardise(new Float32Array(5).fill(0.1), null)).toBeNull()
  expect(standardise(Float32Array.of(1, 2), Uint8Array.of(0, 0))).toBeNull()
})

it('adds weighted parts and breaks ties by popularity', () => {
  const scores = { text: Float32Array.of(1, 1, 0), popular: Float32Array.of(0, 2, 5) }
  const sum = combine(scores, { ...noWeights(), text: 2 }, 3, Uint8Array.of(1, 1, 1))
  expect(topK(sum, 3)).toEqual([1, 0, 2])
  expect(sum[0]).toBe(2)
  expect(combine(scores, noWeights(), 3, Uint8Array.of(0, 1, 1))[0]).toBe(-Infinity)
})
