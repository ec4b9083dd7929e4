import { expect, it } from 'vitest'
import { DEFAULT_HALF_LIFE, fitHalfLife } from '../../src/model/half-life.js'
import { toHistories, type Interaction } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'

const TYPES = [{ name: 'view', weight: 1, meaning: 'positive' as const }]
const HOUR = 3_600_000

/** Events of one pooled user, the popular items changing every `reign` events. */
function shop(reign: number): Interaction[] {
  const random = new Random(3)
  return Array.from({ length: 4000 }, (_, i) => {
    const king = Math.floor(i / reign) % 50
    return { item: random.next() < 0.7 ? king : random.below(50), type: 0, at: i * HOUR }
  })
}

it('finds a short half-life where popularity changes quickly and a long one where it stays', () => {
  const quick = fitHalfLife(toHistories([shop(400)]), 50, TYPES)
  const lasting = fitHalfLife(toHistories([shop(4000)]), 50, TYPES)
  expect(quick).toBeLessThan(400 * HOUR)
  expect(lasting).toBeGreaterThanOrEqual(2000 * HOUR)
})

it('falls back to a week where there is nothing to tell by', () => {
  expect(fitHalfLife(toHistories([shop(10).slice(0, 100)]), 50, TYPES)).toBe(DEFAULT_HALF_LIFE)
  expect(fitHalfLife(toHistories([shop(10).map((event) => ({ ...event, at: 5 }))]), 50, TYPES)).toBe(DEFAULT_HALF_LIFE)
})
