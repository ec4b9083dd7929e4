import { totalmem } from 'node:os'
import { describe, expect, it } from 'vitest'
import { Capacity, keptForService, machineMemory, runsAtOnce, threadsOf } from '../../src/training/capacity.js'

describe('the memory of a trainer', () => {
  it('is the machine’s at most, and some of it stays with the service', () => {
    expect(machineMemory()).toBeGreaterThan(0)
    expect(machineMemory()).toBeLessThanOrEqual(totalmem())
    const trainer = keptForService({ roles: ['trainer'], modelMemoryMb: 1024 })
    expect(keptForService({ roles: ['api', 'trainer'], modelMemoryMb: 1024 }) - trainer).toBe(1024 * 2 ** 20)
  })

  it('is shared by the runs that go on at once', () => {
    const capacity = new Capacity(100)
    let released = 0
    capacity.onRelease(() => released++)
    expect(capacity.take('a', 60)).toBe('taken')
    expect(capacity.free).toBe(40)
    expect(capacity.take('b', 40)).toBe('taken')
    expect(capacity.free).toBe(0)
    expect(capacity.isWaitedFor).toBe(false)
    expect(capacity.take('c', 101)).toBe('never')
    expect(capacity.isWaitedFor).toBe(false)
    expect(capacity.take('d', 50)).toBe('later')
    expect(capacity.isWaitedFor).toBe(true)
    // What took nothing gives nothing back.
    capacity.release('d')
    expect([capacity.isWaitedFor, released]).toEqual([true, 0])
    capacity.release('a')
    expect([capacity.isWaitedFor, released]).toEqual([false, 1])
    expect(capacity.take('d', 50)).toBe('taken')
  })
})

describe('runs at once', () => {
  it('are one a core up to a limit, or what the configuration says', () => {
    expect([1, 2, 4, 64].map((cores) => runsAtOnce('wasm', undefined, cores))).toEqual([1, 2, 4, 8])
    expect(runsAtOnce('native', 3, 2)).toBe(3)
    expect(runsAtOnce('native', undefined, 0)).toBe(1)
  })

  it('are one where they would share a GPU', () => {
    for (const engine of ['cuda', 'webgpu'] as const) expect(runsAtOnce(engine, 4, 16)).toBe(1)
  })
})

describe('threadsOf', () => {
  const trainer = { roles: ['trainer' as const] }
  const all = { roles: ['api' as const, 'ingest' as const, 'trainer' as const] }

  it('shares the cores among the runs that go on, and leaves one to requests', () => {
    expect(threadsOf('wasm', 1, trainer, 4)).toBe(4)
    expect(threadsOf('wasm', 2, trainer, 4)).toBe(2)
    expect(threadsOf('native', 1, all, 4)).toBe(3)
    expect(threadsOf('native', 1, all, 2)).toBe(1)
    expect(threadsOf('wasm', 5, trainer, 2)).toBe(1)
    expect(threadsOf('wasm', 1, trainer, 64)).toBe(4)
    expect(threadsOf('cuda', 1, trainer, 16)).toBe(1)
  })
})
