import { describe, expect, it } from 'vitest'
import { LEAST_SECONDS, turnOf } from '../../src/training/turn.js'

const HOUR = 3600

describe('the turn of a run that waits', () => {
  it('comes nearer with waiting, and sooner for a short run', () => {
    expect(turnOf({ waited: 0, expected: 60, used: 0 })).toBe(0)
    expect(turnOf({ waited: 120, expected: 60, used: 0 })).toBe(2)
    const long = { expected: 4 * HOUR, used: 0 }
    expect(turnOf({ waited: 300, expected: 60, used: 0 })).toBeGreaterThan(turnOf({ waited: HOUR, ...long }))
    // A short one passes it only as long as it has waited less for its length.
    expect(turnOf({ waited: 12 * HOUR, ...long })).toBeGreaterThan(turnOf({ waited: 150, expected: 60, used: 0 }))
  })

  it('goes back for who had much of the trainers lately', () => {
    const greedy = { waited: 600, expected: 60, used: 2 * HOUR }
    expect(turnOf(greedy)).toBeLessThan(turnOf({ waited: 60, expected: 60, used: 0 }))
    expect(turnOf(greedy)).toBeGreaterThan(0)
  })

  it('is finite for a run of no length', () => {
    expect(turnOf({ waited: LEAST_SECONDS, expected: 0, used: 0 })).toBe(1)
  })
})
