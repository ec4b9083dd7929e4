import { describe, expect, it } from 'vitest'
import { blendCase, chooseBlend, fitWeights } from '../../src/model/blend.js'
import { completeBlend, fixedBlend } from '../../src/model/ensemble.js'
import { Random } from '../../src/model/random.js'
import { COMPONENTS, noWeights, standardise, type StandardScores, type Weights } from '../../src/model/ranking.js'

const ITEMS = 400
const STANDARD = fixedBlend({ ...noWeights(), text: 0.3, wide: 0.3 })

/** Users who pick by a known taste: the sum of `taste` times standard normal components. */
function cases(count: number, taste: Partial<Weights>, seed = 1, standard = STANDARD) {
  const random = new Random(seed)
  return Array.from({ length: count }, () => {
    const scores: StandardScores = {}
    for (const name of ['network', 'text', 'wide', 'popular', 'again'] as const) {
      scores[name] = standardise(random.normals(ITEMS, 1), null)!
    }
    const utility = Float32Array.from({ length: ITEMS }, (_, item) => {
      const gumbel = -Math.log(-Math.log(Math.max(1e-12, random.next())))
      return gumbel + Object.entries(taste).reduce((sum, [name, w]) => sum + w * scores[name as 'text']![item], 0)
    })
    const target = utility.indexOf(Math.max(...utility))
    return blendCase(scores, [target], standard.sparse, null)
  })
}

describe('fitting', () => {
  it('finds the weights that made the choices', () => {
    const weights = fitWeights(cases(800, { network: 2, text: 1 }), ['network', 'text', 'wide', 'popular'])
    // Candidates are not all items, so the weights come out a little lower than those that chose.
    expect(weights.network / weights.text).toBeGreaterThan(1.4)
    expect(weights.network / weights.text).toBeLessThan(2.8)
    expect(weights.wide).toBeLessThan(0.25 * weights.text)
  })

  it('gives no component a negative weight', () => {
    const weights = fitWeights(cases(200, { text: 2, wide: -2 }), ['text', 'wide'])
    expect(weights.wide).toBe(0)
    expect(weights.text).toBeGreaterThan(0.5)
  })

  it('learns that users come back to what they had, or do not', () => {
    expect(fitWeights(cases(200, { text: 2, again: -2 }), ['text', 'again']).again).toBeLessThan(-0.5)
    expect(fitWeights(cases(200, { text: 2, again: 2 }), ['text', 'again']).again).toBeGreaterThan(0.5)
  })

  it('keeps the weight of a component that may not be used at 0', () => {
    expect(fitWeights(cases(50, { network: 3 }), ['text', 'wide']).network).toBe(0)
  })

  it('stays near the default with hardly any users', () => {
    const weights = fitWeights(cases(1, { popular: 3 }), ['text', 'wide', 'popular'])
    expect(Math.abs(weights.text - 0.3)).toBeLessThan(0.3)
  })

  it('stays the nearer to the prior the more users that counts for', () => {
    const few = cases(40, { popular: 3 })
    const [light, heavy] = [5, 500].map((users) => fitWeights(few, ['text', 'wide', 'popular'], users))
    expect(heavy.popular).toBeLessThan(0.5 * light.popular)
    expect(Math.abs(heavy.text - 0.3)).toBeLessThan(Math.abs(light.text - 0.3))
    const chosen = (users: number) => chooseBlend(few, STANDARD, [], users).blend.dense.popular
    expect(chosen(500)).toBeLessThan(chosen(5))
  })
})

describe('choosing', () => {
  it('uses the network where it adds to the rest', () => {
    const choice = chooseBlend(cases(300, { network: 2, text: 2 }), STANDARD)
    expect(choice.kind).toBe('blend')
    expect(choice.blend.sparse.network).toBeGreaterThan(0.5)
    expect(choice.validation['blend']).toBeGreaterThan(choice.validation['blend without network'])
    const { network, text, wide } = choice.shares
    expect(network / text).toBeGreaterThan(0.5)
    expect(network / text).toBeLessThan(2)
    expect(wide).toBeLessThan(0.25 * text)
    expect(Object.values(choice.shares).reduce((sum, share) => sum + share)).toBeCloseTo(1)
  })

  it('leaves a network out that adds nothing, and says so', () => {
    const choice = chooseBlend(cases(300, { text: 2, wide: 1 }), STANDARD)
    expect(choice.kind).not.toBe('blend')
    expect(choice.blend.sparse.network).toBe(0)
    expect(choice.reason).toContain('the network is left out')
  })

  it('leaves it out of the default weights, too, where those are better than the fitted ones', () => {
    const withNetwork = fixedBlend({ ...noWeights(), text: 0.6, wide: 0.6, network: 0.1 })
    const choices = [1, 2, 3, 4, 5, 6].map((seed) =>
      chooseBlend(cases(40, { text: 2, wide: 2 }, seed, withNetwork), withNetwork),
    )
    const without = choices.filter(
      ({ kind, reason }) => kind === 'default' && reason.includes('the network is left out'),
    )
    expect(without.length).toBeGreaterThan(0)
    for (const { blend } of without) expect([blend.dense.network, blend.sparse.network]).toEqual([0, 0])
  })

  it('takes no order for a ranking where nothing is said: the network is served where all else is switched off', () => {
    const { kind, validation, blend } = chooseBlend(
      cases(200, { network: 3 }),
      STANDARD,
      COMPONENTS.filter((name) => name !== 'network'),
    )
    expect(validation['blend without network']).toBe(0)
    expect(['blend', 'network']).toContain(kind)
    expect(blend.dense.network).toBeGreaterThan(0)
  })

  it('serves a single part where it beats every blend beyond noise', () => {
    // Every other user picks by text, the others by wide, all by popularity: weights fitted on the one half mislead
    // about the other.
    const even = cases(200, { popular: 4, text: 4 }, 2)
    const odd = cases(200, { popular: 4, wide: 4 }, 3)
    const mixed = even.flatMap((one, i) => [one, odd[i]])
    const choice = chooseBlend(mixed, fixedBlend({ ...noWeights(), wide: 1 }))
    expect(choice.kind).toBe('popular')
    expect(choice.reason).toContain('served alone')
    expect(choice.blend.dense).toEqual({ ...noWeights(), popular: 1 })
  })

  it('keeps the default blend where users are few', () => {
    const choice = chooseBlend(cases(10, { network: 3 }), STANDARD)
    expect(choice.kind).toBe('default')
    expect(choice.blend).toBe(STANDARD)
    expect(chooseBlend([], STANDARD).kind).toBe('default')
  })
})

it('keeps targets that no component ranks high as missed, not as candidates', () => {
  const scores = {
    text: standardise(
      Float32Array.from({ length: ITEMS }, (_, item) => -item),
      null,
    )!,
  }
  const one = blendCase(scores, [0, 399], noWeights(), null)
  expect(one.targets).toEqual([0])
  expect(one.targetCount).toBe(2)
})

it('gives no weight to a part that is switched off, however well it does', () => {
  const off = ['text', 'again'] as const
  const standard = completeBlend(STANDARD, off)
  const choice = chooseBlend(cases(200, { network: 1, text: 3, wide: 0.5 }), standard, off)
  for (const name of off)
    expect([choice.blend.dense[name], choice.blend.sparse[name], choice.shares[name]]).toEqual([0, 0, 0])
  expect(choice.blend.dense.wide).toBeGreaterThan(0)
  expect(choice.kind).not.toBe('text')
  expect(choice.reason).not.toMatch(/text/)
})
