import { TextMatrix } from '../../src/model/text-matrix.js'
import { expect, test } from 'vitest'
import { availabilityAt } from '../../src/serving/availability.js'
import { CatalogMirror } from '../../src/serving/catalog-mirror.js'
import { catalogItem } from '../support/catalog-item.js'

test('availability holds from now until the next item is published or expires', () => {
  const catalog = new CatalogMirror(2, ['gone before'])
  catalog.put(catalogItem('always'))
  catalog.put(catalogItem('sold out', { available: false }))
  catalog.put(catalogItem('expires', { expiresAt: new Date(2000) }))
  catalog.put(catalogItem('comes', { publishedAt: new Date(3000), expiresAt: new Date(4000) }))
  catalog.put(catalogItem('deleted'))
  catalog.put(catalogItem('deleted', { deleted: true }))
  const at = (now: number) => {
    const { items, from, until } = availabilityAt(catalog, now)
    return [[...items].map((index) => catalog.ids[index]).join(), from, until]
  }
  expect(at(1000)).toEqual(['always,expires', 1000, 2000])
  expect(at(1999)).toEqual(['always,expires', 1999, 2000])
  expect(at(2000)).toEqual(['always', 2000, 3000])
  expect(at(3000)).toEqual(['always,comes', 3000, 4000])
  expect(at(4000)).toEqual(['always', 4000, Infinity])
})

test('an item keeps its index; its vector is asked for where it is new or changed', () => {
  const catalog = new CatalogMirror(2, ['b'])
  const vector = Float32Array.of(1, 2)
  expect(catalog.put(catalogItem('a'))).toBe(1)
  expect(catalog.put(catalogItem('a', { price: 3 }))).toBeNull()
  expect(catalog.put(catalogItem('a', { vector }))).toBe(1)
  expect(catalog.put(catalogItem('a', { vector: vector.slice() }))).toBeNull()
  expect(catalog.vectorCount).toBe(1)
  expect(catalog.put(catalogItem('a', { vector: Float32Array.of(2, 1) }))).toBe(1)
  expect(catalog.put(catalogItem('a', { vector: Float32Array.of(1, 2, 3) }))).toBe(1)
  expect(catalog.vectorCount).toBe(0)
  catalog.put(catalogItem('a', { deleted: true }))
  expect(catalog.at(1)).toBeNull()
  expect(catalog.put(catalogItem('a'))).toBeNull()
  expect(catalog.at(1)?.itemId).toBe('a')
  for (let i = 0; i < 100; i++) catalog.text.set(catalog.put(catalogItem(`n${i}`, { vector })) ?? -1, vector)
  expect(catalog.text.items).toBe(102)
  expect(catalog.text.block(101, 102)[1]).toBeCloseTo(2, 5)
  // Prepared of an earlier state of the catalogue: what came since has no text yet.
  catalog.text = TextMatrix.from(Float32Array.of(0, 3), 2)
  expect(catalog.text.items).toBe(102)
  expect(catalog.text.isEmpty(0)).toBe(false)
  expect(catalog.text.isEmpty(101)).toBe(true)
})
