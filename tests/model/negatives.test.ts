import { describe, expect, it } from 'vitest'
import { toHistories } from '../../src/model/history.js'
import { negativeBiases, NegativeSampler } from '../../src/model/negatives.js'
import { MASKED, packHistories } from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'

describe('NegativeSampler', () => {
  it('is the whole catalogue, uncorrected, when that is no larger than the sample', () => {
    const { items, corrections } = new NegativeSampler([5, 0, 1]).draw(3, new Random(1))
    expect([...items]).toEqual([0, 1, 2])
    expect([...corrections]).toEqual([0, 0, 0])
  })

  it('draws each item once, often seen ones more, unseen ones seldom', () => {
    const counts = Float64Array.from({ length: 400 }, (_, item) => (item < 100 ? 0 : item < 300 ? 1 : 100))
    const sampler = new NegativeSampler(counts)
    const random = new Random(1)
    const drawn = [0, 0, 0]
    for (let i = 0; i < 200; i++) {
      const { items } = sampler.draw(20, random)
      expect(new Set(items).size).toBe(items.length)
      for (const item of items) drawn[item < 100 ? 0 : item < 300 ? 1 : 2]++
    }
    expect(drawn[0]).toBeGreaterThan(0)
    expect(drawn[1]).toBeGreaterThan(drawn[0])
    expect(drawn[2]).toBeGreaterThan(3 * drawn[1])
  })

  it('stands for the whole catalogue: the corrected sum of the exponents is right on average', () => {
    const random = new Random(2)
    const scores = random.normals(300, 1)
    const sampler = new NegativeSampler(Float64Array.from(scores, (_, item) => item))
    const exact = scores.reduce((sum, score) => sum + Math.exp(score), 0)
    let estimate = 0
    const draws = 2000
    for (let i = 0; i < draws; i++) {
      const { items, corrections } = sampler.draw(50, random)
      items.forEach((item, j) => (estimate += Math.exp(scores[item] + corrections[j]) / draws))
    }
    expect(Math.abs(estimate / exact - 1)).toBeLessThan(0.03)
  })
})

describe('negativeBiases', () => {
  it("masks a sequence's own items, targets among them, at each of its positions and nowhere else", () => {
    const histories = toHistories([
      [0, 1, 2].map((item) => ({ item, type: 0, at: 0 })),
      [3, 0].map((item) => ({ item, type: 0, at: 0 })),
    ])
    const [row] = packHistories(histories, new Float32Array(5).fill(1), 6, new Random(1))
    const negatives = { items: Uint32Array.of(2, 4, 3), corrections: Float32Array.of(0.1, 0.2, 0.3) }
    const { biases, sequences } = negativeBiases(row, negatives)
    for (let position = 0; position < 5; position++) {
      const isFirst =
        [0, 1, 2].includes(row.items[position]) && (row.items[position] !== 0 || row.targets[position] === 1)
      const wanted = isFirst ? [MASKED, 0.2, 0.3] : [0.1, 0.2, MASKED]
      wanted.forEach((value, j) => expect(biases[sequences[position] * 3 + j]).toBeCloseTo(value, 6))
    }
  })
})
