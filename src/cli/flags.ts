import { readFile } from 'node:fs/promises'
import { InvalidArgumentError } from 'commander'
import { UsageError } from './exit.js'
import { readStandardInput } from './terminal.js'

export function whole(value: string): number {
  const found = Number(value)
  if (!Number.isInteger(found) || found < 1) throw new InvalidArgumentError('has to be a whole number above 0')
  return found
}

/** A number from 0 to 1. */
export function share(value: string): number {
  const found = Number(value)
  if (value.trim() === '' || !(found >= 0 && found <= 1)) throw new InvalidArgumentError('has to be from 0 to 1')
  return found
}

/** `a,b, c` as its parts. */
export const list = (value: string): string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, y: 365 * 86_400_000 }

/** A moment to come, as RFC 3339, or how long it is until then: `90d`, `12h`. */
export function until(value: string, now = Date.now()): string {
  const [, count, unit] = /^(\d{1,6})([mhdy])$/.exec(value) ?? []
  const at = count === undefined ? Date.parse(value) : now + Number(count) * UNITS[unit]
  if (Number.isNaN(at) || Math.abs(at) > 8.64e15)
    throw new InvalidArgumentError('has to be a moment, or a time such as 90d or 12h')
  return new Date(at).toISOString()
}

/**
 * A JSON object from a flag: itself, `@file`, or `-` for standard input.
 * @throws UsageError where it is none
 */
export async function jsonObject(flag: string, value: string): Promise<Record<string, unknown>> {
  const text =
    value === '-' ? await readStandardInput() : value.startsWith('@') ? await fileOf(flag, value.slice(1)) : value
  try {
    const found: unknown = JSON.parse(text)
    if (typeof found === 'object' && found !== null && !Array.isArray(found)) return found as Record<string, unknown>
  } catch (error) {
    throw new UsageError(`${flag} is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw new UsageError(`${flag} has to be a JSON object, @file or -`)
}

const fileOf = (flag: string, path: string) =>
  readFile(path, 'utf8').catch((error: Error) => {
    throw new UsageError(`${flag}: ${path} cannot be read: ${error.message}`)
  })
