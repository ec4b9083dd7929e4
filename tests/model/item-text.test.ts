import { describe, expect, it } from 'vitest'
import { itemText } from '../../src/model/item-text.js'

describe('itemText', () => {
  it('takes title, categories, telling attributes and the start of the description', () => {
    expect(
      itemText({
        title: 'Trail shoe',
        description: 'Light and dry.',
        categories: ['Shoes', 'Outdoor > Running'],
        attributes: { sku: 'A-1', Brand: 'Acme', size: 43, vegan: true, tags: ['trail', 'grip'] },
      }),
    ).toBe('Trail shoe\nShoes\nOutdoor > Running\nAcme\ntrail\ngrip\nLight and dry.')
  })

  it('is the same in whatever order the attributes come', () => {
    const attributes = { tags: ['x'], author: 'B', brand: 'A' }
    const reversed = Object.fromEntries(Object.entries(attributes).reverse())
    expect(itemText({ attributes })).toBe('A\nB\nx')
    expect(itemText({ attributes: reversed })).toBe('A\nB\nx')
  })

  it('leaves markup out', () => {
    expect(itemText({ description: '<p class="a">Warm&nbsp;<b>wool</b></p>' }).trim().split(/\s+/)).toEqual([
      'Warm',
      'wool',
    ])
  })

  it('is empty where nothing is said', () => {
    expect(itemText({})).toBe('')
    expect(itemText({ title: ' ', description: null, categories: [], attributes: { brand: 7 } })).toBe('')
  })

  it('bounds every part', () => {
    const long = 'word '.repeat(200_000)
    const start = performance.now()
    const text = itemText({
      title: long,
      description: '<'.repeat(500_000) + long,
      categories: Array.from({ length: 10_000 }, () => long),
      attributes: { brand: long, tags: Array.from({ length: 10_000 }, () => long), [long]: long },
    })
    expect(text.length).toBeLessThan(3_000)
    expect(performance.now() - start).toBeLessThan(100)
  })
})
