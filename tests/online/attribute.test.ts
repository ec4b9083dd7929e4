import { describe, expect, it } from 'vitest'
import { type AnswerRow, attribute, isAnswerId } from '../../src/online/attribute.js'
import { isInWindow, outcomeReader } from '../../src/online/attribution-rule.js'
import { bandOf, type CountedAnswer, endOfBand, Tally, USER_GROUPS, userGroupOf } from '../../src/online/tally.js'
import { Settings } from '../../src/tenants/settings.js'

const HOUR = 3_600_000
const served = new Date('2026-05-01T10:20:00Z')
const id = '11111111-2222-4333-8444-555555555555'
const answer: AnswerRow = {
  recommendationId: id,
  servedAt: served,
  modelVersion: 'v-1',
  kind: 'recommendations',
  scenario: 'home',
  experimentId: null,
  arm: null,
  unit: null,
  userId: null,
  userGroup: 3,
  impressions: 'served',
  items: ['a', 'b', 'c'],
}
const event = (itemId: string, type: string, fields: object = {}) => ({
  eventId: `${itemId} ${type}`,
  recommendationId: id,
  itemId,
  type,
  value: null,
  occurredAt: new Date(served.getTime() + HOUR),
  receivedAt: new Date(served.getTime() + HOUR),
  ...fields,
})

describe('what an event says of an answer', () => {
  it('goes by the event types of the tenant', () => {
    const read = outcomeReader(Settings.parse({}))
    expect(['view', 'click', 'cart', 'like', 'rating'].map((type) => read(type, null))).toEqual(Array(5).fill('click'))
    expect(read('purchase', 20)).toBe('conversion')
    expect(read('impression', null)).toBe('impression')
    expect(['remove', 'dislike'].map((type) => read(type, null))).toEqual([null, null])
    expect([0.05, 0.1, 1].map((value) => read('read', value))).toEqual([null, 'click', 'click'])
  })

  it('goes by lists where there are some, and never counts what is negative', () => {
    const read = outcomeReader(
      Settings.parse({
        eventTypes: { seen: { weight: 0, meaning: 'neutral' }, no: { weight: 1, meaning: 'negative' } },
        attribution: { clicks: ['seen', 'no'], conversions: ['read', 'order', 'no'] },
      }),
    )
    expect(['seen', 'read', 'order', 'view', 'no'].map((type) => read(type, null))).toEqual([
      'click',
      'conversion',
      'conversion',
      null,
      null,
    ])
    expect(
      outcomeReader(Settings.parse({ eventTypes: { seen: { weight: 0, meaning: 'neutral' } } }))('seen', null),
    ).toBe(null)
  })

  it('holds within the window, for clocks that are wrong and for what comes late', () => {
    const at = (occurred: number, received: number) =>
      isInWindow(
        served,
        {
          occurredAt: new Date(served.getTime() + occurred * HOUR),
          receivedAt: new Date(served.getTime() + received * HOUR),
        },
        24,
      )
    expect(at(24, 24)).toBe(true)
    expect(at(24.1, 24.1)).toBe(false)
    expect(at(-5, 1)).toBe(true)
    expect(at(30, 1)).toBe(true)
    expect(at(2, 24 + 6 * 24)).toBe(true)
    expect(at(2, 24 + 8 * 24)).toBe(false)
  })
})

describe('attribution', () => {
  const rule = { outcomeOf: outcomeReader(Settings.parse({})), windowHours: 24 }
  const of = (events: ReturnType<typeof event>[], row: AnswerRow = answer) => {
    const { attributed, missing } = attribute(events, new Map([[id, row]]), rule)
    return { found: attributed.map(({ itemId, place, outcome }) => [itemId, place, outcome]), missing }
  }

  it('finds the place, and counts each item once as a click and once as a conversion', () => {
    const events = [
      event('b', 'view'),
      event('b', 'cart'),
      event('b', 'view'),
      event('b', 'purchase'),
      event('c', 'purchase'),
      event('not in it', 'view'),
      event('a', 'dislike'),
      event('a', 'view', { occurredAt: new Date('2026-05-09'), receivedAt: new Date('2026-05-09') }),
    ]
    expect(of(events).found).toEqual([
      ['b', 2, 'click'],
      ['b', 2, 'conversion'],
      ['c', 3, 'conversion'],
    ])
  })

  it('counts told impressions only where they are to be told, and nothing of answers that are not counted', () => {
    const events = [event('a', 'impression'), event('a', 'view')]
    expect(of(events).found).toEqual([['a', 1, 'click']])
    expect(of(events, { ...answer, impressions: 'explicit' }).found).toEqual([
      ['a', 1, 'impression'],
      ['a', 1, 'click'],
    ])
    expect(of(events, { ...answer, impressions: null }).found).toEqual([])
  })

  it('waits for answers that may come, not for ids that no answer has', () => {
    const other = id.replace('1', '2')
    const { missing } = attribute(
      [event('a', 'view', { recommendationId: other }), event('a', 'view', { recommendationId: 'home-1' })],
      new Map(),
      rule,
    )
    expect(missing.map(({ recommendationId }) => recommendationId)).toEqual([other])
    expect(isAnswerId(crypto.randomUUID())).toBe(true)
  })
})

describe('a tally', () => {
  const counted: CountedAnswer = answer

  it('takes places together further down, each place in one band', () => {
    for (let place = 1; place <= 1000; place++) {
      const from = bandOf(place)
      expect(from <= place && place <= endOfBand(from)).toBe(true)
    }
    expect([1, 20, 21, 50, 51, 100, 101, 1000].map(bandOf)).toEqual([1, 20, 21, 21, 51, 51, 101, 101])
  })

  it('counts as many impressions by place as there are items, by user group and by unit too', () => {
    for (const items of [0, 1, 10, 20, 21, 55, 500, 1000]) {
      const tally = new Tally()
      const experiment = { ...counted, experimentId: 'x', arm: 'a', unit: 'u' }
      tally.addImpressions(experiment, items)
      const sum = (rows: Iterable<{ impressions: number }>) =>
        [...rows].reduce((all, { impressions }) => all + impressions, 0)
      expect(sum(tally.positions.values())).toBe(items)
      expect(sum(tally.groups.values())).toBe(items)
      expect(sum(tally.units.values())).toBe(items)
      expect(tally.groups.size).toBe(items > 0 ? 1 : 0)
    }
  })

  it('puts what came of an answer into the hour of the answer', () => {
    const tally = new Tally()
    tally.addImpressions(counted, 3)
    tally.add(counted, 2, 'click')
    tally.add(counted, 2, 'conversion')
    expect([...tally.positions.values()].filter(({ clicks }) => clicks > 0)).toEqual([
      {
        hour: '2026-05-01T10:00:00.000Z',
        modelVersion: 'v-1',
        kind: 'recommendations',
        scenario: 'home',
        experimentId: '',
        arm: '',
        position: 2,
        impressions: 1,
        clicks: 1,
        conversions: 1,
      },
    ])
    expect(tally.units.size).toBe(0)
  })

  it('spreads users evenly over the groups, the same each time', () => {
    const sizes = new Array<number>(USER_GROUPS).fill(0)
    for (let user = 0; user < 10_000; user++) sizes[userGroupOf('shop', `user ${user}`)]++
    expect(Math.min(...sizes)).toBeGreaterThan(400)
    expect(Math.max(...sizes)).toBeLessThan(600)
    expect(userGroupOf('shop', 'ann')).toBe(userGroupOf('shop', 'ann'))
  })
})
