import { describe, expect, test } from 'vitest'
import { Random } from '../../src/model/random.js'
import { compileFilter, type Condition, Filter, type Filterable, type FilterJson } from '../../src/serving/filter.js'

const item = (fields: Partial<Filterable> = {}): Filterable => ({
  itemId: 'i1',
  title: 'Trail shoe',
  categories: ['shoes', 'outdoor'],
  attributes: { brand: 'Acme', weight: 320, waterproof: true, sizes: ['41', '42'] },
  price: 10,
  available: true,
  publishedAt: new Date('2026-03-01T12:00:00Z'),
  expiresAt: null,
  ...fields,
})
const holds = (filter: FilterJson, of = item()) => compileFilter(Filter.parse(filter))(of)
const problems = (filter: unknown) =>
  Filter.safeParse(filter).error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? []

describe('operators', () => {
  test.each<[FilterJson, boolean]>([
    [{}, true],
    [{ itemId: { eq: 'i1' } }, true],
    [{ itemId: { ne: 'i1' } }, false],
    [{ title: { eq: 'Trail shoe' } }, true],
    [{ categories: { any: ['shoes', 'hats'] } }, true],
    [{ categories: { in: ['hats'] } }, false],
    [{ categories: { all: ['shoes', 'outdoor'] } }, true],
    [{ categories: { all: ['shoes', 'hats'] } }, false],
    [{ categories: { none: ['hats'] } }, true],
    [{ categories: { none: ['hats', 'shoes'] } }, false],
    [{ categories: { eq: 'shoes' } }, true],
    [{ price: { gte: 10, lt: 50 } }, true],
    [{ price: { gt: 10 } }, false],
    [{ price: { gt: 5, lte: 9 } }, false],
    [{ available: { eq: true } }, true],
    [{ publishedAt: { gt: '2026-03-01T12:59:59+01:00' } }, true],
    [{ publishedAt: { eq: '2026-03-01T13:00:00+01:00' } }, true],
    [{ publishedAt: { lt: '2026-03-01T12:00:00Z' } }, false],
    [{ 'attributes.brand': { eq: 'Acme' } }, true],
    [{ 'attributes.weight': { lt: 400 } }, true],
    [{ 'attributes.waterproof': { eq: true } }, true],
    [{ 'attributes.sizes': { any: ['42'] } }, true],
    [{ and: [{ price: { gt: 1 } }, { price: { gt: 100 } }] }, false],
    [{ or: [{ price: { gt: 1 } }, { price: { gt: 100 } }] }, true],
    [{ not: { price: { gt: 100 } } }, true],
    [{ price: { gt: 1 }, 'attributes.brand': { eq: 'Other' } }, false],
    [{ and: [] }, true],
    [{ or: [] }, false],
  ])('%j is %s', (filter, expected) => {
    expect(holds(filter)).toBe(expected)
  })

  test('types are compared strictly', () => {
    expect(holds({ 'attributes.weight': { eq: '320' } })).toBe(false)
    expect(holds({ 'attributes.weight': { ne: '320' } })).toBe(true)
    expect(holds({ 'attributes.weight': { gt: '1' } })).toBe(false)
    expect(holds({ 'attributes.waterproof': { eq: 'true' } })).toBe(false)
  })

  test('a missing value meets only exists:false, ne and none', () => {
    const bare = item({ title: null, categories: [], attributes: {}, price: null, publishedAt: null })
    for (const field of ['title', 'categories', 'attributes.brand']) {
      const met = (condition: Condition) => holds({ [field]: condition }, bare)
      expect(met({ exists: false })).toBe(true)
      expect(met({ ne: 'a' })).toBe(true)
      expect(met({ none: ['a'] })).toBe(true)
      for (const condition of [
        { exists: true },
        { eq: 'a' },
        { any: ['a'] },
        { in: ['a'] },
        { all: ['a'] },
        { all: [] },
      ])
        expect(met(condition), JSON.stringify(condition)).toBe(false)
    }
    for (const operator of ['gt', 'gte', 'lt', 'lte'] as const) {
      expect(holds({ price: { [operator]: 0 } }, bare)).toBe(false)
      expect(holds({ publishedAt: { [operator]: '2026-01-01T00:00:00Z' } }, bare)).toBe(false)
    }
  })

  test('an attribute is only what the item itself has', () => {
    expect(holds({ 'attributes.constructor': { exists: true } })).toBe(false)
    expect(holds({ 'attributes.__proto__': { exists: true } })).toBe(false)
    expect(holds({ 'attributes.a.b': { eq: 1 } }, item({ attributes: { 'a.b': 1 } }))).toBe(true)
  })
})

describe('what is refused', () => {
  test.each<[unknown, string]>([
    [null, ': has to be an object'],
    [[], ': has to be an object'],
    ['x', ': has to be an object'],
    [{ colour: { eq: 1 } }, 'colour: is no field'],
    [{ constructor: { eq: 1 } }, 'constructor: is no field'],
    [{ price: { equals: 1 } }, 'price.equals: is no operator'],
    [{ price: 10 }, 'price: has to be an object of operators'],
    [{ price: {} }, 'price: needs an operator'],
    [{ price: { gt: 'cheap' } }, 'price.gt: has to be a number'],
    [{ price: { in: 10 } }, 'price.in: has to be a list'],
    [{ categories: { any: ['a', 1] } }, 'categories.any.1: has to be a string'],
    [{ publishedAt: { gt: 'yesterday' } }, 'publishedAt.gt: has to be an RFC 3339'],
    [{ 'attributes.x': { eq: null } }, 'attributes.x.eq: has to be a string, a number or a boolean'],
    [{ 'attributes.x': { gt: true } }, 'attributes.x.gt: has to be a number or a string'],
    [{ price: { exists: 1 } }, 'price.exists: has to be a boolean'],
    [{ and: { price: { gt: 1 } } }, 'and: has to be a list'],
    [{ or: [{ not: { price: { foo: 1 } } }] }, 'or.0.not.price.foo: is no operator'],
    [{ 'attributes.x': { in: Array.from({ length: 1001 }, () => 1) } }, 'attributes.x.in: has more than 1000'],
    [{ 'attributes.x': { eq: 'x'.repeat(2000) } }, 'attributes.x.eq: is longer'],
    [{ 'attributes.x': { eq: '\u0000' } }, 'attributes.x.eq: has a NUL'],
    [{ categories: { any: ['a', '\ud800'] } }, 'categories.any.1: has a NUL or a broken surrogate pair'],
    [{ not: { 'attributes.\u0000': { exists: true } } }, 'has a NUL'],
  ])('%j', (filter, message) => {
    expect(problems(filter)[0]).toContain(message)
  })

  test('deep and wide filters, without exhausting the stack', () => {
    let deep: unknown = {}
    for (let i = 0; i < 100_000; i++) deep = { not: deep }
    expect(problems(deep)[0]).toContain('nests deeper')
    const wide = { and: Array.from({ length: 100 }, () => ({ price: { gt: 1 } })) }
    expect(problems(wide)[0]).toContain('limit of 100 conditions')
  })
})

/** A filter at random, from fields, operators and operands that sometimes meet the items and sometimes do not. */
function anyFilter(random: Random, depth = 0): FilterJson {
  const pick = <T>(from: T[]) => from[random.below(from.length)]
  const kind = depth > 3 ? 0 : random.below(6)
  if (kind === 1) return { and: Array.from({ length: random.below(3) }, () => anyFilter(random, depth + 1)) }
  if (kind === 2) return { or: Array.from({ length: random.below(3) }, () => anyFilter(random, depth + 1)) }
  if (kind === 3) return { not: anyFilter(random, depth + 1) }
  const values: (string | number | boolean)[] = ['a', 'b', '1', 1, 2, true]
  const operator = pick(['eq', 'ne', 'in', 'any', 'all', 'none', 'gt', 'gte', 'lt', 'lte', 'exists'])
  const operand =
    operator === 'exists'
      ? random.below(2) === 0
      : ['in', 'any', 'all', 'none'].includes(operator)
        ? Array.from({ length: random.below(3) }, () => pick(values))
        : pick(operator.length === 2 && operator !== 'eq' && operator !== 'ne' ? ['a', 1, 2] : ['a', '1', 1])
  return { [pick(['attributes.x', 'attributes.y'])]: { [operator]: operand } }
}

test('the laws of logic hold for any filter and item', () => {
  const random = new Random(7)
  const values = ['a', 'b', '1', 1, 2, true, ['a'], ['a', 'b'], [] as string[], undefined]
  for (let round = 0; round < 2000; round++) {
    const [f, g] = [anyFilter(random), anyFilter(random)]
    const attributes: Filterable['attributes'] = {}
    for (const name of ['x', 'y']) {
      const value = values[random.below(values.length)]
      if (value !== undefined) attributes[name] = value
    }
    const of = item({ attributes })
    const [a, b] = [holds(f, of), holds(g, of)]
    expect(holds({ not: { not: f } }, of)).toBe(a)
    expect(holds({ and: [f, g] }, of)).toBe(a && b)
    expect(holds({ or: [f, g] }, of)).toBe(a || b)
    expect(holds({ not: { and: [f, g] } }, of)).toBe(holds({ or: [{ not: f }, { not: g }] }, of))
    expect(holds({ and: [f, { or: [f, g] }] }, of)).toBe(a)
  }
})
