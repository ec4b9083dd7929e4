import { describe, expect, it } from 'vitest'
import { UsageError } from '../../../src/cli/exit.js'
import type { Kind } from '../../../src/cli/import/fields.js'
import { Mapping } from '../../../src/cli/import/mapping.js'
import type { Row } from '../../../src/cli/import/row.js'

const row = (cells: Row['cells']): Row => ({ line: 2, start: 0, next: 0, nextLine: 3, cells })
const mapping = (columns: string[] | undefined, map: string[] = [], set: string[] = [], kind: Kind = 'events') =>
  new Mapping({ kind, map, set }, columns)
/** One value of a field, through a row. */
const made = (field: string, value: unknown, kind: Kind = 'items') => {
  const needed = kind === 'items' ? { itemId: 'i' } : { userId: 'u', itemId: 'i', type: 'view' }
  const result = mapping(undefined, [], [], kind).make(row({ ...needed, [field]: value }))
  return 'value' in result ? result.value[field] : result.problem
}

describe('what a row means', () => {
  it('is told by names, however they are written, and by flags; other columns are left out', () => {
    const events = mapping(
      ['USER-ID', 'sku', 'item_id', 'occurred at', 'colour', 'x'],
      ['itemId=sku', 'properties.colour=colour'],
      ['type=purchase'],
    )
    expect(events.unused).toEqual(['item_id', 'x'])
    expect(events.make(row(['7', 's1', 'other', '2024-05-06', 'red', '?']))).toEqual({
      value: {
        userId: '7',
        itemId: 's1',
        type: 'purchase',
        occurredAt: '2024-05-06T00:00:00Z',
        properties: { colour: 'red' },
      },
      lane: '7',
    })
    expect(
      ['userId', 'itemId', 'properties.colour', 'properties', 'value'].map((field) => events.columnOf(field)),
    ).toEqual(['USER-ID', 'sku', 'colour', undefined, undefined])
  })

  it('keeps the types of inputs that have them', () => {
    const items = mapping(undefined, ['attributes.size:number=size'], [], 'items')
    const value = {
      sku: 'no',
      itemId: 12n,
      size: '44',
      'attributes.new': true,
      categories: ['a', 'b'],
      embedding: new Float32Array([1, 2]),
    }
    expect(items.make(row(value))).toEqual({
      value: { itemId: '12', attributes: { size: 44, new: true }, categories: ['a', 'b'], embedding: [1, 2] },
      lane: '12',
    })
  })

  it('names the column of a value that does not fit, and what is missing', () => {
    const events = mapping(['who', 'itemId', 'type', 'value'], ['userId=who'])
    expect(events.make(row(['u', 'i', 'view', 'many']))).toEqual({
      problem: { code: 'INVALID_VALUE', column: 'value', reason: 'is no number: "many"' },
    })
    expect(events.make(row(['', 'i', 'view', '1']))).toEqual({
      problem: { code: 'MISSING_VALUE', column: 'who', reason: 'has no userId' },
    })
  })

  it.each<[string, unknown, unknown]>([
    ['price', '3.50', 3.5],
    ['price', ' 7 ', 7],
    ['price', 8n, 8],
    ['available', 'No', false],
    ['available', 1, true],
    ['categories', 'a| b |', ['a', 'b']],
    ['categories', '["x","y|z"]', ['x', 'y|z']],
    ['embedding', '[0.5, 1]', [0.5, 1]],
    ['embedding', '0.5 1', [0.5, 1]],
    ['attributes', '{"a":1}', { a: 1 }],
    ['title', 5, '5'],
    ['title', '', undefined],
    ['title', null, undefined],
    ['publishedAt', '2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z'],
    ['publishedAt', '2024-01-02t03:04+02:00', '2024-01-02T03:04:00+02:00'],
    ['publishedAt', '2024-01-02 03:04', '2024-01-02T03:04:00Z'],
    ['publishedAt', '2024-01-02 03:04:05.6', '2024-01-02T03:04:05.6Z'],
    ['publishedAt', '1700000000', '2023-11-14T22:13:20.000Z'],
    ['publishedAt', 1_700_000_000_000, '2023-11-14T22:13:20.000Z'],
    ['publishedAt', '1700000000000000', '2023-11-14T22:13:20.000Z'],
    ['publishedAt', new Date(0), '1970-01-01T00:00:00.000Z'],
  ])('reads %s from %s (%#)', (field, value, expected) => {
    expect(made(field, value)).toEqual(expected)
  })

  it.each<[string, unknown]>([
    ['price', '1,5'],
    ['price', 'NaN'],
    ['price', ' '],
    ['available', 'perhaps'],
    ['publishedAt', '01/02/2024'],
    ['publishedAt', new Date(NaN)],
    ['publishedAt', '99999999999999999999'],
    ['attributes', '{'],
    ['embedding', '1 x'],
    ['title', { a: 1 }],
  ])('refuses %s from %s (%#)', (field, value) => {
    expect(made(field, value)).toMatchObject({ code: 'INVALID_VALUE' })
  })

  it('never takes a name for more than a name', () => {
    expect(made('__proto__', { a: 1 })).toEqual(Object.prototype)
    const items = mapping(['itemId', 'attributes.__proto__'], [], [], 'items')
    expect(items.make(row(['i', 'x']))).toEqual({
      value: { itemId: 'i', attributes: { ['__proto__']: 'x' } },
      lane: 'i',
    })
  })

  it.each<[string, () => unknown]>([
    ['No column for userId, type', () => mapping(['itemId', 'z'])],
    ['The columns are: itemId, z', () => mapping(['itemId', 'z'])],
    ['there is no column none', () => mapping(['userId', 'itemId', 'type'], ['value=none'])],
    ['There is no field colour', () => mapping(['userId', 'itemId', 'type', 'c'], ['colour=c'])],
    ['has to be field=column', () => mapping(['userId', 'itemId', 'type'], ['value'])],
    ['Two columns are named userId', () => mapping(['userId', 'itemId', 'type', 'userId'])],
    ['--set value: is no number', () => mapping(['userId', 'itemId', 'type'], [], ['value=x'])],
  ])('refuses flags and columns that cannot be meant: %s', (words, make) => {
    expect(make).toThrow(UsageError)
    expect(make).toThrow(words)
  })
})
