/** Why a row cannot be imported. */
export interface Problem {
  code: string
  reason: string
  /** As the input names it, where one column is to blame. */
  column?: string
}

/** One row of an input, whatever its format. */
export interface Row {
  /** The line that it begins on, or the number of the row in a Parquet file; from 1. */
  line: number
  /** Where it begins, and where the next one does: bytes of decoded text, or rows. */
  start: number
  next: number
  nextLine: number
  /** In the order of the columns, or by name. */
  cells: readonly unknown[] | Record<string, unknown>
  problem?: Problem
}

/** A place in an input, from which it can be read on. */
export interface Place {
  line: number
  offset: number
}

export const START: Place = { line: 1, offset: 0 }

/** Rows as they are read, some at a time. */
export type Rows = AsyncGenerator<Row[]>
