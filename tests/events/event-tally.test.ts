import { describe, expect, it } from 'vitest'
import { EventTally, OTHER_TYPES, rollUp } from '../../src/events/event-tally.js'

const at = (text: string) => Date.parse(`2026-03-0${text}:00Z`)

describe('the tally of events', () => {
  it('adds up by tenant, type and minute, and is empty once it was taken', () => {
    const tally = new EventTally()
    const now = at('1T10:00')
    tally.add('a', 'view', { accepted: 3 }, now)
    tally.add('a', 'view', { accepted: 2, duplicates: 1 }, now + 59_999)
    tally.add('a', 'view', { accepted: 1 }, now + 60_000)
    tally.add('a', 'cart', { rejected: 4 }, now)
    tally.add('b', 'view', { accepted: 7 }, now)
    tally.add('b', 'view', {}, now + 600_000)
    expect(tally.take()).toEqual([
      { tenantId: 'a', grain: 'minute', at: now, type: 'view', accepted: 5, duplicates: 1, rejected: 0 },
      { tenantId: 'a', grain: 'minute', at: now + 60_000, type: 'view', accepted: 1, duplicates: 0, rejected: 0 },
      { tenantId: 'a', grain: 'minute', at: now, type: 'cart', accepted: 0, duplicates: 0, rejected: 4 },
      { tenantId: 'b', grain: 'minute', at: now, type: 'view', accepted: 7, duplicates: 0, rejected: 0 },
    ])
    expect(tally.take()).toEqual([])
  })

  it('takes back what could not be written, beside what came meanwhile', () => {
    const tally = new EventTally()
    const now = at('1T10:00')
    tally.add('a', 'view', { accepted: 3 }, now)
    const rows = tally.take()
    tally.add('a', 'view', { accepted: 4 }, now)
    tally.putBack(rows)
    expect(tally.take()).toMatchObject([{ accepted: 7 }])
  })

  it('tells no more than a hundred types of a tenant apart on a day, whatever clients think of', () => {
    const tally = new EventTally()
    for (let i = 0; i < 1000; i++) tally.add('a', `type-${i}`, { accepted: 1 }, at('1T10:00'))
    tally.add('b', 'view', { accepted: 1 }, at('1T10:00'))
    const rows = tally.take()
    expect(rows).toHaveLength(102)
    expect(rows.find(({ type }) => type === OTHER_TYPES)).toMatchObject({ tenantId: 'a', accepted: 900 })
    // The same ones again, and other ones on the next day.
    tally.add('a', 'type-7', { accepted: 1 }, at('1T23:59'))
    tally.add('a', 'type-700', { accepted: 1 }, at('1T23:59'))
    tally.add('a', 'type-700', { accepted: 1 }, at('2T00:00'))
    expect(tally.take().map(({ type }) => type)).toEqual(['type-7', OTHER_TYPES, 'type-700'])
  })

  it('rolls minutes up to hours and days, in the order of the table’s key', () => {
    const tally = new EventTally()
    tally.add('b', 'view', { accepted: 1 }, at('1T23:59'))
    tally.add('a', 'view', { accepted: 1 }, at('2T00:00'))
    tally.add('a', 'view', { accepted: 2, rejected: 1 }, at('1T23:01'))
    tally.add('a', 'cart', { duplicates: 5 }, at('1T22:59'))
    const rows = rollUp(tally.take())
    const told = rows.map(({ tenantId, grain, at, type, accepted, duplicates, rejected }) =>
      [tenantId, grain, new Date(at).toISOString().slice(8, 16), type, accepted, duplicates, rejected].join(' '),
    )
    expect(told).toEqual([
      'a day 01T00:00 cart 0 5 0',
      'a day 01T00:00 view 2 0 1',
      'a day 02T00:00 view 1 0 0',
      'a hour 01T22:00 cart 0 5 0',
      'a hour 01T23:00 view 2 0 1',
      'a hour 02T00:00 view 1 0 0',
      'a minute 01T22:59 cart 0 5 0',
      'a minute 01T23:01 view 2 0 1',
      'a minute 02T00:00 view 1 0 0',
      'b day 01T00:00 view 1 0 0',
      'b hour 01T23:00 view 1 0 0',
      'b minute 01T23:59 view 1 0 0',
    ])
  })
})
