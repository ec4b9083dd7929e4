import { describe, expect, it } from 'vitest'
import { type BlendCase, blendCase, type BlendChoice } from '../../src/model/blend.js'
import { fixedBlend } from '../../src/model/ensemble.js'
import { withRoom } from '../../src/model/newcomers.js'
import { Random } from '../../src/model/random.js'
import { noWeights, standardise } from '../../src/model/ranking.js'

const ITEMS = 400
const NEW_FROM = 380
const isNew = (item: number) => item >= NEW_FROM

const choice: BlendChoice = {
  blend: fixedBlend({ ...noWeights(), wide: 1 }),
  kind: 'blend',
  reason: 'fitted',
  validation: {},
  shares: { ...noWeights(), wide: 1 },
}

/** Users who take what is counted often, but one of `every` a new item that no count knows. */
function cases(count: number, every: number): BlendCase[] {
  const random = new Random(3)
  return Array.from({ length: count }, (_, user) => {
    const wide = random.normals(ITEMS, 1)
    const fresh = new Float32Array(ITEMS)
    for (let item = 0; item < ITEMS; item++) {
      if (isNew(item)) wide[item] = -2
      // A log of age: what is old is about as old as the rest.
      fresh[item] = isNew(item) ? 1 + 3 * random.next() : 0.1 * random.next()
    }
    const best = [...wide.keys()].sort((a, b) => wide[b] - wide[a])
    const target = user % every === 0 ? NEW_FROM + random.below(ITEMS - NEW_FROM) : best[random.below(8)]
    const scores = { wide: standardise(wide, null)!, fresh: standardise(fresh, null)! }
    return blendCase(scores, [target], choice.blend.dense, null, isNew)
  })
}

describe('room for new items', () => {
  it('shows them at least half as often as they are taken, by weighing their age', () => {
    const found = withRoom(cases(600, 40), choice)
    const { newcomers } = found
    expect(newcomers?.taken).toBeCloseTo(0.025, 3)
    expect(newcomers?.shownBefore).toBe(0)
    expect(newcomers!.shown).toBeGreaterThanOrEqual(0.5 * newcomers!.taken)
    expect(found.blend.dense.fresh).toBe(newcomers?.lift)
    expect(found.blend.sparse.wide).toBe(1)
    expect(found.reason).toMatch(/^fitted; new items are 2\.50 % of what was taken and were 0\.00 % of what is shown/)
    expect(found.shares.fresh).toBeGreaterThan(0)
  })

  it('gives no more than costs next to nothing', () => {
    // What everybody else takes would have to make room for half of the list.
    const found = withRoom(cases(600, 2), choice)
    expect(found.newcomers?.shown ?? 0).toBeLessThan(0.25)
  })

  it('leaves the blend as it is where nobody takes them, too few do to tell, or age may have no weight', () => {
    for (const [some, without] of [
      [cases(600, 1000), []],
      [cases(25, 2), []],
      [cases(600, 40), ['fresh' as const]],
    ] as const) {
      const found = withRoom(some, choice, without)
      expect(found).toEqual({ ...choice, newcomers: null })
    }
  })

  it('leaves a blend alone that shows them often enough', () => {
    const fair = { ...choice, blend: fixedBlend({ ...noWeights(), wide: 1, fresh: 2 }) }
    expect(withRoom(cases(600, 40), fair).newcomers).toBeNull()
  })
})
