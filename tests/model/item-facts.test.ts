import { describe, expect, it } from 'vitest'
import { factsOf, type ItemFacts, itemTokens } from '../../src/model/item-facts.js'
import { itemText } from '../../src/model/item-text.js'
import { isFact, tokensOf } from '../../src/model/item-tokens.js'
import { Random } from '../../src/model/random.js'

const shared = (left: ItemFacts, right: ItemFacts) => {
  const others = new Set(itemTokens(right))
  return [...itemTokens(left)].filter((token) => others.has(token)).length
}
/** Tokens beside those of the text. */
const told = (item: ItemFacts) => itemTokens(item).length - tokensOf(itemText(item)).length

describe('tokens of an item', () => {
  it('are its words and, beside them, its attributes and price', () => {
    const item = { title: 'Trail shoe', categories: ['Men'], attributes: { colour: 'Red', vegan: true, size: 42 } }
    const tokens = itemTokens({ ...item, price: 89.9 })
    expect([...tokens]).toEqual(expect.arrayContaining([...tokensOf('trail shoe men')]))
    expect([...tokens]).toEqual([...new Set(tokens)].sort((a, b) => a - b))
    expect(tokens).toHaveLength(3 + 3 + 4)
    expect(itemTokens({ title: 'Trail shoe' })).toEqual(tokensOf('Trail shoe'))
    expect(itemTokens({})).toHaveLength(0)
  })

  it('take an attribute with its value', () => {
    expect(shared({ title: 'shade red' }, { attributes: { shade: 'red' } })).toBe(0)
    expect(shared({ attributes: { shade: 'red', trim: 'blue' } }, { attributes: { shade: 'blue', trim: 'red' } })).toBe(
      0,
    )
    expect(shared({ attributes: { Shade: ' Red' } }, { attributes: { shade: ['blue', 'red'] } })).toBe(1)
    expect(shared({ attributes: { size: 42 } }, { attributes: { size: '42' } })).toBe(1)
    expect(shared({ attributes: { vegan: false } }, { attributes: { vegan: true } })).toBe(0)
  })

  it('do not say again what the text does', () => {
    expect(itemTokens({ categories: ['Shoes'], attributes: { Brand: 'Acme' } })).toEqual(tokensOf('shoes acme'))
    expect(told({ attributes: { genres: ['Drama', 7] } })).toBe(1)
  })

  it('do not depend on the order of the attributes, even where some are left out', () => {
    const pairs = Array.from({ length: 200 }, (_, i) => [`a${i}`, `value ${i}`] as const)
    const tokens = itemTokens({ attributes: Object.fromEntries(pairs) })
    expect(itemTokens({ attributes: Object.fromEntries(pairs.toReversed()) })).toEqual(tokens)
    expect(tokens.length).toBeLessThan(20)
  })

  it('are never those of words, and no name runs into a value', () => {
    const attributes = { 'a"=b': 'c', a: '"=b=c', 'a=b': 'c', 'price:0': 'z', 'a ': 'b', shoes: 'shoes' }
    const facts = factsOf({ attributes, price: 3 })
    expect(new Set(facts).size).toBe(10)
    const words = Array.from({ length: 5000 }, (_, i) => tokensOf(`w${i}`)[0])
    expect(words.some(isFact)).toBe(false)
    const tokens = itemTokens({ title: 'price 0 shoes', attributes, price: 3 })
    expect(tokens.filter(isFact)).toHaveLength(10)
  })

  it('are few, whatever is sent', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `tag ${i}`)
    const attributes: Record<string, unknown> = { huge: 'x'.repeat(1e6), ['n'.repeat(1e6)]: 'x', '': '', blank: ' ' }
    for (const value of [null, undefined, NaN, Infinity, { deep: {} }, [[1]], Symbol('x'), () => 1])
      attributes[`odd ${Object.keys(attributes).length}`] = value
    expect(told({ attributes, price: Infinity })).toBe(0)
    for (let i = 0; i < 1000; i++) attributes[`list ${i}`] = many
    expect(told({ attributes, price: 1 })).toBe(16 + 4)
    // One long list leaves room for the rest.
    expect(shared({ attributes: { all: many, made: 'here' } }, { attributes: { made: 'here' } })).toBe(1)
  })

  it('leave the words all the room that they had', () => {
    const title = Array.from({ length: 60 }, (_, i) => `w${i}`).join(' ')
    const item = { title, categories: ['one two'], attributes: { a: 1, b: 2 }, price: 5 }
    expect(told(item)).toBe(2 + 4)
  })
})

describe('bands of a price', () => {
  it('are shared the more, the nearer two prices are, in cents as in thousands', () => {
    const random = new Random(1)
    const shareAt = (ratio: number) => {
      let sum = 0
      for (let i = 0; i < 2000; i++) {
        const price = 10 ** (8 * random.next() - 3)
        sum += shared({ price }, { price: price * ratio })
      }
      return sum / 2000
    }
    const shares = [1, 1.05, 1.15, 1.3, 1.7, 2.1].map(shareAt)
    expect(shares[0]).toBe(4)
    expect(shares.at(-1)).toBe(0)
    for (let i = 1; i < shares.length; i++) expect(shares[i]).toBeLessThan(shares[i - 1])
  })

  it('are always shared by prices within half a band, wherever the grids lie', () => {
    for (let price = 0.01; price < 1e5; price *= 1.013)
      expect(shared({ price }, { price: 1.4 * price })).toBeGreaterThan(0)
  })

  it('know gifts, the smallest and the largest, and nothing of what is no price', () => {
    expect(shared({ price: 0 }, { price: 0 })).toBe(1)
    expect(shared({ price: 0 }, { price: 1 })).toBe(0)
    expect(told({ price: Number.MAX_VALUE })).toBe(4)
    expect(told({ price: Number.MIN_VALUE })).toBe(4)
    for (const price of [null, undefined, NaN, -1, -Infinity]) expect(told({ price })).toBe(0)
  })
})
