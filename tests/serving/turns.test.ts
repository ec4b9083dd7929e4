import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Turns } from '../../src/serving/turns.js'

/** Work that notes how many were at it at once, and in which order they were done. */
function workshop() {
  const told = { working: 0, most: 0, done: [] as number[] }
  const work = (n: number) => async () => {
    told.most = Math.max(told.most, ++told.working)
    await sleep(5)
    told.working--
    told.done.push(n)
    return n
  }
  return { told, work }
}
const NUMBERS = Array.from({ length: 40 }, (_, n) => n)
const nothing = () => Promise.resolve()

describe('turns', () => {
  it('let two answers of a tenant be worked on at once beside others, in their order', async () => {
    const turns = new Turns()
    const { told, work } = workshop()
    await turns.take('quiet', nothing)
    const burst = NUMBERS.map((n) => turns.take('noisy', work(n)))
    expect(turns.waitingCount).toBe(38)
    let before = -1
    await turns.take('quiet', () => {
      before = told.done.length
      return Promise.resolve()
    })
    expect(before).toBe(0)
    expect(await Promise.all(burst)).toEqual(NUMBERS)
    expect(told).toEqual({ working: 0, most: 2, done: NUMBERS })
    expect(turns.waitingCount).toBe(0)
  })

  it('let a tenant who is alone have more, until another one asks', async () => {
    const turns = new Turns()
    const { told, work } = workshop()
    const burst = NUMBERS.map((n) => turns.take('one', work(n)))
    await sleep(0)
    expect(told.working).toBe(16)
    await turns.take('another', nothing)
    await Promise.all(burst.slice(0, 16))
    expect(told.working).toBeLessThanOrEqual(2)
    expect(await Promise.all(burst)).toEqual(NUMBERS)
    expect(turns.waitingCount).toBe(0)
  })

  it('pass on where the work fails', async () => {
    const turns = new Turns()
    await turns.take('other', nothing)
    const failing = [1, 2].map(() => turns.take('a', () => Promise.reject(new Error('no'))))
    const next = turns.take('a', () => Promise.resolve('done'))
    for (const one of failing) await expect(one).rejects.toThrow('no')
    expect(await next).toBe('done')
    expect(await turns.take('a', () => Promise.resolve('again'))).toBe('again')
  })
})
