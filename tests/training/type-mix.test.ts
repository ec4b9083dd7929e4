import { describe, expect, it } from 'vitest'
import { TypeMix } from '../../src/training/type-mix.js'

const DAY_MS = 86_400_000

describe('the mix of types', () => {
  it('is that of the newest four weeks', () => {
    const mix = new TypeMix()
    for (let day = 0; day < 400; day += 2) {
      mix.add('view', day * DAY_MS)
      mix.add(day < 380 ? 'cart' : 'purchase', day * DAY_MS + 1)
    }
    // Days 372 to 398.
    expect(mix.newest()).toEqual({ view: 14, cart: 4, purchase: 10 })
    // After a long silence what was before is lately no more.
    mix.add('read', 1000 * DAY_MS)
    expect(mix.newest()).toEqual({ read: 1 })
    expect(new TypeMix().newest()).toEqual({})
  })

  it('counts a type that every object has a property of', () => {
    const mix = new TypeMix()
    for (const type of ['constructor', 'valueOf', 'constructor']) mix.add(type, 0)
    expect(Object.entries(mix.newest())).toEqual([
      ['constructor', 2],
      ['valueOf', 1],
    ])
  })

  it('tells a hundred types apart, and all others as one', () => {
    const mix = new TypeMix()
    for (let i = 0; i < 150; i++) for (let n = 0; n < 2; n++) mix.add(`type-${i}`, 0)
    const counts = mix.newest()
    expect(Object.keys(counts)).toHaveLength(101)
    expect(counts['type-99']).toBe(2)
    expect(counts['*']).toBe(100)
  })
})
