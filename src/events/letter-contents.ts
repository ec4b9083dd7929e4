import type { IHeaders, KafkaMessage } from 'kafkajs'
import { z } from 'zod'
import { ORIGIN_HEADER } from './dead-letters.js'

/** A message with a value that is larger, or with more of key and headers, is left at its origin. */
export const MAX_VALUE_BYTES = 1024 * 1024
const MAX_OTHER_BYTES = 256 * 1024
/** Of the key of a letter that is put away: enough to see whom it is about. */
export const KEY_LEFT = 1024

/** What of a message is kept here. */
export function stored(message: KafkaMessage): Stored {
  const { key, value } = message
  const headers = writeHeaders(message.headers)
  const tooLarge = (value?.length ?? 0) > MAX_VALUE_BYTES || (key?.length ?? 0) + headers.length > MAX_OTHER_BYTES
  return tooLarge ? away(message) : { key, value, headers, putAway: false }
}

interface Stored {
  key: Buffer | null
  value: Buffer | null
  headers: string
  putAway: boolean
}

export const away = ({ key }: KafkaMessage): Stored => ({
  ...{ key: key?.subarray(0, KEY_LEFT) ?? null, value: null, headers: '{}', putAway: true },
})

export const storable = (text: string) => text.replaceAll('\u0000', '').toWellFormed()

export function momentOf(ms: number): Date | null {
  // What PostgreSQL takes.
  return ms > 0 && ms < 8.64e15 && new Date(ms).getUTCFullYear() <= 9999 ? new Date(ms) : null
}

const Headers = z.record(z.string(), z.union([z.string(), z.array(z.string())]))
const base64 = (value: Buffer | string) => Buffer.from(value).toString('base64')

function writeHeaders(headers: IHeaders = {}): string {
  const kept = Object.entries(headers).flatMap(([name, value]) => {
    // Made anew where it is sent round.
    if (value === undefined || name === ORIGIN_HEADER) return []
    return [[name, Array.isArray(value) ? value.map(base64) : base64(value)] as const]
  })
  return JSON.stringify(Object.fromEntries(kept)).toWellFormed()
}

export function readHeaders(json: string): IHeaders {
  const bytes = (text: string) => Buffer.from(text, 'base64')
  const entries = Object.entries(Headers.parse(JSON.parse(json)))
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? bytes(value) : value.map(bytes)]),
  )
}
