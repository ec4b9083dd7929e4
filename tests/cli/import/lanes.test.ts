import { describe, expect, it } from 'vitest'
import { type Entry, Lanes } from '../../../src/cli/import/lanes.js'
import { goingOn, type Progress } from '../../../src/cli/import/progress.js'

const entry = (line: number, json = '{}'): Entry => ({ line, offset: line * 10, json })
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

describe('lanes', () => {
  it('keep the order of rows with one key, and send several at a time', async () => {
    const seen = new Map<string, number[]>()
    let atOnce = 0
    let most = 0
    const keys = new Map<number, string>()
    const lanes = new Lanes(4, async (batch) => {
      most = Math.max(most, ++atOnce)
      expect(batch.length).toBeLessThanOrEqual(1000)
      // Later batches would overtake if they could.
      await pause(batch[0].line < 5000 ? 20 : 1)
      for (const { line } of batch) seen.set(keys.get(line) ?? '', [...(seen.get(keys.get(line) ?? '') ?? []), line])
      atOnce -= 1
    })
    for (let line = 1; line <= 20_000; line++) {
      keys.set(line, `u${(line * 7919) % 97}`)
      await lanes.put(keys.get(line) ?? '', entry(line))
    }
    await lanes.finish()
    expect(most).toBe(4)
    expect([...seen.values()].flat()).toHaveLength(20_000)
    for (const lines of seen.values()) expect(lines).toEqual([...lines].sort((a, b) => a - b))
    expect(lanes.unsettled).toBeUndefined()
    expect(lanes.pending).toBe(0)
  })

  it('know the first row whose fate is open, also where a lane gets few', async () => {
    const open: (() => void)[] = []
    const lanes = new Lanes(2, () => new Promise((done) => open.push(done)))
    await lanes.put('a', entry(1))
    expect(lanes.unsettled).toMatchObject({ line: 1, offset: 10 })
    expect(lanes.pending).toBe(1)
    // 'b' and 'a' have lanes of their own; what lies that far behind does not wait for others.
    await lanes.put('b', entry(30_000))
    await lanes.put('b', entry(30_001))
    await pause(1)
    expect(open).toHaveLength(1)
    expect(lanes.unsettled?.line).toBe(1)
    open[0]()
    await pause(1)
    expect(lanes.unsettled?.line).toBe(30_000)
  })

  it('keep requests within 5 MiB', async () => {
    const sizes: number[] = []
    const lanes = new Lanes(1, (batch) =>
      Promise.resolve(void sizes.push(batch.reduce((sum, { json }) => sum + json.length, 0))),
    )
    for (let line = 1; line <= 12; line++) await lanes.put('a', entry(line, 'x'.repeat(1_000_000)))
    await lanes.finish()
    expect(sizes).toEqual([5_000_000, 5_000_000, 2_000_000])
  })

  it('stop at a failure, and keep the place before what failed', async () => {
    const lanes = new Lanes(1, (batch) =>
      batch[0].line === 1001 ? Promise.reject(new Error('away')) : Promise.resolve(),
    )
    const sending = (async () => {
      for (let line = 1; line <= 9000; line++) await lanes.put('a', entry(line))
    })()
    await expect(sending).rejects.toThrow('away')
    await lanes.settle()
    expect(lanes.unsettled?.line).toBe(1001)
    await expect(lanes.finish()).rejects.toThrow('away')
  })
})

describe('going on', () => {
  const earlier = { sha256: 'old' } as Progress
  it('is for the same file, or one that has grown; another file begins anew', () => {
    expect(goingOn(earlier, { whole: 'old' })).toBe(earlier)
    expect(goingOn(earlier, { whole: 'new', beginning: 'old' })).toBe(earlier)
    expect(goingOn(earlier, { whole: 'new', beginning: 'other' })).toBeUndefined()
    expect(goingOn(undefined, { whole: 'new' })).toBeUndefined()
  })
})
