import { describe, expect, it } from 'vitest'
import type { Engine } from '../../src/platform/tensorflow.js'
import {
  estimateRun,
  type Experience,
  threadsWithin,
  tooLarge,
  type TrainingSize,
} from '../../src/training/estimate.js'

const GIB = 2 ** 30
const size = (items: number, events: number, users = events / 7): TrainingSize => ({
  items,
  textLength: 384,
  events,
  usersWithHistory: Math.round(users),
  longEvents: 0,
})

/** On one thread. */
const estimateOf = (what: TrainingSize, engine: Engine, experience?: Experience) =>
  estimateRun(what, engine, 1, experience)

describe('the estimate of a run', () => {
  it('grows with the events, the items and the length of their vectors', () => {
    const small = estimateOf(size(1000, 20_000), 'wasm')
    for (const larger of [size(1000, 100_000), size(20_000, 20_000), { ...size(1000, 20_000), textLength: 2048 }]) {
      const estimate = estimateOf(larger, 'wasm')
      expect(estimate.seconds).toBeGreaterThan(small.seconds)
      expect(estimate.memoryBytes).toBeGreaterThan(small.memoryBytes)
    }
  })

  it('stays positive and finite for a tenant with nothing', () => {
    const { seconds, memoryBytes } = estimateOf(size(0, 0), 'wasm')
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThan(60)
    expect(memoryBytes).toBeGreaterThan(50 * 2 ** 20)
    expect(memoryBytes).toBeLessThan(GIB)
  })

  it('takes no more tokens than the recipe allows: a large history costs less than its size says', () => {
    const large = estimateOf(size(10_000, 2_000_000), 'wasm')
    const larger = estimateOf(size(10_000, 20_000_000), 'wasm')
    expect(larger.seconds / large.seconds).toBeLessThan(10)
    expect(larger.memoryBytes).toBeGreaterThan(large.memoryBytes)
    // Only the newest so many are read at all.
    expect(estimateOf(size(10_000, 200_000_000, 1e6), 'wasm')).toMatchObject({
      memoryBytes: estimateOf(size(10_000, 20_000_000, 1e6), 'wasm').memoryBytes,
    })
  })

  it('knows the engines: native is faster than wasm, and what was not measured is called a guess', () => {
    // So few events that each may try all there is to try: with more, native is given more to do.
    const of = (engine: 'cuda' | 'native' | 'wasm' | 'cpu') => estimateOf(size(5000, 4000), engine)
    expect(of('native').seconds).toBeLessThan(of('wasm').seconds)
    expect(of('cuda').basis).toContain('guess')
    for (const engine of ['native', 'wasm', 'cpu'] as const) expect(of(engine).basis).not.toContain('guess')
  })

  it('is corrected by how an earlier run came out, within reason', () => {
    const first = estimateOf(size(5000, 60_000), 'wasm')
    const corrected = (seconds: number) =>
      estimateOf(size(5000, 60_000), 'wasm', { seconds, uncorrectedSeconds: first.uncorrectedSeconds })
    const halved = corrected(first.uncorrectedSeconds / 2)
    expect(halved.seconds / first.seconds).toBeCloseTo(0.5, 1)
    // What the next one is corrected by does not pile up.
    expect(halved.uncorrectedSeconds).toBe(first.uncorrectedSeconds)
    expect(halved.basis).toContain('corrected by the last run')
    // Both are rounded.
    expect(corrected(1e9).seconds / first.seconds).toBeCloseTo(10, 0)
  })
})

describe('the threads of a run', () => {
  const MIB = 2 ** 20
  const memory = (what: TrainingSize, engine: Engine, threads: number) => estimateRun(what, engine, threads).memoryBytes

  it('are in its memory: their engines, and the texts that each of them keeps', () => {
    for (const engine of ['native', 'wasm', 'cpu'] as const) {
      const [one, two, four] = [1, 2, 4].map((threads) => memory(size(1000, 20_000), engine, threads))
      expect(two - one).toBeGreaterThan(30 * MIB)
      expect(four - one).toBeCloseTo(3 * (two - one), -2)
    }
    const thread = (items: number) =>
      memory(size(items, 20_000), 'native', 2) - memory(size(items, 20_000), 'native', 1)
    expect(thread(43_000) - thread(1000)).toBeCloseTo(4 * 42_000 * 384, -2)
    // A larger catalogue is not kept.
    expect(thread(1_000_000)).toBeCloseTo(thread(2 ** 24 / 384), -4)
    expect(memory(size(1000, 20_000), 'cuda', 2)).toBe(memory(size(1000, 20_000), 'cuda', 1))
  })

  it('are as many as the memory allows, and one where it allows none', () => {
    const what = size(43_000, 400_000)
    const within = (bytes: number) => threadsWithin(bytes, what, 'native', 4)
    expect(within(memory(what, 'native', 4))).toBe(4)
    expect(within(memory(what, 'native', 4) - 1)).toBe(3)
    expect(within(memory(what, 'native', 2))).toBe(2)
    expect(within(memory(what, 'native', 1))).toBe(1)
    expect(within(0)).toBe(1)
  })
})

describe('the refusal of a run', () => {
  const refusal = (what: TrainingSize, forRuns: number) =>
    tooLarge(estimateOf(what, 'wasm'), what, { machine: 4 * GIB, kept: 4 * GIB - forRuns, forRuns }, 365)

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
