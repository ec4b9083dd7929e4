import { expect, it } from 'vitest'
import { Random } from '../../src/model/random.js'

it('gives the same stream for the same seed and another for another', () => {
  const draw = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 5 }, () => random.next())
  }
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
})

it('is uniform in [0, 1)', () => {
  const random = new Random(1)
  const counts = new Array<number>(10).fill(0)
  for (let i = 0; i < 100_000; i++) counts[Math.floor(random.next() * 10)]++
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
})

it('draws normal numbers of mean 0 and the deviation asked for', () => {
  const values = new Random(2).normals(50_000, 3)
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
  expect(Math.abs(mean)).toBeLessThan(0.05)
  expect(Math.abs(Math.sqrt(variance) - 3)).toBeLessThan(0.05)
})

it('permutes without losing a place', () => {
  const order = new Random(3).permutation(100)
  expect([...order]).not.toEqual(Array.from({ length: 100 }, (_, i) => i))
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
})
