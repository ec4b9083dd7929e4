import { expect, test } from 'vitest'
import { RawVectors } from '../../src/serving/preparation.js'

test('raw vectors come in any order, are read across pages, and one of another length is none', () => {
  const raw = new RawVectors(2)
  const last = 2 * RawVectors.PAGE + 1
  raw.set(last, Float32Array.of(5, 6))
  raw.set(RawVectors.PAGE, Float32Array.of(3, 4))
  raw.set(RawVectors.PAGE - 1, Float32Array.of(1, 2))
  raw.set(0, Float32Array.of(7, 8))
  raw.set(0, Float32Array.of(1, 2, 3))
  expect(raw.items).toBe(last + 1)
  expect([...raw.block(RawVectors.PAGE - 2, RawVectors.PAGE + 2)]).toEqual([0, 0, 1, 2, 3, 4, 0, 0])
  expect([...raw.block(0, 1), ...raw.block(last, last + 1)]).toEqual([0, 0, 5, 6])
  // In another thread: the pages travel, and items that never had a vector may be past them.
  const moved = new RawVectors(2, 4 * RawVectors.PAGE, structuredClone(raw.pages))
  expect([...moved.block(last, last + 2)]).toEqual([5, 6, 0, 0])
  expect(moved.block(0, moved.items)).toHaveLength(2 * moved.items)
})
