import { describe, expect, test } from 'vitest'
import { Random } from '../../src/model/random.js'
import { rowsOf, TextMatrix } from '../../src/model/text-matrix.js'

const LENGTH = 10 // Not a whole number of words.

/** Rows of unit length; the third has no text. */
function unitRows(items: number, length = LENGTH, seed = 1): Float32Array {
  const random = new Random(seed)
  const rows = Float32Array.from({ length: items * length }, () => random.next() - 0.5)
  for (let item = 0; item < items; item++) {
    const row = rows.subarray(item * length, (item + 1) * length)
    const norm = Math.hypot(...row)
    row.forEach((value, j) => (row[j] = item === 2 ? 0 : value / norm))
  }
  return rows
}

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, j) => sum + value * b[j], 0)

describe('TextMatrix', () => {
  test('keeps rows to half a step of their largest number', () => {
    const rows = unitRows(50)
    const kept = TextMatrix.from(rows, LENGTH).block(0, 50)
    for (let item = 0; item < 50; item++) {
      const row = rows.subarray(item * LENGTH, (item + 1) * LENGTH)
      const step = Math.max(...row.map(Math.abs)) / 127
      row.forEach((value, j) => expect(Math.abs(kept[item * LENGTH + j] - value)).toBeLessThan(0.501 * step + 1e-9))
    }
  })

  test('rows taken out and put in again are the same: nothing is lost twice', () => {
    const once = TextMatrix.from(unitRows(20), LENGTH).block(0, 20)
    const twice = TextMatrix.from(once, LENGTH).block(0, 20)
    twice.forEach((value, i) => expect(value).toBeCloseTo(once[i], 6))
  })

  test('products are those of the kept rows, with a vector and with each other', () => {
    const matrix = TextMatrix.from(unitRows(30), LENGTH)
    const rows = matrix.block(0, 30)
    const row = (item: number) => rows.subarray(item * LENGTH, (item + 1) * LENGTH)
    const vector = unitRows(1, LENGTH, 9)
    const products = matrix.products(vector)
    expect(products).toHaveLength(30)
    products.forEach((value, item) => expect(value).toBeCloseTo(dot(row(item), vector), 6))
    expect(matrix.products(vector, 4)).toEqual(products.slice(0, 4))
    expect(matrix.product(3, 17)).toBeCloseTo(dot(row(3), row(17)), 6)
  })

  test('cosines of texts stay within a thousandth or two', () => {
    const rows = unitRows(400, 384)
    const matrix = TextMatrix.from(rows, 384)
    const query = rows.slice(0, 384)
    const errors = matrix
      .products(query)
      .map((value, item) => value - dot(rows.subarray(item * 384, (item + 1) * 384), query))
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(2e-3)
  })

  test('gathers rows in the order asked for', () => {
    const matrix = TextMatrix.from(unitRows(6), LENGTH)
    const rows = matrix.block(0, 6)
    expect(matrix.gather([5, 0, 5])).toEqual(
      Float32Array.from([5, 0, 5].flatMap((item) => [...rows.subarray(item * LENGTH, (item + 1) * LENGTH)])),
    )
  })

  test('knows an item without a text, and grows by such', () => {
    const matrix = TextMatrix.from(unitRows(4), LENGTH)
    const before = matrix.block(0, 4)
    matrix.grow(9)
    expect(matrix.items).toBe(9)
    expect([...Array(9).keys()].filter((item) => matrix.isEmpty(item))).toEqual([2, 4, 5, 6, 7, 8])
    expect(matrix.block(0, 4)).toEqual(before)
    const row = unitRows(1, LENGTH, 3)
    matrix.set(8, row)
    expect(matrix.isEmpty(8)).toBe(false)
    matrix.set(0, new Float32Array(LENGTH))
    expect(matrix.isEmpty(0)).toBe(true)
    expect(matrix.products(row)[8]).toBeCloseTo(1, 2)
  })

  test('goes through plain arrays', () => {
    const matrix = TextMatrix.from(unitRows(5), LENGTH)
    matrix.grow(6)
    const copy = TextMatrix.fromArrays(structuredClone(matrix.toArrays()))
    expect(copy.items).toBe(6)
    expect(copy.block(0, 6)).toEqual(matrix.block(0, 6))
  })

  test('refuses rows that it has no place for, or that are none', () => {
    const matrix = TextMatrix.empty(LENGTH, 2)
    expect(() => matrix.setRows(1, new Float32Array(2 * LENGTH))).toThrow('rows 1 to 3 of 2')
    expect(() => TextMatrix.from(new Float32Array(7), LENGTH)).toThrow('not rows of 10')
    expect(() => rowsOf(new Float32Array(7), 3)).toThrow('not rows of 3')
  })

  test('takes a quarter of the memory of floats', () => {
    expect(TextMatrix.empty(384, 1000).bytes).toBeLessThan(0.26 * 4 * 384 * 1000)
  })
})
