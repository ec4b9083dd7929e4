import { readCsv } from './csv.js'
import { type Format, type Input, type Meter, textOf } from './input.js'
import { Mapping, type MappingOptions } from './mapping.js'
import { readNdjson } from './ndjson.js'
import { openParquet } from './parquet.js'
import { type Place, type Rows, START } from './row.js'

export interface ReadingOptions extends MappingOptions {
  format?: Format
  delimiter?: string
  /** Names of the columns of a CSV without a header. */
  columns?: string[]
  encoding?: string
}

/** What an earlier try knows of the input. */
export interface Known extends Place {
  columns?: string[]
  delimiter?: string
}

/** An input from a place on, with what its rows mean. */
export interface Reading {
  mapping: Mapping
  rows: Rows
  columns?: string[]
  delimiter?: string
  /** How much was read, of `total` where that is known. */
  meter: Meter
  total?: number
  close(): Promise<void>
}

/** @throws UsageError where the input or the flags are wrong */
export async function startReading(input: Input, options: ReadingOptions, known: Known = START): Promise<Reading> {
  if (input.path !== undefined && input.format === 'parquet') return readParquet(input.path, options, known)
  const meter = { read: 0 }
  const source = textOf(input, known.offset, meter)
  const base = { meter, ...(input.bytes !== undefined && { total: input.bytes }), close: () => Promise.resolve() }
  if (input.format === 'ndjson') {
    return { ...base, mapping: new Mapping(options, undefined), rows: readNdjson(source, known) }
  }
  // At its beginning an input tells its columns itself.
  const before = known.offset > 0 ? known : undefined
  const given = options.columns ?? before?.columns
  const delimiter = options.delimiter ?? before?.delimiter
  const csv = await readCsv(source, { from: known, ...(given && { columns: given }), ...(delimiter && { delimiter }) })
  const { columns, rows } = csv
  return { ...base, mapping: new Mapping(options, columns), rows, columns, delimiter: csv.delimiter }
}

async function readParquet(path: string, options: ReadingOptions, known: Known): Promise<Reading> {
  const file = await openParquet(path)
  try {
    const unused = new Set(new Mapping(options, file.columns).unused)
    const needed = file.columns.filter((column) => !unused.has(column))
    const meter = { read: known.offset }
    const counted = async function* (): Rows {
      for await (const rows of file.rows(needed, known)) {
        yield rows
        meter.read += rows.length
      }
    }
    return {
      mapping: new Mapping(options, needed),
      rows: counted(),
      meter,
      total: file.rowCount,
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}
