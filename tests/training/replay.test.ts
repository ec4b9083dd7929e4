import { describe, expect, it } from 'vitest'
import { toHistories } from '../../src/model/history.js'
import { freshWithReplay } from '../../src/training/fitting.js'

const SINCE = 1000
const events = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ item: i % 50, type: 0, at: from + i }))

describe('what a version goes on with', () => {
  const quiet = Array.from({ length: 400 }, () => events(0, 12))
  const histories = toHistories([[...events(0, 600), ...events(SINCE, 5)], events(SINCE, 3), ...quiet, []])
  const fresh = freshWithReplay(histories, SINCE, 1)
  const length = (user: number) => fresh.offsets[user + 1] - fresh.offsets[user]

  it('is all that is new, with what came just before', () => {
    expect(length(0)).toBe(55)
    expect(fresh.times[0]).toBe(550)
    expect(length(1)).toBe(3)
  })

  it('and some users without anything new, whole', () => {
    const kept = quiet.map((_, i) => length(2 + i))
    expect(new Set(kept)).toEqual(new Set([0, 12]))
    const replayed = kept.filter((events) => events > 0).length / quiet.length
    expect(replayed).toBeGreaterThan(0.05)
    expect(replayed).toBeLessThan(0.16)
    expect(length(402)).toBe(0)
  })

  it('is the same for a seed, and other users for another', () => {
    expect(freshWithReplay(histories, SINCE, 1)).toEqual(fresh)
    expect(freshWithReplay(histories, SINCE, 2).offsets).not.toEqual(fresh.offsets)
  })
})
