import { describe, expect, it } from 'vitest'
import { Counts } from '../../src/model/counts.js'
import { fixedBlend } from '../../src/model/ensemble.js'
import { toHistories, type EventType } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { noWeights } from '../../src/model/ranking.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { tunedBaselines } from '../../src/training/baselines.js'
import { Ease, invert } from '../../src/training/ease.js'
import { evaluate } from '../../src/training/evaluate.js'
import { ItemKnn, WhoHadBoth } from '../../src/training/item-knn.js'
import { splitByTime } from '../../src/training/split.js'
import { HIDES, HOUR, pathShop, VIEWS } from './paths.js'

const TYPES: EventType[] = [...VIEWS, { name: 'dislike', weight: 1, meaning: 'negative' }]
const had = (...items: number[]) => items.map((item, i) => ({ item, type: 0, at: i * HOUR }))

describe('item KNN', () => {
  const dislike = { item: 3, type: 1, at: 9 * HOUR }
  const both = WhoHadBoth.from(
    toHistories([had(0, 1), had(1, 0, 1), had(0, 2), [...had(2), dislike], had(4, 0)]),
    5,
    TYPES,
  )

  it('is the shrunk cosine of who had both, whatever the order and however often', () => {
    const scores = new ItemKnn(both, { neighbours: 10, shrinkage: 0, power: 0.5, decay: 0.5 }).score(
      had(0),
      new Float32Array(5),
    )
    // Item 0 has four users, 1 two of them, 2 one of its two, 4 its only one; nobody wanted 3.
    const expected = [0, 2 / Math.sqrt(8), 1 / Math.sqrt(8), 0, 1 / 2]
    expected.forEach((value, item) => expect(scores[item]).toBeCloseTo(value, 6))
    const shrunk = new ItemKnn(both, { neighbours: 10, shrinkage: 2, power: 0.5, decay: 0.5 }).score(
      had(0),
      new Float32Array(5),
    )
    expect(shrunk[4]).toBeCloseTo(1 / 4, 6)
  })

  it('keeps the nearest neighbours only, and weighs what is newer more', () => {
    const one = new ItemKnn(both, { neighbours: 1, shrinkage: 0, power: 0.5, decay: 0.5 })
    expect([...one.score(had(0), new Float32Array(5))].map((value) => value > 0)).toEqual([
      false,
      true,
      false,
      false,
      false,
    ])
    const all = new ItemKnn(both, { neighbours: 10, shrinkage: 0, power: 0.5, decay: 0.5 })
    const scores = all.score(had(2, 4), new Float32Array(5))
    expect(scores[0]).toBeCloseTo(1 / 2 + 1 / Math.sqrt(2) / Math.sqrt(8), 6)
  })
})

describe('EASE', () => {
  it.each([1, 7, 48, 50, 145])('inverts a matrix of %i rows', (size) => {
    const random = new Random(size)
    const factor = random.normals(size * size, 1)
    const matrix = new Float64Array(size * size)
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        let sum = i === j ? 1 : 0
        for (let k = 0; k < size; k++) sum += factor[i * size + k] * factor[j * size + k]
        matrix[i * size + j] = sum
      }
    const inverse = invert(matrix.slice(), size)
    let error = 0
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        let sum = i === j ? -1 : 0
        for (let k = 0; k < size; k++) sum += matrix[i * size + k] * inverse[k * size + j]
        error = Math.max(error, Math.abs(sum))
      }
    expect(error).toBeLessThan(1e-9)
  })

  it('refuses what no inverse can be taken of', () => {
    expect(() => invert(Float64Array.of(1, 2, 2, 1), 2)).toThrow(/positive definite/)
  })

  it('solves each item from the others: the ridge regression with a zero diagonal', () => {
    // Two items besides the one foretold, so that the weights can be had by hand: (G + lambda) b = g over the others.
    const lists = [had(0, 1), had(0, 1), had(0, 2), had(1), had(2), had(0, 1, 2)]
    const lambda = 2
    const ease = Ease.from(toHistories(lists), 4, TYPES, lambda)
    // Foretelling item 0: users of 1: 4, of 2: 3, of both 1; with 0: 3 and 2.
    const [a, b, c, g1, g2] = [4 + lambda, 1, 3 + lambda, 3, 2]
    const determinant = a * c - b * b
    const weights = [(c * g1 - b * g2) / determinant, (a * g2 - b * g1) / determinant]
    expect(ease.score(had(1), new Float32Array(4))[0]).toBeCloseTo(weights[0], 6)
    expect(ease.score(had(2), new Float32Array(4))[0]).toBeCloseTo(weights[1], 6)
    expect(ease.score(had(1, 2), new Float32Array(4))[0]).toBeCloseTo(weights[0] + weights[1], 6)
    expect(ease.score(had(2, 1), new Float32Array(4), 1)[0]).toBeCloseTo(weights[0] + weights[1] / 2, 6)
    expect(ease.score(had(1), new Float32Array(4))[1]).toBeCloseTo(0, 6)
    expect(ease.score(had(1), new Float32Array(4))[3]).toBe(-Infinity)
  })
})

describe('tuned baselines', () => {
  const ITEMS = 60
  const split = splitByTime(pathShop(300, ITEMS), { types: VIEWS, hides: HIDES })
  const counts = { types: VIEWS, halfLife: 100 * HOUR }
  const input = { split, itemCount: ITEMS, counts }

  it('are methods of an evaluation, and know the paths better than popularity does', async () => {
    const { methods, absent } = tunedBaselines(input)
    expect(absent).toEqual({})
    expect(methods.map(({ name }) => name)).toEqual(['item KNN', 'order-aware KNN', 'EASE'])
    const { methods: results } = await evaluate({
      parts: {
        itemCount: ITEMS,
        text: TextMatrix.empty(4, ITEMS),
        counts: Counts.from(split.beforeTest, ITEMS, counts),
      },
      cases: split.test,
      methods: [{ name: 'popular', blend: fixedBlend({ ...noWeights(), popular: 1 }) }, ...methods],
    })
    for (const { name, validation } of methods) {
      expect(results[name].metrics.ndcg.low, name).toBeGreaterThan(results['popular'].metrics.ndcg.high)
      expect(validation, name).toBeGreaterThan(0.1)
    }
    // Paths go one way: whoever knows the order knows more.
    expect(methods[1].setting).toEqual({ kind: 'narrow' })
    const ndcg = (name: string) => results[name].metrics.ndcg.mean
    expect(ndcg('order-aware KNN')).toBeGreaterThan(ndcg('item KNN'))
    expect(ndcg('order-aware KNN')).toBeGreaterThan(ndcg('EASE'))
  })

  it('leave EASE out where the catalogue is too large for it, and say so', () => {
    const { methods, absent } = tunedBaselines({ ...input, mostItemsOfEase: ITEMS - 1 })
    expect(methods.map(({ name }) => name)).not.toContain('EASE')
    expect(absent['EASE']).toContain('60 items are more than 59')
  })

  it('show what is popular where they know nothing of a history', () => {
    const popular = Counts.from(split.beforeTest, ITEMS, counts).popular(new Float32Array(ITEMS))
    const most = popular.indexOf(Math.max(...popular))
    for (const { scores } of tunedBaselines(input).methods) {
      const all = scores({ ...split.test[0], history: [] })
      expect(all.indexOf(Math.max(...all))).toBe(most)
    }
  })
})
