import { describe, expect, it } from 'vitest'
import { Random } from '../../src/model/random.js'
import { BURST_SECONDS, QuotaBucket } from '../../src/tenants/quota-bucket.js'

const RATE = 20
const SIZE = RATE * BURST_SECONDS

/** What the database keeps for all. */
class Level {
  private level = SIZE
  private at = 0

  tell(used: number, now: number): number {
    this.level = Math.min(SIZE, this.level + ((now - this.at) / 1000) * RATE) - used
    this.at = now
    return this.level
  }
}

/**
 * Instances that look every 100 ms at what they share, each asked so many times a second.
 * @returns calls let in, by instance
 */
function letIn(asked: number[], seconds: number, { shared = true, seed = 1 } = {}): number[] {
  const random = new Random(seed)
  const level = new Level()
  const buckets = asked.map(() => new QuotaBucket(RATE, 0))
  const passed = asked.map(() => 0)
  for (let now = 0; now < seconds * 1000; now += 10) {
    buckets.forEach((bucket, i) => {
      const calls = asked[i] / 100
      for (let call = random.next(); call < calls; call++) if (bucket.take(1, RATE, now) === 0) passed[i]++
      if (!shared || (now + 30 * i) % 100 !== 0) return
      const used = bucket.due(now)
      if (used === 0) return
      bucket.reporting(used, now)
      bucket.know(level.tell(used, now), now)
    })
  }
  return passed
}
const sum = (values: number[]) => values.reduce((all, value) => all + value, 0)

describe('the quota buckets of several instances', () => {
  it('together let in the rate and little more than one burst, however many they are', () => {
    for (const instances of [1, 2, 5]) {
      const most = RATE * 60 + SIZE
      const all = sum(letIn(new Array<number>(instances).fill(200), 60))
      expect(all).toBeGreaterThan(0.95 * most)
      expect(all).toBeLessThan(most + 0.3 * SIZE * instances)
    }
    // Each by itself: that many times as much.
    expect(sum(letIn([200, 200, 200, 200, 200], 60, { shared: false }))).toBeGreaterThan(4.5 * (RATE * 60 + SIZE))
  })

  it('give the whole rate to the one that is asked', () => {
    const [alone, hardly] = letIn([200, 0.5], 60)
    expect(alone).toBeGreaterThan(0.9 * (RATE * 60 + SIZE))
    expect(hardly).toBeGreaterThan(0)
  })

  it('refuse nobody who stays below the rate', () => {
    const asked = [6, 6, 5]
    expect(sum(letIn(asked, 120))).toBeGreaterThan(sum(asked) * 120 * 0.9)
    const bucket = new QuotaBucket(RATE, 0)
    for (let now = 0; now < 60_000; now += 60) expect(bucket.take(1, RATE, now)).toBe(0)
  })

  it('say when to come back', () => {
    const bucket = new QuotaBucket(1, 0)
    for (let i = 0; i < 10; i++) expect(bucket.take(1, 1, 0)).toBe(0)
    expect(bucket.take(1, 1, 0)).toBe(1)
    expect([bucket.isEmpty(0), bucket.wait(0)]).toEqual([true, 1])
    // The other instances used twenty more.
    bucket.reporting(bucket.due(100), 100)
    bucket.know(-20, 100)
    expect(bucket.take(1, 1, 100)).toBe(21)
    expect(bucket.take(1, 1, 22_000)).toBe(0)
  })

  it('let a call through that is larger than all of them when they are full, and have it paid off', () => {
    const bucket = new QuotaBucket(1, 0)
    expect(bucket.take(1000, 1, 0)).toBe(0)
    expect(bucket.take(1, 1, 60_000)).toBe(931)
    expect(bucket.due(60_000)).toBe(1000)
  })

  it('follow a rate that is changed, down and up', () => {
    const bucket = new QuotaBucket(1000, 0)
    expect(bucket.take(1, 1, 0)).toBe(0)
    let passed = 0
    while (bucket.take(1, 1, 0) === 0) passed++
    expect(passed).toBe(9)
    expect(bucket.take(1, 1000, 100)).toBeGreaterThan(0)
    expect(bucket.take(1, 1000, 200)).toBe(0)
  })

  it('tell what is much at once, what is little later, and what is nothing never', () => {
    const bucket = new QuotaBucket(100, 0)
    expect(bucket.due(0)).toBe(0)
    bucket.take(1, 100, 0)
    // Nobody knows yet how much there is left at all.
    expect(bucket.due(0)).toBe(1)
    bucket.reporting(1, 0)
    bucket.take(20, 100, 100)
    expect([bucket.due(200), bucket.due(600)]).toEqual([0, 20])
    bucket.reporting(20, 600)
    bucket.take(50, 100, 600)
    expect(bucket.due(600)).toBe(50)
    bucket.reporting(50, 600)
    bucket.take(1, 100, 700)
    expect([bucket.due(700), bucket.due(6000), bucket.due(60_000)]).toEqual([0, 0, 0])
  })
})
