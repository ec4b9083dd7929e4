import { expect, it } from 'vitest'
import { carryOver } from '../../src/training/carry-over.js'

const arrays = {
  adaptor: { shape: [1, 2], data: Float32Array.of(7, 8) },
  residual: { shape: [3, 2], data: Float32Array.of(1, 1, 2, 2, 3, 3) },
  types: { shape: [2, 2], data: Float32Array.of(4, 4, 5, 5) },
}
const before = { items: ['a', 'b', 'c'], types: ['view', 'purchase'] }

it('moves what was learned by name, starts new names at zero and drops what is gone', () => {
  const moved = carryOver(arrays, before, { items: ['c', 'new', 'a'], types: ['purchase', 'cart', 'view'] })
  expect(moved.residual).toEqual({ shape: [3, 2], data: Float32Array.of(3, 3, 0, 0, 1, 1) })
  expect(moved.types).toEqual({ shape: [3, 2], data: Float32Array.of(5, 5, 0, 0, 4, 4) })
  expect(moved.adaptor).toBe(arrays.adaptor)
  expect(arrays.residual.data[0]).toBe(1)
})

it('refuses names that are not those of the weights', () => {
  expect(() => carryOver(arrays, { ...before, items: ['a'] }, before)).toThrow('1 names for 3 rows')
})
