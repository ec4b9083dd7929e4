import { open } from 'node:fs/promises'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { AsyncBuffer } from 'hyparquet'
import { UsageError } from '../exit.js'
import type { Place, Row, Rows } from './row.js'

/** Rows in memory at a time. */
const ROWS_AT_ONCE = 20_000

export interface Parquet {
  columns: string[]
  rowCount: number
  /** @param columns those that are needed: others are never read from the disk */
  rows(columns: string[], from: Place): Rows
  close(): Promise<void>
}

const compressors = {
  GZIP: (input: Uint8Array) => gunzipSync(input),
  BROTLI: (input: Uint8Array) => brotliDecompressSync(input),
}

/** @throws UsageError where it is no Parquet file */
export async function openParquet(path: string): Promise<Parquet> {
  // Read only where it is needed: it is some hundred kilobytes of code.
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet')
  const file = await open(path)
  const { size } = await file.stat()
  const source: AsyncBuffer = {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = new Uint8Array(Math.max(0, end - start))
      await file.read(bytes, 0, bytes.length, start)
      return bytes.buffer
    },
  }
  const metadata = await parquetMetadataAsync(source).catch(async (error: unknown) => {
    await file.close()
    throw new UsageError(`This is no Parquet file: ${error instanceof Error ? error.message : String(error)}`)
  })
  const rowCount = Number(metadata.num_rows)
  const ends: number[] = []
  for (const group of metadata.row_groups) ends.push((ends.at(-1) ?? 0) + Number(group.num_rows))

  async function* rows(columns: string[], from: Place): Rows {
    for (let start = from.offset; start < rowCount;) {
      // Never across groups: each is read for itself.
      const end = Math.min(start + ROWS_AT_ONCE, ends.find((last) => last > start) ?? rowCount)
      const options = {
        file: source,
        metadata,
        columns,
        compressors,
        rowStart: start,
        rowEnd: end,
        useOffsetIndex: true,
      }
      const found = await parquetReadObjects(options)
      const first = start
      yield found.map((cells, i): Row => {
        const row = first + i
        return {
          line: row + 1,
          start: row,
          next: row + 1,
          nextLine: row + 2,
          cells: columns.map((column) => cells[column] as unknown),
        }
      })
      start = end
    }
  }
  return {
    columns: parquetSchema(metadata).children.map(({ element }) => element.name),
    rowCount,
    rows,
    close: () => file.close(),
  }
}
