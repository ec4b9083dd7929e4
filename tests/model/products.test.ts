import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ASSEMBLED, assembledText } from '../../scripts/kernel/assemble.js'
import { products, productTable } from '../../src/model/products.js'
import { Random } from '../../src/model/random.js'

const random = new Random(4)
const codesOf = (numbers: number) => Int8Array.from({ length: numbers }, () => random.below(256) - 128)
const plain = (rows: ArrayLike<number>, width: number, vector: Float32Array, row: number) =>
  Array.from({ length: width }, (_, k) => rows[row * width + k] * (vector[k] ?? 0)).reduce((sum, part) => sum + part, 0)

describe('products', () => {
  for (const width of [1, 2, 4, 12, 16, 20, 64, 384, 1536])
    it(`of rows of ${width} numbers are those of plain code, past one block and to the last row`, () => {
      const count = Math.ceil(300_000 / width) + 7
      const vector = random.normals(width, 1)
      for (const rows of [codesOf(count * width), random.normals(count * width, 1)]) {
        const found = products(rows, width, vector, count)
        expect(found).toHaveLength(count)
        for (const row of [0, 1, count >> 1, count - 2, count - 1]) {
          const right = plain(rows, width, vector, row)
          const size = rows instanceof Int8Array ? 128 : 1
          expect(Math.abs(found[row] - right), `row ${row}`).toBeLessThan(1e-5 * size * width)
        }
      }
    })

  it('takes a shorter vector as one with zeros, nothing from the call before, and rows that threads share', () => {
    const rows = new Int8Array(new SharedArrayBuffer(8)).fill(3)
    expect([...products(rows, 4, new Float32Array(4).fill(1), 2)]).toEqual([12, 12])
    expect([...products(rows, 4, Float32Array.of(1), 2)]).toEqual([3, 3])
    expect([...products(rows, 2, Float32Array.of(1), 4)]).toEqual([3, 3, 3, 3])
  })

  it('knows the ends: no rows, no numbers, rows that are missing, one row larger than a block', () => {
    expect(products(new Float32Array(), 4, new Float32Array(4), 0)).toHaveLength(0)
    expect([...products(new Int8Array(), 0, new Float32Array(), 2)]).toEqual([0, 0])
    expect(() => products(new Int8Array(7), 4, new Float32Array(4), 2)).toThrow('7 numbers are not 2 rows of 4')
    const long = new Float32Array(400_000).fill(0.5)
    expect([...products(long, 200_000, new Float32Array(200_000).fill(1), 2)]).toEqual([100_000, 100_000])
  })

  it('of every row with every other are those of plain code', () => {
    for (const width of [3, 8, 384]) {
      const [left, right] = [random.normals(5 * width, 1), random.normals(7 * width, 1)]
      const table = productTable(left, right, width)
      expect(table).toHaveLength(35)
      for (let i = 0; i < 5; i++)
        for (let j = 0; j < 7; j++)
          expect(table[i * 7 + j]).toBeCloseTo(plain(right, width, left.subarray(i * width, (i + 1) * width), j), 3)
    }
  })

  it('is of code that is that of its source', async () => {
    expect(readFileSync(ASSEMBLED, 'utf8') === (await assembledText()), 'products.wasm.ts is stale').toBe(true)
  })
})
