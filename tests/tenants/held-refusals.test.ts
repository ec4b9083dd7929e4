import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HeldRefusals } from '../../src/tenants/held-refusals.js'

describe('refusals that are held', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const press = (held: HeldRefusals, tenantId: string, count: number, told: number[]) => {
    for (let i = 0; i < count; i++) held.hold(tenantId, Date.now(), () => told.push(Date.now()))
  }

  it('are those past the first of a second, one after the other, and only so many', () => {
    const held = new HeldRefusals()
    const told: number[] = []
    press(held, 'noisy', 200, told)
    // 20 are told at once, 100 wait, and there is no room for the rest.
    expect(told).toHaveLength(100)
    expect(held.size).toBe(100)
    vi.advanceTimersByTime(999)
    expect(told).toHaveLength(100)
    vi.advanceTimersByTime(101)
    expect(told.length).toBeGreaterThan(120)
    expect(told.length).toBeLessThan(180)
    vi.advanceTimersByTime(200)
    expect(told).toHaveLength(200)
    expect(held.size).toBe(0)
  })

  it('are those of the tenant that sends so many, and no more of all tenants than there is room', () => {
    const held = new HeldRefusals()
    press(held, 'noisy', 50, [])
    const others: number[] = []
    press(held, 'quiet', 5, others)
    expect(others).toHaveLength(5)
    for (let tenant = 0; tenant < 10; tenant++) press(held, `t-${tenant}`, 200, [])
    expect(held.size).toBe(500)
  })

  it('are told when the service stops, and none is held after that', () => {
    const held = new HeldRefusals()
    const told: number[] = []
    press(held, 'noisy', 60, told)
    expect(told).toHaveLength(20)
    held.stop()
    expect(told).toHaveLength(60)
    press(held, 'noisy', 60, told)
    expect(told).toHaveLength(120)
    expect(vi.getTimerCount()).toBe(0)
  })
})
