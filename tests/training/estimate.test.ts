import { describe, expect, it } from 'vitest'
import { estimateRun, tooLarge, type TrainingSize } from '../../src/training/estimate.js'

const GIB = 2 ** 30
const size = (items: number, events: number, users = events / 7): TrainingSize => ({
  items,
  textLength: 384,
  events,
  usersWithHistory: Math.round(users),
  longEvents: 0,
})

describe('the estimate of a run', () => {
  it('grows with the events, the items and the length of their vectors', () => {
    const small = estimateRun(size(1000, 20_000), 'wasm')
    for (const larger of [size(1000, 100_000), size(20_000, 20_000), { ...size(1000, 20_000), textLength: 2048 }]) {
      const estimate = estimateRun(larger, 'wasm')
      expect(estimate.seconds).toBeGreaterThan(small.seconds)
      expect(estimate.memoryBytes).toBeGreaterThan(small.memoryBytes)
    }
  })

  it('stays positive and finite for a tenant with nothing', () => {
    const { seconds, memoryBytes } = estimateRun(size(0, 0), 'wasm')
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThan(60)
    expect(memoryBytes).toBeGreaterThan(50 * 2 ** 20)
    expect(memoryBytes).toBeLessThan(GIB)
  })

  it('takes no more tokens than the recipe allows: a large history costs less than its size says', () => {
    const large = estimateRun(size(10_000, 2_000_000), 'wasm')
    const larger = estimateRun(size(10_000, 20_000_000), 'wasm')
    expect(larger.seconds / large.seconds).toBeLessThan(10)
    expect(larger.memoryBytes).toBeGreaterThan(large.memoryBytes)
    // Only the newest so many are read at all.
    expect(estimateRun(size(10_000, 200_000_000, 1e6), 'wasm')).toMatchObject({
      memoryBytes: estimateRun(size(10_000, 20_000_000, 1e6), 'wasm').memoryBytes,
    })
  })

  it('knows the engines: native is faster than wasm, and what was not measured is called a guess', () => {
    const of = (engine: 'cuda' | 'native' | 'wasm' | 'cpu') => estimateRun(size(5000, 60_000), engine)
    expect(of('native').seconds).toBeLessThan(of('wasm').seconds)
    expect(of('cuda').basis).toContain('guess')
    for (const engine of ['native', 'wasm', 'cpu'] as const) expect(of(engine).basis).not.toContain('guess')
  })

  it('is corrected by how an earlier run came out, within reason', () => {
    const first = estimateRun(size(5000, 60_000), 'wasm')
    const corrected = (seconds: number) =>
      estimateRun(size(5000, 60_000), 'wasm', { seconds, uncorrectedSeconds: first.uncorrectedSeconds })
    const halved = corrected(first.uncorrectedSeconds / 2)
    expect(halved.seconds / first.seconds).toBeCloseTo(0.5, 1)
    // What the next one is corrected by does not pile up.
    expect(halved.uncorrectedSeconds).toBe(first.uncorrectedSeconds)
    expect(halved.basis).toContain('corrected by the last run')
    // Both are rounded.
    expect(corrected(1e9).seconds / first.seconds).toBeCloseTo(10, 0)
  })
})

describe('the refusal of a run', () => {
  const refusal = (what: TrainingSize, forRuns: number) =>
    tooLarge(estimateRun(what, 'wasm'), what, { machine: 4 * GIB, kept: 4 * GIB - forRuns, forRuns }, 365)

  it('says the figures, and what would help', () => {
    const text = refusal(size(1000, 15_000_000), GIB)
    expect(text).toContain('1,000 items with vectors of 384, 15,000,000 events')
    expect(text).toContain("engine 'wasm'")
    expect(text).toContain('this trainer has 1.0 GiB for runs: 4.0 GiB less 3.0 GiB')
    expect(text).toMatch(/smaller 'historyDays' \(now 365\)/)
  })

  it('does not send to a shorter history where the catalogue alone is too large', () => {
    const text = refusal(size(5_000_000, 1000), GIB)
    expect(text).toContain('fewer items')
    expect(text).not.toContain('historyDays')
  })

  it('points at the trainer where not even an empty run would fit', () => {
    const text = refusal(size(100, 1000), 0)
    expect(text).toContain('MODEL_MEMORY_MB')
    expect(text).not.toContain('historyDays')
  })
})
