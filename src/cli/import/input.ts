import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { UsageError } from '../exit.js'

const CHUNK_BYTES = 256 * 1024

export type Format = 'csv' | 'ndjson' | 'parquet'

/** What is imported: a file, or what comes on standard input. */
export interface Input {
  /** Undefined: standard input. */
  path?: string
  name: string
  /** Of the file as it lies there; undefined where nobody knows. */
  bytes?: number
  gzip: boolean
  format: Format
  /** A label of the Encoding Standard; undefined: UTF-8. */
  encoding?: string
}

/** @param name a path, or `-` @throws UsageError where it cannot be read, or nobody can tell what it is */
export async function findInput(
  name: string,
  format: Format | undefined,
  encoding: string | undefined,
): Promise<Input> {
  if (encoding !== undefined) checkEncoding(encoding)
  if (name === '-') {
    if (format === 'parquet') throw new UsageError('Parquet is read from its end: give it as a file.')
    return { name: 'standard input', gzip: false, format: format ?? 'csv', ...(encoding && { encoding }) }
  }
  const path = resolve(name)
  const found = await stat(path).catch((error: Error) => {
    throw new UsageError(`${name} cannot be read: ${error.message}`)
  })
  if (!found.isFile()) throw new UsageError(`${name} is no file`)
  const head = await beginningOf(path)
  const gzip = head[0] === 0x1f && head[1] === 0x8b
  const known = format ?? formatOf(name, head)
  if (!known) throw new UsageError(`What is ${name}? Say --format csv, ndjson or parquet.`)
  if (!encoding && ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)))
    throw new UsageError(`${name} is UTF-16: say --encoding ${head[0] === 0xff ? 'utf-16le' : 'utf-16be'}.`)
  return { path, name: basename(path), bytes: found.size, gzip, format: known, ...(encoding && { encoding }) }
}

function formatOf(name: string, head: Buffer): Format | undefined {
  if (head.toString('latin1') === 'PAR1') return 'parquet'
  const ending = /\.(\w+)$/.exec(name.toLowerCase().replace(/\.gz$/, ''))?.[1] ?? ''
  if (ending === 'parquet') return 'parquet'
  if (['csv', 'tsv', 'txt'].includes(ending)) return 'csv'
  return ['ndjson', 'jsonl', 'json'].includes(ending) ? 'ndjson' : undefined
}

async function beginningOf(path: string): Promise<Buffer> {
  const file = await open(path).catch((error: Error) => {
    throw new UsageError(`${path} cannot be read: ${error.message}`)
  })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function checkEncoding(encoding: string) {
  try {
    new TextDecoder(encoding)
  } catch {
    throw new UsageError(`There is no encoding ${encoding}: latin1, windows-1252 and utf-16le are some.`)
  }
}

/** How much of the file was read, for whoever waits. */
export interface Meter {
  read: number
}

/**
 * The text of an input as bytes of UTF-8, from a place in it on. What is packed or written otherwise is read from its
 * beginning, since nobody knows where the place is.
 */
export async function* textOf(input: Input, offset: number, meter: Meter): AsyncGenerator<Buffer> {
  const direct = input.path !== undefined && !input.gzip && !input.encoding
  const begin = direct ? offset : 0
  let skip = direct ? 0 : offset
  meter.read = begin
  const decoder = input.encoding ? new TextDecoder(input.encoding) : undefined
  for await (const part of bytesOf(input, begin, meter)) {
    const chunk = decoder ? Buffer.from(decoder.decode(part, { stream: true })) : part
    if (skip >= chunk.length) skip -= chunk.length
    else {
      yield skip > 0 ? chunk.subarray(skip) : chunk
      skip = 0
    }
  }
  const end = decoder?.decode()
  if (end) yield Buffer.from(end)
}

async function* bytesOf(input: Input, begin: number, meter: Meter): AsyncGenerator<Buffer> {
  const file: Readable = input.path
    ? createReadStream(input.path, { start: begin, highWaterMark: CHUNK_BYTES })
    : process.stdin
  file.on('data', (part: Buffer) => (meter.read += part.length))
  const source = input.gzip ? pipeline(file, createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined) : file
  yield* source as AsyncIterable<Buffer>
}

/** SHA-256 of a file, and of its beginning where that is asked for. */
export async function fingerprint(path: string, beginning?: number): Promise<{ whole: string; beginning?: string }> {
  const hash = createHash('sha256')
  let seen = 0
  let before: string | undefined
  for await (const part of createReadStream(path, { highWaterMark: 4 * CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    if (beginning !== undefined && seen <= beginning && seen + part.length >= beginning)
      before = hash
        .copy()
        .update(part.subarray(0, beginning - seen))
        .digest('base64url')
    hash.update(part)
    seen += part.length
  }
  return { whole: hash.digest('base64url'), ...(before !== undefined && { beginning: before }) }
}
