import { z } from 'zod'
import { isObject, NOT_STORABLE, storable } from '../platform/schema.js'

/** What a filter can look at. */
export interface Filterable {
  itemId: string
  title: string | null
  categories: string[]
  attributes: Record<string, string | number | boolean | string[]>
  price: number | null
  available: boolean
  publishedAt: Date | null
  expiresAt: Date | null
}

type Scalar = string | number | boolean
/** Several operators of one condition all have to hold. */
export interface Condition {
  eq?: Scalar
  ne?: Scalar
  any?: Scalar[]
  in?: Scalar[]
  all?: Scalar[]
  none?: Scalar[]
  gt?: string | number
  gte?: string | number
  lt?: string | number
  lte?: string | number
  exists?: boolean
}
/** Fields to conditions, and `and`, `or`, `not`; several keys of one filter all have to hold. */
export interface FilterJson {
  and?: FilterJson[]
  or?: FilterJson[]
  not?: FilterJson
  [field: string]: Condition | FilterJson | FilterJson[] | undefined
}
export type Predicate = (item: Filterable) => boolean

// A filter is run over the whole catalogue at each request: far past any real use, far from being a burden.
const MAX_DEPTH = 8
const MAX_CONDITIONS = 100
const MAX_VALUES = 1000
const MAX_STRING = 1024

type Kind = 'string' | 'number' | 'boolean' | 'moment' | 'any'
type Read = (item: Filterable) => Scalar | Scalar[] | undefined

const FIELDS: Record<string, { kind: Kind; read: Read }> = {
  itemId: { kind: 'string', read: (item) => item.itemId },
  title: { kind: 'string', read: (item) => item.title ?? undefined },
  categories: { kind: 'string', read: (item) => item.categories },
  price: { kind: 'number', read: (item) => item.price ?? undefined },
  available: { kind: 'boolean', read: (item) => item.available },
  publishedAt: { kind: 'moment', read: (item) => item.publishedAt?.getTime() },
  expiresAt: { kind: 'moment', read: (item) => item.expiresAt?.getTime() },
}
const ATTRIBUTE = /^attributes\.(.+)$/su

function fieldOf(name: string): { kind: Kind; read: Read } | undefined {
  if (Object.hasOwn(FIELDS, name)) return FIELDS[name]
  const attribute = ATTRIBUTE.exec(name)?.[1]
  if (attribute === undefined) return undefined
  return {
    kind: 'any',
    read: ({ attributes }) => (Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined),
  }
}

const LISTS = ['any', 'in', 'all', 'none'] as const
const ORDERS = ['gt', 'gte', 'lt', 'lte'] as const
const OPERATORS = new Set<string>(['eq', 'ne', 'exists', ...LISTS, ...ORDERS])
const isOneOf = <T extends string>(names: readonly T[], name: string): name is T => names.includes(name as T)
/** Finds all that is wrong with a filter that came from outside, each with its path. */
class Checker {
  private conditions = 0
  private values = 0

  constructor(private readonly report: (path: PropertyKey[], message: string) => void) {}

  filter(value: unknown, path: PropertyKey[], depth: number): void {
    if (!isObject(value)) return this.report(path, 'has to be an object')
    if (depth > MAX_DEPTH) return this.report(path, `nests deeper than ${MAX_DEPTH}`)
    for (const [key, inner] of Object.entries(value)) {
      const at = [...path, key]
      if (++this.conditions > MAX_CONDITIONS) {
        if (this.conditions === MAX_CONDITIONS + 1) this.report(at, `is past the limit of ${MAX_CONDITIONS} conditions`)
        return
      }
      const field = fieldOf(key)
      // A scenario keeps its filter in the database.
      if (!storable(key)) this.report(at, NOT_STORABLE)
      else if (key === 'not') this.filter(inner, at, depth + 1)
      else if (key === 'and' || key === 'or') {
        if (!Array.isArray(inner)) this.report(at, 'has to be a list of filters')
        else if (inner.length > MAX_CONDITIONS) this.report(at, `has more than ${MAX_CONDITIONS} filters`)
        else inner.forEach((part, i) => this.filter(part, [...at, i], depth + 1))
      } else if (field) this.condition(inner, at, field.kind)
      else this.report(at, `is no field: use ${Object.keys(FIELDS).join(', ')}, attributes.<name>, or and, or, not`)
    }
  }

  private condition(value: unknown, path: PropertyKey[], kind: Kind): void {
    if (!isObject(value)) return this.report(path, 'has to be an object of operators, as { "eq": … }')
    const entries = Object.entries(value)
    if (entries.length === 0) this.report(path, 'needs an operator')
    for (const [operator, operand] of entries.slice(0, OPERATORS.size + 1)) {
      const at = [...path, operator]
      if (!OPERATORS.has(operator)) this.report(at, `is no operator: use ${[...OPERATORS].join(', ')}`)
      else if (operator === 'exists') this.operand(operand, at, 'boolean')
      else if (isOneOf(LISTS, operator)) {
        if (!Array.isArray(operand)) this.report(at, 'has to be a list')
        else if ((this.values += operand.length) > MAX_VALUES) this.report(at, `has more than ${MAX_VALUES} values`)
        else operand.forEach((one, i) => this.operand(one, [...at, i], kind))
      } else if (isOneOf(ORDERS, operator) && typeof operand === 'boolean')
        this.report(at, 'has to be a number or a string')
      else this.operand(operand, at, kind)
    }
  }

  private operand(value: unknown, path: PropertyKey[], kind: Kind): void {
    if (kind === 'moment') {
      if (momentOf(value) === undefined) this.report(path, 'has to be an RFC 3339 date and time with a zone')
    } else if (kind === 'any') {
      if (!['string', 'number', 'boolean'].includes(typeof value))
        this.report(path, 'has to be a string, a number or a boolean')
    } else if (typeof value !== kind) this.report(path, `has to be a ${kind}`)
    if (typeof value === 'string' && value.length > MAX_STRING)
      this.report(path, `is longer than ${MAX_STRING} characters`)
    if (typeof value === 'string' && !storable(value)) this.report(path, NOT_STORABLE)
  }
}

const Moment = z.iso.datetime({ offset: true })
function momentOf(value: unknown): number | undefined {
  if (!Moment.safeParse(value).success) return undefined
  const at = Date.parse(value as string)
  return Number.isNaN(at) ? undefined : at
}

const ScalarSchema = { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] }
const SELF = { $ref: '#/components/schemas/Filter' }
const description =
  'Fields (itemId, title, categories, price, available, publishedAt, expiresAt, attributes.<name>) to conditions of the ' +
  `operators ${[...OPERATORS].join(', ')}; and "and", "or" (lists of filters) and "not" (a filter). All keys of one ` +
  'object have to hold. A list (categories, some attributes) equals what it contains. Types are compared strictly. ' +
  'Where an item lacks the field, or has an empty list, only exists:false, ne and none hold.'

/** The filter language of requests, scenarios and boosts: checked as a whole, every problem with its path. */
export const Filter = z
  .unknown()
  .superRefine((value, context) => {
    new Checker((path, message) => context.addIssue({ code: 'custom', path, message })).filter(value, [], 1)
  })
  .meta({
    id: 'Filter',
    override: {
      type: 'object',
      description,
      examples: [
        { categories: { any: ['shoes'] }, price: { gte: 10, lt: 50 }, not: { 'attributes.brand': { eq: 'Acme' } } },
      ],
      properties: {
        and: { type: 'array', items: SELF },
        or: { type: 'array', items: SELF },
        not: SELF,
      },
      additionalProperties: {
        type: 'object',
        properties: {
          eq: ScalarSchema,
          ne: ScalarSchema,
          ...Object.fromEntries(LISTS.map((name) => [name, { type: 'array', items: ScalarSchema }])),
          ...Object.fromEntries(ORDERS.map((name) => [name, { anyOf: [{ type: 'string' }, { type: 'number' }] }])),
          exists: { type: 'boolean' },
        },
      },
    },
  }) as z.ZodType<FilterJson>

/** A checked filter as a predicate over items. */
export function compileFilter(filter: FilterJson): Predicate {
  const parts = Object.entries(filter).map(([key, value]): Predicate => {
    if (key === 'and') return every((value as FilterJson[]).map(compileFilter))
    if (key === 'or') {
      const alternatives = (value as FilterJson[]).map(compileFilter)
      return (item) => alternatives.some((holds) => holds(item))
    }
    if (key === 'not') {
      const inner = compileFilter(value as FilterJson)
      return (item) => !inner(item)
    }
    return compileCondition(key, value as Condition)
  })
  return every(parts)
}

const every = (parts: Predicate[]): Predicate =>
  parts.length === 1 ? parts[0] : (item) => parts.every((holds) => holds(item))

type Test = (values: Scalar[]) => boolean

function compileCondition(name: string, condition: Condition): Predicate {
  const field = fieldOf(name)
  if (!field) throw new Error(`a filter on '${name}' that was never checked`)
  // Moments are compared as such: one moment has many spellings.
  const comparable = (value: Scalar): Scalar =>
    field.kind === 'moment' && typeof value === 'string' ? (momentOf(value) ?? value) : value
  const tests = Object.entries(condition).map(([operator, operand]) =>
    testOf(
      operator,
      Array.isArray(operand)
        ? (operand as Scalar[]).map(comparable)
        : operator === 'exists'
          ? (operand as boolean)
          : comparable(operand as Scalar),
    ),
  )
  return (item) => {
    const value = field.read(item)
    const values = value === undefined ? [] : Array.isArray(value) ? value : [value]
    return tests.every((test) => test(values))
  }
}

/** An operator over a field's values: one of a scalar, any number of a list, none where the field is missing. */
function testOf(operator: string, operand: Scalar | Scalar[]): Test {
  const wanted = new Set(Array.isArray(operand) ? operand : [operand])
  const meets: Test = (values) => values.some((value) => wanted.has(value))
  switch (operator) {
    case 'exists':
      return (values) => values.length > 0 === operand
    case 'eq':
    case 'in':
    case 'any':
      return meets
    case 'ne':
    case 'none':
      return (values) => !meets(values)
    case 'all':
      return (values) => values.length > 0 && [...wanted].every((value) => values.includes(value))
    case 'gt':
      return ordered(operand as Scalar, (value, bound) => value > bound)
    case 'gte':
      return ordered(operand as Scalar, (value, bound) => value >= bound)
    case 'lt':
      return ordered(operand as Scalar, (value, bound) => value < bound)
    default:
      return ordered(operand as Scalar, (value, bound) => value <= bound)
  }
}

/** Values have an order only beside one of their own type: '10' is neither above nor below 9. */
const ordered =
  (bound: Scalar, compare: (value: Scalar, bound: Scalar) => boolean): Test =>
  (values) =>
    values.some((value) => typeof value === typeof bound && compare(value, bound))
