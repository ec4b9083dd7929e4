import { TextMatrix } from '../../src/model/text-matrix.js'
import { describe, expect, it } from 'vitest'
import { Counts } from '../../src/model/counts.js'
import { Ensemble, fixedBlend, type EnsembleParts } from '../../src/model/ensemble.js'
import { toHistories, type Interaction } from '../../src/model/history.js'
import { noWeights, topK, type Weights } from '../../src/model/ranking.js'

const SETTINGS = {
  types: [
    { name: 'dislike', weight: 1, meaning: 'negative' as const },
    { name: 'view', weight: 1, meaning: 'positive' as const },
  ],
  halfLife: 1000,
}
const views = (...items: number[]): Interaction[] => items.map((item, i) => ({ item, type: 1, at: i }))

// Items 0 to 2 point one way, 3 to 5 another, 6 has no text.
const TEXT = TextMatrix.from(
  Float32Array.of(1, 0, 0.8, 0.6, 0.9, Math.sqrt(0.19), -1, 0, -0.8, 0.6, -0.6, -0.8, 0, 0),
  2,
)
const HISTORIES = toHistories([views(0, 3, 4), views(0, 3), views(1, 5), views(5, 4), views(3, 4), views(3)])

function shop(weights: Partial<Weights>, more: Partial<EnsembleParts> = {}): Ensemble {
  return new Ensemble({
    itemCount: 7,
    text: TEXT,
    counts: Counts.from(HISTORIES, 7, SETTINGS),
    blend: fixedBlend({ ...noWeights(), ...weights }),
    ...more,
  })
}
const best = (ensemble: Ensemble, history: Interaction[], eligible: Uint8Array | null = null) =>
  topK(ensemble.score(history, 10, eligible), 7)

describe('scores', () => {
  it('follow the text where only text has a weight', () => {
    expect(best(shop({ text: 1 }), views(0)).slice(0, 3)).toEqual([0, 2, 1])
  })

  it('weigh the newest item most', () => {
    expect(best(shop({ text: 1 }), views(3, 0))[0]).toBe(0)
    expect(best(shop({ text: 1 }), views(0, 3))[0]).toBe(3)
  })

  it('follow what users did next where only co-occurrence has a weight', () => {
    expect(best(shop({ narrow: 1 }), views(0))[0]).toBe(3)
  })

  it('rank by popularity for a user without history, whatever the weights', () => {
    for (const weights of [{ text: 1 }, { network: 1 }, { wide: 1, narrow: 1 }, { popular: 1 }]) {
      expect(best(shop(weights), [])[0]).toBe(3)
    }
  })

  it('raise what the user had where users come back, and lower it where they do not', () => {
    expect(best(shop({ again: 1 }), views(5, 2, 5)).slice(0, 2)).toEqual([5, 2])
    expect(best(shop({ again: -1 }), views(5, 2, 5)).slice(-2)).toEqual([2, 5])
  })

  it('ignore events that mean dislike', () => {
    const disliked = [{ item: 3, type: 0, at: 0 }]
    expect(best(shop({ text: 1, wide: 1 }), disliked)).toEqual(best(shop({ text: 1, wide: 1 }), []))
  })

  it('leave out what is not eligible and standardise over the rest', () => {
    const eligible = Uint8Array.of(1, 1, 1, 0, 1, 1, 1)
    expect(best(shop({ text: 1, narrow: 1 }), views(0), eligible)).not.toContain(3)
  })

  it('use the network for a user vector, and do without where there is none', () => {
    const vectors = new Float32Array(14)
    vectors[6 * 2] = 1
    const ensemble = shop({ network: 1 }, { network: { width: 2, vectors } })
    expect(topK(ensemble.score(views(0), 10, null, Float32Array.of(2, 0)), 1)).toEqual([6])
    expect(best(ensemble, views(0))[0]).toBe(3)
  })

  it('rank an item without text and one without events between liked and disliked directions', () => {
    const order = best(shop({ text: 1 }), views(0))
    expect(order.indexOf(6)).toBeGreaterThan(order.indexOf(1))
    expect(order.indexOf(6)).toBeLessThan(order.indexOf(3))
    expect(best(shop({ text: 1, popular: 0.1 }), views(0, 1)).indexOf(2)).toBeLessThan(3)
  })

  it('score items that the counts have never heard of', () => {
    const ensemble = new Ensemble({
      itemCount: 7,
      text: TEXT,
      counts: Counts.from(toHistories([]), 0, SETTINGS),
      blend: fixedBlend({ ...noWeights(), text: 1, wide: 1, popular: 1 }),
    })
    expect(best(ensemble, views(0))[0]).toBe(0)
    expect(best(ensemble, [])).toEqual([0, 1, 2, 3, 4, 5, 6])
  })
})

it('goes from sparse to dense weights with how often the items of the history were seen', () => {
  const blend = { sparse: { ...noWeights(), text: 1 }, dense: { ...noWeights(), wide: 1 }, halfway: 3 }
  const ensemble = shop({}, { blend })
  expect(ensemble.weights(views(6)).text).toBe(1)
  // Item 0 was seen twice: 2 / (2 + 3).
  expect(ensemble.weights(views(0)).wide).toBeCloseTo(0.4, 6)
  expect(ensemble.weights(views(3)).wide).toBeCloseTo(4 / 7, 6)
})

describe('explanations', () => {
  it('name the history items that speak for an item, largest first', () => {
    const [because] = shop({ text: 1, narrow: 1 }).reasoned(views(5, 0), 10, null).explain([2])
    expect(because.map((one) => one.item)).toEqual([0])
    const [mixed] = shop({ text: 1, wide: 1 }).reasoned(views(5, 0), 10, null).explain([4])
    expect(mixed.length).toBeGreaterThan(0)
    for (let i = 1; i < mixed.length; i++) expect(mixed[i - 1].weight).toBeGreaterThanOrEqual(mixed[i].weight)
  })

  it('add up to what the personal parts gave the item', () => {
    const ensemble = shop({ text: 1 })
    const [because] = ensemble.reasoned(views(0, 1), 10, null).explain([2])
    const total = because.reduce((sum, one) => sum + one.weight, 0)
    expect(total).toBeCloseTo(ensemble.standardScores(views(0, 1), 10, null, ensemble.weights(views(0, 1))).text![2], 5)
  })

  it('say nothing where only popularity spoke', () => {
    expect(shop({ popular: 1 }).reasoned(views(0), 10, null).explain([3])).toEqual([[]])
  })
})

it('finds similar items by text and by co-occurrence, never the item itself', () => {
  expect(topK(shop({ text: 1 }).similar(0, 10, null), 2)).toEqual([2, 1])
  expect(topK(shop({ wide: 1 }).similar(0, 10, null), 7)[0]).toBe(3)
  expect(topK(shop({ wide: 1 }).similar(0, 10, null), 7)).not.toContain(0)
  const vectors = Float32Array.of(1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 9, 1, 0, 1)
  expect(topK(shop({ network: 1 }, { network: { width: 2, vectors } }).similar(0, 10, null), 1)).toEqual([5])
})

it('refuses vectors that do not cover the catalogue', () => {
  expect(() => shop({}, { itemCount: 8 })).toThrow('text vectors')
})
