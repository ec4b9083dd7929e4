import { describe, expect, it } from 'vitest'
import { ProgressMeter } from '../../src/training/progress-meter.js'
import type { RunStatus } from '../../src/training/run.js'
import type { ChildLine } from '../../src/training/training-job.js'

/** A meter with a clock of its own, and the status as whoever reads it merges it. */
function meter() {
  let now = 0
  const lines: ChildLine[] = []
  const made = new ProgressMeter(
    (line) => lines.push(line),
    () => now,
  )
  return {
    meter: made,
    lines,
    after: (seconds: number) => (now += 1000 * seconds),
    status: () => lines.reduce<RunStatus>((all, line) => ({ ...all, ...line.status }), {}),
  }
}
const figures = { step: 5, steps: 10, loss: 2, validation: 0.1, tokensPerSecond: 100.4 }

describe('the progress of a run', () => {
  it('names each part, and keeps no figure of the one before', () => {
    const { meter: made, status } = meter()
    expect(status().detail).toBe('cleaning the events')
    made.enter('training', 'fine-tuning')
    made.part(0, 1).onProgress?.({ ...figures, epoch: 4, progress: 0.5 })
    expect(status()).toMatchObject({ detail: 'fine-tuning', epoch: 4, validation: 0.1, tokensPerSecond: 100 })
    made.begin('fine-tuning once more')
    expect(status()).toMatchObject({ detail: 'fine-tuning once more', epoch: null, loss: null, validation: null })
    made.enter('refitting', 'refitting')
    made.part(0, 1).onProgress?.({ ...figures, epoch: 1, progress: 1, validation: null })
    expect(status()).toMatchObject({ detail: 'refitting', epoch: 1, loss: 2, validation: null })
    made.enter('judging', 'ranking')
    expect(status()).toMatchObject({ epoch: null, loss: null, tokensPerSecond: null })
    made.end()
    expect(status()).toMatchObject({ detail: 'storing the version', epoch: 4, validation: 0.1, tokensPerSecond: 100 })
  })

  it('tells no time left by the reading and cleaning, however long they took', () => {
    const { meter: made, status, after } = meter()
    after(600)
    made.enter('texts', 'whitening')
    after(60)
    made.enter('training', 'fine-tuning')
    expect(status().etaSeconds).toBeUndefined()
    after(1)
    made.move(0.1)
    expect(status().etaSeconds).toBeUndefined()
    after(9)
    made.move(0.5)
    // Half of a stage that is 35 hundredths took 10 s; 72.5 are left.
    expect(status().etaSeconds).toBe(Math.ceil((10 / 0.175) * 0.725))
  })

  it('lets the time left grow only where it was wrong by far', () => {
    const { meter: made, status, after } = meter()
    made.enter('training', 'fine-tuning')
    const told: number[] = []
    for (let share = 0.1; share < 1; share += 0.1) {
      // A little slower from one step to the next.
      after(5 * (1 + share / 2))
      made.move(share)
      const { etaSeconds } = status()
      if (etaSeconds !== undefined) told.push(etaSeconds)
    }
    expect(told.length).toBeGreaterThan(5)
    expect(told).toEqual([...told].sort((a, b) => b - a))
    after(300)
    made.enter('blending', 'fitting the blend')
    expect(status().etaSeconds).toBeGreaterThan(told.at(-1)! + 60)
  })

  it('counts no stage that is left out as done in the time it took', () => {
    const { meter: made, status, after } = meter()
    made.enter('training', 'fine-tuning')
    after(34.9)
    made.enter('blending', 'fitting the blend')
    // The twin was left out: what is left are 33 hundredths at a second each.
    expect(status()).toMatchObject({ progress: 0.67, etaSeconds: 33 })
  })
})
