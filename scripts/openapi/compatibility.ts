/** What of an OpenAPI document is compared; all else is said for people only. */
export interface Document {
  paths?: Record<string, Record<string, Operation | undefined>>
  components?: Record<string, Record<string, unknown>>
}

interface Operation {
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content?: Content }
  responses?: Record<string, { content?: Content }>
}
interface Parameter {
  name: string
  in: string
  required?: boolean
  schema?: Schema
}
type Content = Record<string, { schema?: Schema }>

type Schema = boolean | SchemaObject
interface SchemaObject {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  pattern?: string
  format?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  [keyword: string]: unknown
}

/** Which way a value goes: a client writes requests for the old document and reads answers by it. */
type Way = 'request' | 'response'

/** Keywords that leave fewer values the higher they are, and the lower. */
const FLOORS = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
const CEILINGS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']

/**
 * Why a client that was made for one document could fail with the next: what it calls, sends or reads is gone, or means
 * less than before. What was added is no reason, neither is a new value of an enum in an answer.
 * @returns one line a problem, empty where every such client goes on working
 */
export function incompatibilities(before: Document, after: Document): string[] {
  const comparison = new Comparison(before, after)
  for (const [path, operations] of Object.entries(before.paths ?? {}))
    for (const [method, operation] of Object.entries(operations)) {
      const where = `${method.toUpperCase()} ${path}`
      const now = after.paths?.[path]?.[method]
      if (!now) comparison.report(where, 'is gone')
      else if (operation) comparison.operation(where, operation, now)
    }
  return [...new Set(comparison.problems)]
}

class Comparison {
  readonly problems: string[] = []
  /** Pairs of references that are being compared or were: schemas may hold themselves. */
  private readonly seen: Set<string>

  constructor(
    private readonly before: Document,
    private readonly after: Document,
    seen: Iterable<string> = [],
  ) {
    this.seen = new Set(seen)
  }

  report(where: string, what: string) {
    this.problems.push(`${where}: ${what}`)
  }

  operation(where: string, before: Operation, after: Operation) {
    const now = new Map((after.parameters ?? []).map((parameter) => [keyOf(parameter), parameter]))
    const then = new Map((before.parameters ?? []).map((parameter) => [keyOf(parameter), parameter]))
    for (const [key, parameter] of then) {
      const next = now.get(key)
      if (!next) this.report(where, `${key} is gone`)
      else {
        if (next.required && !parameter.required) this.report(where, `${key} has become required`)
        this.schema(`${where} ${key}`, parameter.schema, next.schema, 'request')
      }
    }
    for (const [key, { required }] of now)
      if (required && !then.has(key)) this.report(where, `${key} is new and required`)
    if (after.requestBody?.required && !before.requestBody?.required) this.report(where, 'the body has become required')
    this.content(`${where} request`, before.requestBody?.content, after.requestBody?.content, 'request')
    for (const [status, answer] of Object.entries(before.responses ?? {})) {
      const next = after.responses?.[status]
      if (next)
        this.content(`${where} ${status}`, this.part(answer, this.before), this.part(next, this.after), 'response')
      // An error that is not answered any more hurts nobody.
      else if (/^[123]/.test(status)) this.report(where, `${status} is not answered any more`)
    }
  }

  private part(answer: { content?: Content; $ref?: string }, document: Document): Content | undefined {
    return answer.$ref ? (resolve(document, answer.$ref) as { content?: Content }).content : answer.content
  }

  private content(where: string, before: Content = {}, after: Content = {}, way: Way) {
    for (const [media, { schema }] of Object.entries(before))
      if (!(media in after)) this.report(where, `${media} is gone`)
      else this.schema(where, schema, after[media].schema, way)
  }

  private schema(where: string, before: Schema | undefined, after: Schema | undefined, way: Way): void {
    const pair = JSON.stringify([way, refOf(before), refOf(after)])
    if (refOf(before) && refOf(after)) {
      if (this.seen.has(pair)) return
      this.seen.add(pair)
    }
    const then = this.read(before, this.before)
    const now = this.read(after, this.after)
    // Who may take less, and who may give more, than it did.
    const [taker, giver] = way === 'request' ? [now, then] : [then, now]
    if (isAnything(taker) || giver === false) return
    if (isAnything(giver) || taker === false)
      return this.report(where, way === 'request' ? 'takes less than anything now' : 'may be anything now')
    const [a, b] = [then as SchemaObject, now as SchemaObject]
    this.types(where, a, b, way)
    this.values(where, a, b, way)
    if (way === 'request') this.limits(where, a, b)
    this.object(where, a, b, way)
    if (a.items !== undefined && b.items !== undefined) this.schema(`${where}[]`, a.items, b.items, way)
    this.branches(where, a, b, way)
  }

  private types(where: string, before: SchemaObject, after: SchemaObject, way: Way) {
    const [then, now] = [typesOf(before), typesOf(after)]
    if (!then || !now) {
      if (way === 'request' && now && !then && !branchesOf(before)) this.report(where, `takes ${now.join()} only`)
      return
    }
    const fits = (type: string, others: string[]) =>
      others.includes(type) || (type === 'integer' && others.includes('number'))
    for (const type of way === 'request' ? then : now)
      if (!fits(type, way === 'request' ? now : then))
        this.report(where, way === 'request' ? `takes no ${type} any more` : `may be ${type} now`)
  }

  private values(where: string, before: SchemaObject, after: SchemaObject, way: Way) {
    const [then, now] = [valuesOf(before), valuesOf(after)]
    if (now && !then && way === 'request') this.report(where, 'takes only a few values now')
    if (!now || !then) return
    for (const value of then)
      if (!now.includes(value)) this.report(where, `${JSON.stringify(value)} is no value any more`)
  }

  private limits(where: string, before: SchemaObject, after: SchemaObject) {
    for (const name of [...FLOORS, ...CEILINGS]) {
      const [then, now] = [before[name], after[name]]
      if (typeof now !== 'number') continue
      const narrower = FLOORS.includes(name) ? Number(then ?? -Infinity) < now : Number(then ?? Infinity) > now
      if (narrower) this.report(where, `${name} is ${now}, was ${typeof then === 'number' ? then : 'none'}`)
    }
    for (const name of ['pattern', 'format'])
      if (after[name] !== undefined && after[name] !== before[name]) this.report(where, `${name} is another one`)
  }

  private object(where: string, before: SchemaObject, after: SchemaObject, way: Way) {
    const [then, now] = [before.properties ?? {}, after.properties ?? {}]
    const required = (schema: SchemaObject, name: string) => schema.required?.includes(name) ?? false
    for (const [name, schema] of Object.entries(then)) {
      if (!(name in now)) this.report(where, `${name} is gone`)
      else {
        this.schema(`${where}.${name}`, schema, now[name], way)
        if (way === 'response' && required(before, name) && !required(after, name))
          this.report(where, `${name} may be missing now`)
      }
    }
    if (way === 'request')
      for (const name of after.required ?? [])
        if (!required(before, name))
          this.report(where, name in then ? `${name} has become required` : `${name} is new and required`)
    const [others, othersNow] = [before.additionalProperties, after.additionalProperties]
    if (way === 'request' && othersNow === false && others !== false && typesOf(before)?.includes('object'))
      this.report(where, 'takes no further fields any more')
    else if (others && othersNow) this.schema(`${where}.*`, others, othersNow, way)
  }

  /** Of alternatives, each that could be given has to be one that is still taken. */
  private branches(where: string, before: SchemaObject, after: SchemaObject, way: Way) {
    for (const [index, schema] of (before.allOf ?? []).entries())
      if (after.allOf?.[index] !== undefined) this.schema(where, schema, after.allOf[index], way)
    const [then, now] = [branchesOf(before), branchesOf(after)]
    if (!then && !now) return
    const givers = (way === 'request' ? then : now) ?? [way === 'request' ? before : after]
    const takers = (way === 'request' ? now : then) ?? [way === 'request' ? after : before]
    for (const giver of givers) {
      // Its own name comes first: beside a form that takes anything, none could ever be missed.
      const namesake = takers.find((taker) => refOf(taker) !== undefined && refOf(taker) === refOf(giver))
      const trials = (namesake ? [namesake] : takers).map((taker) => this.trial(where, giver, taker, way))
      if (trials.some((problems) => problems.length === 0)) continue
      if (trials.length === 1) this.problems.push(...trials[0])
      else this.report(where, way === 'request' ? 'one of its forms is not taken any more' : 'has a further form now')
    }
  }

  private trial(where: string, giver: Schema, taker: Schema, way: Way): string[] {
    const trial = new Comparison(this.before, this.after, this.seen)
    if (way === 'request') trial.schema(where, giver, taker, way)
    else trial.schema(where, taker, giver, way)
    return trial.problems
  }

  private read(schema: Schema | undefined, document: Document): Schema {
    let found = schema ?? true
    for (let hops = 0; hops < 16 && typeof found === 'object' && found.$ref; hops++)
      found = resolve(document, found.$ref) as Schema
    return found
  }
}

const keyOf = ({ in: place, name }: Parameter) => `${place} ${name}`
const refOf = (schema: Schema | undefined) => (typeof schema === 'object' ? schema.$ref : undefined)
const typesOf = ({ type }: SchemaObject) => (type === undefined ? undefined : [type].flat())
const valuesOf = (schema: SchemaObject) => schema.enum ?? ('const' in schema ? [schema.const] : undefined)
const branchesOf = (schema: SchemaObject) => schema.anyOf ?? schema.oneOf

/** Words for people say nothing of values. */
const WORDS = new Set(['description', 'title', 'default', 'example', 'examples', 'deprecated'])
const isAnything = (schema: Schema) =>
  schema === true || (typeof schema === 'object' && Object.keys(schema).every((name) => WORDS.has(name)))

function resolve(document: Document, ref: string): unknown {
  const [, , kind, name] = ref.split('/')
  return document.components?.[kind]?.[name] ?? {}
}
