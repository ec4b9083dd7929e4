import { describe, expect, it } from 'vitest'
import { Adam, squaredNorm } from '../../src/model/optimizer.js'

describe('Adam', () => {
  it("takes the paper's steps", () => {
    const weights = Float32Array.of(1, -2)
    const adam = new Adam(weights, 2, 0, { beta1: 0.9, beta2: 0.99, epsilon: 0 })
    let [m, v, w] = [0, 0, 1]
    for (let step = 1; step <= 5; step++) {
      const slope = step % 2 ? 0.5 : -0.1
      m = 0.9 * m + 0.1 * slope
      v = 0.99 * v + 0.01 * slope * slope
      w -= (0.01 * (m / (1 - 0.9 ** step))) / Math.sqrt(v / (1 - 0.99 ** step))
      adam.step(Float32Array.of(slope, 2 * slope), 0.01, 1)
    }
    expect(weights[0]).toBeCloseTo(w, 5)
    expect(weights[1] + 3).toBeCloseTo(w, 5) // Adam does not see a gradient's size
  })

  it('finds the bottom of a bowl', () => {
    const weights = Float32Array.of(3, -4)
    const adam = new Adam(weights, 2, 0)
    for (let step = 0; step < 500; step++) adam.step(Float32Array.of(2 * weights[0], 20 * weights[1]), 0.05, 1)
    expect(Math.hypot(weights[0], weights[1])).toBeLessThan(0.05)
  })

  it('moves only the rows of a batch', () => {
    const weights = new Float32Array(6)
    new Adam(weights, 2, 0).step(Float32Array.of(1, -1), 0.1, 1, Uint32Array.of(1))
    expect([...weights].map((value) => Math.sign(value))).toEqual([0, 0, -1, 1, 0, 0])
  })

  it('pulls back to where it started, not to zero', () => {
    const weights = Float32Array.of(5)
    const adam = new Adam(weights, 1, 0.5)
    for (let step = 0; step < 20; step++) adam.step(Float32Array.of(1), 0.1, 1)
    const moved = 5 - weights[0]
    expect(moved).toBeGreaterThan(0.5)
    for (let step = 0; step < 400; step++) adam.step(Float32Array.of(0), 0.1, 1)
    expect(Math.abs(5 - weights[0])).toBeLessThan(moved / 10)
  })
})

it('squaredNorm sums squares', () => {
  expect(squaredNorm(Float32Array.of(3, -4))).toBe(25)
})
