import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { Random } from '../../src/model/random.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { rowsOf } from '../../src/model/text-matrix.js'
import { RowProducts } from '../../src/serving/row-products.js'

beforeAll(() => startTensorflow('auto'))

test('equals plain code, follows changes and growth, leaves nothing behind', () => {
  const random = new Random(4)
  const length = 12
  const before = tf.memory().numTensors
  const products = new RowProducts(length)
  // Past one block, and not a multiple of it.
  const capacity = 5000
  const rows = random.normals(capacity * length, 1)
  const check = (count: number) => {
    const vector = random.normals(length, 1)
    const found = products.multiply(rowsOf(rows.subarray(0, count * length), length), vector)
    expect(found).toHaveLength(count)
    for (const row of [0, 1, count >> 1, count - 1]) {
      const plain = vector.reduce((sum, value, k) => sum + value * rows[row * length + k], 0)
      expect(found[row]).toBeCloseTo(plain, 4)
    }
  }
  check(4990)
  rows.fill(2, 0, length)
  products.invalidate(0)
  check(4990)
  for (let row = 4990; row < capacity; row++) products.invalidate(row)
  check(capacity)
  products.dispose()
  expect(tf.memory().numTensors).toBe(before)
})
