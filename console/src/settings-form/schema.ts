/** As much of JSON Schema as the service's settings use (https://json-schema.org/draft/2020-12). */
export interface Schema {
  $ref?: string
  type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null'
  title?: string
  description?: string
  default?: unknown
  enum?: string[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  minimum?: number
  maximum?: number
}

export type Values = Record<string, unknown>
/** Where a value is, as the service names it in its errors: `training.schedule`. */
export type Path = string[]
export const pathText = (path: Path) => path.join('.')

export const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Puts what is referred to in the place of the reference. */
export function resolved(schema: Schema, named: Record<string, Schema>): Schema {
  if (schema.$ref) {
    const found = named[schema.$ref.split('/').at(-1) ?? '']
    return { ...resolved(found ?? {}, named), ...(schema.description && { description: schema.description }) }
  }
  return {
    ...schema,
    ...(schema.properties && {
      properties: Object.fromEntries(
        Object.entries(schema.properties).map(([key, one]) => [key, resolved(one, named)]),
      ),
    }),
    ...(schema.items && { items: resolved(schema.items, named) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map((one) => resolved(one, named)) }),
    ...(isValues(schema.additionalProperties) && {
      additionalProperties: resolved(schema.additionalProperties, named),
    }),
  }
}

/** A field that may be null is its other kind, and that. */
export function withoutNull(schema: Schema): { schema: Schema; nullable: boolean } {
  const kinds = schema.anyOf?.filter(({ type }) => type !== 'null')
  if (!schema.anyOf || kinds?.length !== 1 || kinds.length === schema.anyOf.length) return { schema, nullable: false }
  return { schema: { ...schema, anyOf: undefined, ...kinds[0] }, nullable: true }
}

/** Whether it is a set of names that the tenant chooses, each with the same fields. */
export const entryOf = ({ additionalProperties }: Schema): Schema | undefined =>
  isValues(additionalProperties) ? additionalProperties : undefined

/** What a part begins with when it is switched on. */
export const defaultsOf = ({ properties = {} }: Schema): Values =>
  Object.fromEntries(
    Object.entries(properties)
      .filter(([, one]) => one.default !== undefined)
      .map(([key, one]) => [key, one.default]),
  )

/** `minNewEvents` as Min new events. */
export function nameOf(key: string, { title }: Schema = {}): string {
  const words =
    title ?? key.replaceAll(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export function valueAt(values: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, key) => (isValues(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
    values,
  )
}

/** A copy with another value at the path; undefined takes it away, and what is empty by that with it, but at the top. */
export function withValue(values: Values, [key, ...rest]: Path, value: unknown): Values {
  const inner = rest.length === 0 ? value : withValue(isValues(values[key]) ? values[key] : {}, rest, value)
  const gone = inner === undefined || (value === undefined && rest.length > 0 && isValues(inner) && isEmpty(inner))
  if (!gone) return { ...values, [key]: inner }
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== key))
}

const isEmpty = (values: Values) => Object.keys(values).length === 0

/** What takes the old values to the new ones as a JSON merge patch (RFC 7396); empty: nothing has changed. */
export function patchOf(old: Values, now: Values): Values {
  const patch: Values = {}
  for (const key of Object.keys(old)) if (!Object.hasOwn(now, key)) patch[key] = null
  for (const [key, value] of Object.entries(now)) {
    const before = old[key]
    if (isValues(value) && isValues(before)) {
      const inner = patchOf(before, value)
      if (!isEmpty(inner)) patch[key] = inner
    } else if (JSON.stringify(value) !== JSON.stringify(before)) patch[key] = value
  }
  return patch
}

/** How many fields a patch changes. */
export const changesOf = (patch: Values): number =>
  Object.values(patch).reduce<number>((sum, value) => sum + (isValues(value) ? changesOf(value) : 1), 0)
