import type { Problem } from './row.js'

/** A value of the contract from a value of the input, or what is wrong with it. Undefined: there is none. */
type Converter = (value: unknown) => unknown

/** What a cell cannot be. */
export class Unfit extends Error {}

const id: Converter = (value) => {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  throw new Unfit(`is no text: ${excerpt(value)}`)
}

const text: Converter = (value) => {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  throw new Unfit(`is no text: ${excerpt(value)}`)
}

const number: Converter = (value) => {
  const found = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  const plain = typeof found === 'bigint' ? Number(found) : found
  if (typeof plain === 'number' && Number.isFinite(plain)) return plain
  throw new Unfit(`is no number: ${excerpt(value)}`)
}

const WORDS: Record<string, boolean> = { true: true, yes: true, '1': true, false: false, no: false, '0': false }
const boolean: Converter = (value) => {
  const found = typeof value === 'boolean' ? value : WORDS[String(value).trim().toLowerCase()]
  if (found !== undefined) return found
  throw new Unfit(`is neither true nor false: ${excerpt(value)}`)
}

const list: Converter = (value) => {
  if (Array.isArray(value)) return value.map((entry) => text(entry))
  if (typeof value === 'string' && value.trimStart().startsWith('[')) return list(json(value))
  return String(text(value))
    .split('|')
    .map((part) => part.trim())
    .filter(Boolean)
}

const numbers: Converter = (value) => {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Float32Array)
  if (Array.isArray(value)) return value.map((entry) => number(entry))
  if (typeof value === 'string' && value.trimStart().startsWith('[')) return numbers(json(value))
  return String(text(value))
    .trim()
    .split(/[\s|;,]+/)
    .map((entry) => number(entry))
}

const json: Converter = (value) => {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    throw new Unfit(`is no JSON: ${excerpt(value)}`)
  }
}

const ZONED = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/
const UNZONED = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?$/
/** Seconds since 1970 stay below this until the year 5138; milliseconds passed it in 1973. */
const MOST_SECONDS = 1e11
const MOST_MILLISECONDS = 1e14

/** RFC 3339; without a zone it is UTC. A number is seconds, milliseconds or microseconds since 1970, by its size. */
const moment: Converter = (value) => {
  if (value instanceof Date) return momentOf(value.getTime(), value)
  if (typeof value === 'number' || typeof value === 'bigint') return sinceEpoch(Number(value), value)
  const written = typeof value === 'string' ? value.trim() : ''
  if (ZONED.test(written)) return written.replace(/^(.{16})([Zz+-])/, '$1:00$2').toUpperCase()
  const [, date, time] = UNZONED.exec(written) ?? []
  if (date !== undefined) return `${date}T${time === undefined ? '00:00:00' : time.length === 5 ? `${time}:00` : time}Z`
  if (/^-?\d+(\.\d+)?$/.test(written)) return sinceEpoch(Number(written), value)
  throw new Unfit(`is no moment: ${excerpt(value)}`)
}

function sinceEpoch(count: number, value: unknown): string {
  const size = Math.abs(count)
  return momentOf(size < MOST_SECONDS ? count * 1000 : size < MOST_MILLISECONDS ? count : count / 1000, value)
}

function momentOf(ms: number, value: unknown): string {
  const at = new Date(ms)
  if (Number.isNaN(at.getTime())) throw new Unfit(`is no moment: ${excerpt(value)}`)
  return at.toISOString()
}

const excerpt = (value: unknown) => {
  const shown = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'nothing')
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown
}

export type Kind = 'events' | 'items'

interface Shape {
  fields: Record<string, Converter>
  required: string[]
  /** Field that holds values of the tenant's own, by name. */
  open: 'properties' | 'attributes'
  /** Rows with the same one keep their order. */
  lane: string
}

export const SHAPES: Record<Kind, Shape> = {
  events: {
    fields: {
      eventId: id,
      userId: id,
      itemId: id,
      type: text,
      value: number,
      occurredAt: moment,
      sessionId: id,
      recommendationId: id,
      properties: json,
    },
    required: ['userId', 'itemId', 'type'],
    open: 'properties',
    lane: 'userId',
  },
  items: {
    fields: {
      itemId: id,
      title: text,
      description: text,
      categories: list,
      attributes: json,
      embedding: numbers,
      url: text,
      imageUrl: text,
      price: number,
      available: boolean,
      publishedAt: moment,
      expiresAt: moment,
    },
    required: ['itemId'],
    open: 'attributes',
    lane: 'itemId',
  },
}

/** How the value of an open field is read: `attributes.size:number`. */
const OPEN_TYPES: Record<string, Converter | undefined> = { text, number, boolean, list, json }

export interface Field {
  /** As the contract names it; of an open field, the part before the dot. */
  name: string
  /** The name within an open field. */
  inner?: string
  convert: Converter
}

/** @param written as `userId`, `attributes.brand` or `attributes.size:number` @returns undefined: there is no such field */
export function fieldOf(kind: Kind, written: string): Field | undefined {
  const { fields, open } = SHAPES[kind]
  if (Object.hasOwn(fields, written)) return { name: written, convert: fields[written] }
  const [, inner, type] = new RegExp(`^${open}\\.(.+?)(?::(\\w+))?$`).exec(written) ?? []
  if (inner === undefined) return undefined
  // Numbers and lists keep their type where the input has types.
  const convert =
    type === undefined ? (value: unknown) => (typeof value === 'bigint' ? Number(value) : value) : OPEN_TYPES[type]
  return convert && { name: open, inner, convert }
}

/** @returns the value, or what is wrong */
export function converted(field: Field, value: unknown): { value: unknown } | Problem {
  try {
    return { value: field.convert(value) }
  } catch (error) {
    if (error instanceof Unfit) return { code: 'INVALID_VALUE', reason: error.message }
    throw error
  }
}
