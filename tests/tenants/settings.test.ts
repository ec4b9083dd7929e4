import { describe, expect, it } from 'vitest'
import { eventTypeTable, plainType, Settings, typeReader } from '../../src/tenants/settings.js'

const tableOf = (eventTypes: object) => eventTypeTable(Settings.parse({ eventTypes }))
const STARS = { weight: 1.5, meaning: 'positive', value: { lowBelow: 3, highFrom: 5 } }

describe('event types that are read by value', () => {
  it('are up to three rows of the table', () => {
    const rows = tableOf({ view: { weight: 0.3, meaning: 'positive' }, stars: STARS })
    expect(rows).toEqual([
      { name: '*', weight: 0.5, meaning: 'positive' },
      { name: 'stars', ...STARS },
      { name: 'stars:high', weight: 3, meaning: 'positive' },
      { name: 'stars:low', weight: 0, meaning: 'negative' },
      { name: 'view', weight: 0.3, meaning: 'positive' },
    ])
    expect(rows.map(({ name }) => plainType(name))).toEqual(['*', 'stars', 'stars', 'stars', 'view'])
  })

  it('take each event to its row', () => {
    const rows = tableOf({ view: { weight: 0.3, meaning: 'positive' }, stars: STARS })
    const placeOf = typeReader(rows)
    const name = (type: string, value: number | null) => rows[placeOf(type, value)].name
    expect([2.9, 3, 4.9, 5, -1, 100, null].map((value) => name('stars', value))).toEqual([
      'stars:low',
      'stars',
      'stars',
      'stars:high',
      'stars:low',
      'stars:high',
      'stars',
    ])
    expect(name('view', -5)).toBe('view')
    expect(name('odd', 0)).toBe('*')
  })

  it('may have one side only, and a table without them reads no values', () => {
    const oneSided = tableOf({ stars: { ...STARS, value: { highFrom: 4 } } })
    expect(oneSided.map(({ name }) => name)).toEqual(['*', 'stars', 'stars:high'])
    expect([1, 4].map((value) => typeReader(oneSided)('stars', value))).toEqual([1, 2])
    const unread = tableOf({ stars: { weight: 1, meaning: 'positive' } })
    expect([1, 4].map((value) => typeReader(unread)('stars', value))).toEqual([1, 1])
  })

  it('are reads by default, which are a portion, and no ratings, whose scale nobody knows', () => {
    const rows = eventTypeTable(Settings.parse({}))
    const placeOf = typeReader(rows)
    expect([0, 0.09, 0.1, 1, 55].map((value) => rows[placeOf('read', value)].name)).toEqual([
      'read:low',
      'read:low',
      'read',
      'read',
      'read',
    ])
    expect(rows[placeOf('rating', 1)].name).toBe('rating')
  })

  it.each([
    [{}, ['stars', 'value'], 'needs lowBelow or highFrom'],
    [{ lowBelow: 4, highFrom: 3 }, ['stars', 'value'], 'has a lowBelow above its highFrom'],
    [{ lowBelow: '3' }, ['stars', 'value', 'lowBelow'], 'Invalid input: expected number, received string'],
    [{ lowBelow: 3, below: 1 }, ['stars', 'value'], 'Unrecognized key: "below"'],
  ])('refuse %j', (value, path, message) => {
    const parsed = Settings.safeParse({ eventTypes: { stars: { ...STARS, value } } })
    expect(parsed.error?.issues).toMatchObject([{ path: ['eventTypes', ...path], message }])
  })

  it('are positive ones', () => {
    const parsed = Settings.safeParse({ eventTypes: { stars: { ...STARS, meaning: 'neutral' } } })
    expect(parsed.error?.issues).toMatchObject([
      { path: ['eventTypes', 'stars', 'value'], message: 'is for positive types only' },
    ])
  })

  it('take a place of the 256 for each row', () => {
    const types = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`type${i}`, { ...STARS, weight: 1 }]))
    expect(tableOf(types(85))).toHaveLength(256)
    expect(Settings.safeParse({ eventTypes: types(86) }).error?.issues).toMatchObject([{ path: ['eventTypes'] }])
  })
})
