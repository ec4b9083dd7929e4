import { describe, expect, it } from 'vitest'
import { assign, type Arm, experimentFor, type RunningExperiment } from '../../src/online/assignment.js'

const arm = (name: string, share: number): Arm => ({ name, share, modelVersion: null, scenario: null })
const experiment = (fields: Partial<RunningExperiment> = {}): RunningExperiment => ({
  id: 'x-1',
  kind: 'experiment',
  scenario: null,
  seed: 'a seed',
  arms: [arm('a', 0.2), arm('b', 0.5), arm('c', 0.3)],
  ...fields,
})
const users = Array.from({ length: 20_000 }, (_, i) => `user ${i}`)
const armOf = (userId: string, of = experiment()) => assign(of, { userId })?.arm.name

describe('assignment to arms', () => {
  it('is the same in every process and after every start: these are kept', () => {
    // SHA-256 of ["a seed","user","user 0"] and so on, its first six bytes as a share of all, its last fifteen as a name.
    expect(users.slice(0, 8).map((user) => armOf(user))).toEqual(['b', 'a', 'b', 'a', 'b', 'b', 'b', 'b'])
    expect(assign(experiment(), { userId: 'ann' })?.unit).toBe('C9OMJTWmXnonDQGPfO-_')
  })

  it('splits users by the shares', () => {
    const shareOf = (name: string) => users.filter((user) => armOf(user) === name).length / users.length
    // Four times the standard deviation of a share of so many.
    expect(Math.abs(shareOf('a') - 0.2)).toBeLessThan(0.012)
    expect(Math.abs(shareOf('b') - 0.5)).toBeLessThan(0.015)
    expect(Math.abs(shareOf('c') - 0.3)).toBeLessThan(0.013)
    expect(new Set(users.map((userId) => assign(experiment(), { userId })?.unit)).size).toBe(users.length)
  })

  it('says nothing of the arms of another experiment', () => {
    const other = experiment({ seed: 'another seed' })
    const both = users.filter((user) => armOf(user) === 'b' && armOf(user, other) === 'b')
    expect(Math.abs(both.length / users.length - 0.25)).toBeLessThan(0.013)
  })

  it('goes by the user, then by the session, and takes nobody else', () => {
    const of = (visitor: object) => assign(experiment(), visitor)?.unit
    expect(of({ userId: 'ann', sessionId: 's' })).toBe(of({ userId: 'ann' }))
    expect(of({ sessionId: 'ann' })).not.toBe(of({ userId: 'ann' }))
    expect(of({})).toBeUndefined()
  })

  it('finds an arm for everybody where shares add up to a little less than 1', () => {
    const short = experiment({ arms: [arm('a', 1e-9), arm('b', 1e-9)] })
    expect(new Set(users.slice(0, 100).map((user) => armOf(user, short)))).toEqual(new Set(['b']))
  })
})

describe('the experiment of a request', () => {
  const home = experiment({ id: 'home', scenario: 'home' })
  const all = experiment({ id: 'all' })
  const guard = experiment({ id: 'guard', kind: 'guard' })

  it('is that of its scenario, else that of all, else the guard', () => {
    const running = [guard, all, home]
    expect(experimentFor(running, 'home')?.id).toBe('home')
    expect(experimentFor(running, 'cart')?.id).toBe('all')
    expect(experimentFor(running, undefined)?.id).toBe('all')
    expect(experimentFor([guard, home], 'cart')?.id).toBe('guard')
    expect(experimentFor([home], undefined)).toBeUndefined()
  })
})
