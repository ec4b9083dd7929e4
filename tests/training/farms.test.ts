import { describe, expect, it } from 'vitest'
import { groupByUser } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { findFarms } from '../../src/training/farms.js'

/** Histories of users, each the items in the order in which he had them. */
const histories = (users: number[][]) =>
  groupByUser(
    {
      users: Uint32Array.from(users.flatMap((items, user) => items.map(() => user))),
      items: Uint32Array.from(users.flat()),
      types: new Uint8Array(users.flat().length),
      times: Float64Array.from(users.flat(), (_, row) => row),
    },
    users.length,
  )
const random = new Random(3)
const some = (count: number, of: (i: number) => number[]) => Array.from({ length: count }, (_, i) => of(i))
/** So many distinct items of those from `first` on, the lower ones more often. */
function drawn(count: number, first: number, items: number): number[] {
  const found = new Set<number>()
  while (found.size < count) found.add(first + Math.floor(items * random.next() ** 2))
  return [...found]
}
/** Customers of five tastes, a fifth of what each has is of anything. */
const people = (count: number) => some(count, (i) => [...drawn(20, 200 * (i % 5), 200), ...drawn(5, 0, 1000)])

describe('a click farm', () => {
  it('is found whole, and nobody else is taken for it', () => {
    const customers = people(1000)
    const pool = [...random.permutation(1000).subarray(0, 60)]
    const bots = some(100, () => [...random.permutation(60).subarray(0, 40)].map((place) => pool[place]))
    const found = findFarms(histories([...customers, ...bots]))
    expect([...found].filter((user) => user < 1000)).toEqual([])
    expect(found.size).toBe(100)
  })

  it('is none where people share a taste, a catalogue is small, or few do the same', () => {
    expect(findFarms(histories(people(1000))).size).toBe(0)
    expect(findFarms(histories(some(200, () => drawn(12, 0, 25)))).size).toBe(0)
    // A family, and a user who reads everything.
    const family = some(10, () => some(30, (i) => [900 + i]).flat())
    expect(findFarms(histories([...people(300), ...family, some(1000, (i) => [i]).flat()])).size).toBe(0)
  })

  it('is none where a good part of all users is like that', () => {
    const branches = some(60, () => drawn(25, 960, 40))
    expect(findFarms(histories([...people(1000), ...branches])).size).toBe(60)
    expect(findFarms(histories([...people(200), ...branches])).size).toBe(0)
  })

  it('is looked for in no events at all, and in users of one', () => {
    expect(findFarms(histories([])).size).toBe(0)
    expect(findFarms(histories(some(50, () => [1]))).size).toBe(0)
  })
})
