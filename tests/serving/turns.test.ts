import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Turns } from '../../src/serving/turns.js'

describe('turns', () => {
  it('let so many answers of one tenant be worked on at once, in their order, and those of others beside them', async () => {
    const turns = new Turns(2)
    let working = 0
    let most = 0
    const done: number[] = []
    const work = (n: number) => async () => {
      most = Math.max(most, ++working)
      await sleep(5)
      working--
      done.push(n)
      return n
    }
    const burst = Array.from({ length: 10 }, (_, n) => turns.take('noisy', work(n)))
    expect(turns.waitingCount).toBe(8)
    let before = -1
    await turns.take('quiet', () => {
      before = done.length
      return Promise.resolve()
    })
    expect(before).toBe(0)
    expect(await Promise.all(burst)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(most).toBe(2)
    expect(turns.waitingCount).toBe(0)
  })

  it('pass on where the work fails', async () => {
    const turns = new Turns(1)
    const failing = turns.take('a', () => Promise.reject(new Error('no')))
    const next = turns.take('a', () => Promise.resolve('done'))
    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('done')
    expect(await turns.take('a', () => Promise.resolve('again'))).toBe('again')
  })
})
