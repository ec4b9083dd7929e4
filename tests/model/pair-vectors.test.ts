import { describe, expect, it } from 'vitest'
import { Counts } from '../../src/model/counts.js'
import { pairVectors } from '../../src/model/pair-vectors.js'
import { Random } from '../../src/model/random.js'
import { type Interaction, toHistories } from '../../src/model/history.js'

const GROUPS = 3
const OF_GROUP = 10
const ITEMS = GROUPS * OF_GROUP + 1
const NEVER = ITEMS - 1
const types = [{ name: 'view', weight: 1, meaning: 'positive' as const }]

/** Users who each stay with one group of items. */
function counts(): Counts {
  const random = new Random(4)
  const lists = Array.from({ length: 90 }, (_, user): Interaction[] =>
    Array.from({ length: 6 }, (_, step) => ({
      item: (user % GROUPS) * OF_GROUP + random.below(OF_GROUP),
      type: 0,
      at: step,
    })),
  )
  return Counts.from(toHistories(lists), ITEMS, { types, halfLife: 1e9 })
}

describe('pairVectors', () => {
  const width = 8
  const vectors = pairVectors(counts(), width, 1)
  const row = (item: number) => Array.from(vectors.subarray(item * width, (item + 1) * width))
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0)

  it('puts what is had together near, and what never is far', () => {
    expect(vectors).toHaveLength(ITEMS * width)
    for (let item = 0; item < NEVER; item++)
      for (let other = item + 1; other < NEVER; other++) {
        const near = Math.floor(item / OF_GROUP) === Math.floor(other / OF_GROUP)
        if (near) expect(dot(row(item), row(other))).toBeGreaterThan(0.3)
        else expect(Math.abs(dot(row(item), row(other)))).toBeLessThan(0.1)
      }
  })

  it('gives at most unit length, and nothing to an item that nobody had', () => {
    for (let item = 0; item < NEVER; item++) expect(Math.hypot(...row(item))).toBeLessThan(1)
    expect(row(NEVER).every((value) => value === 0)).toBe(true)
  })

  it('is the same twice, and works for fewer items than dimensions', () => {
    expect(pairVectors(counts(), width, 1)).toEqual(vectors)
    expect(pairVectors(counts(), 64, 1).every(Number.isFinite)).toBe(true)
  })
})
