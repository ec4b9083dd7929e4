import { isUtf8 } from 'node:buffer'
import { parse } from 'csv-parse/sync'
import { UsageError } from '../exit.js'
import { content, type Line, linesOf, MAX_LINE_BYTES, NOT_UTF8, TOO_LONG } from './lines.js'
import type { Place, Problem, Row, Rows } from './row.js'

const QUOTE = 0x22
const NOTHING = Buffer.alloc(0)
const DELIMITERS = [',', ';', '\t', '|']
/** A field over more lines than this is a quote that nobody closed. */
const MAX_LINES_OF_RECORD = 1000
const OPTIONS = { relax_column_count: true, record_delimiter: ['\n', '\r\n'] }
const BAD_QUOTE = { code: 'BAD_QUOTE', reason: 'has a quote that is not closed, or that stands inside a field' }

export interface CsvOptions {
  /** Found from the first line unless given. */
  delimiter?: string
  /** Where there is no header, or it was read before. */
  columns?: string[]
  from: Place
}

export interface Csv {
  delimiter: string
  columns: string[]
  rows: Rows
}

/**
 * Reads CSV (RFC 4180) so that one broken record costs that record only: where a quote is never closed, the line that
 * opened it is bad, and reading goes on with the next one.
 * @throws UsageError where there is no header
 */
export async function readCsv(source: AsyncIterable<Buffer>, options: CsvOptions): Promise<Csv> {
  const records = new Records(options.delimiter)
  const written = records.read(source, options.from)
  const first = await written.next()
  const waiting = first.done ? [] : first.value
  const delimiter = records.delimiter ?? ','
  let { columns } = options
  if (!columns) {
    const header = waiting.shift()
    if (!header) throw new UsageError('The input is empty: it has no line of column names.')
    fillCells([header], delimiter)
    if (header.problem) throw new UsageError(`The line of column names ${header.problem.reason}.`)
    columns = header.cells.map((name) => name.trim())
  }
  return { delimiter, columns, rows: rowsOf(waiting, written, delimiter, columns.length) }
}

async function* rowsOf(
  waiting: Written[],
  written: AsyncGenerator<Written[]>,
  delimiter: string,
  columns: number,
): Rows {
  if (waiting.length > 0) yield asRows(waiting, delimiter, columns)
  for await (const some of written) yield asRows(some, delimiter, columns)
}

/** The same objects: a million of them are not copied. */
function asRows(records: Written[], delimiter: string, columns: number): Row[] {
  fillCells(records, delimiter)
  for (const record of records)
    if (!record.problem && record.cells.length !== columns)
      record.problem = { code: 'WRONG_COLUMNS', reason: `has ${record.cells.length} columns instead of ${columns}` }
  return records
}

/** One line, or more where a quoted field holds line ends. */
interface Written extends Row {
  text: string
  /** Whether there are quotes to parse. */
  quoted: boolean
  cells: string[]
}

/** Puts lines together to records. Within a record quotes come in pairs, whatever they mean. */
class Records {
  private found: Written[] = []
  /** Lines of a record that is not at its end. */
  private open: Line[] = []
  private openBytes = 0

  constructor(public delimiter?: string) {}

  async *read(source: AsyncIterable<Buffer>, from: Place): AsyncGenerator<Written[]> {
    for await (const lines of linesOf(source, from)) {
      this.delimiter ??= delimiterOf(lines[0].raw?.toString('utf8') ?? '')
      for (const line of lines) this.push(line)
      yield this.take()
    }
    while (this.open.length > 0) this.giveUp()
    yield this.take()
  }

  private take(): Written[] {
    const { found } = this
    this.found = []
    return found
  }

  private push(line: Line): void {
    const odd = line.raw !== null && hasOddQuotes(line.raw)
    const bytes = line.next - line.start
    if (this.open.length === 0) {
      if (!odd) return this.alone(line)
    } else if (
      line.raw === null ||
      this.open.length === MAX_LINES_OF_RECORD ||
      this.openBytes + bytes > MAX_LINE_BYTES
    ) {
      this.giveUp()
      return this.push(line)
    }
    this.open.push(line)
    this.openBytes += bytes
    if (!odd || this.open.length === 1) return
    const record = joined(this.open)
    if (!record.problem && typeof parseOne(record.text, this.delimiter) === 'string') return this.giveUp()
    this.found.push(record)
    this.open = []
    this.openBytes = 0
  }

  /** Nothing closes it: the line that opened it is bad, and those after it are looked at again. */
  private giveUp(): void {
    const [first, ...rest] = this.open
    this.open = []
    this.openBytes = 0
    this.found.push(bad(first, BAD_QUOTE))
    for (const line of rest) this.push(line)
  }

  private alone(line: Line): void {
    if (line.raw === null) this.found.push(bad(line, TOO_LONG))
    else {
      const bytes = content(line.raw)
      if (bytes.length === 0) return
      this.found.push(isUtf8(bytes) ? written(line, bytes, line) : bad(line, NOT_UTF8))
    }
  }
}

function written(first: Line, bytes: Buffer, last: Line): Written {
  const text = bytes.toString('utf8')
  const { number: line, start } = first
  return { line, start, next: last.next, nextLine: last.number + 1, cells: [], text, quoted: text.includes('"') }
}

const bad = (line: Line, problem: Problem): Written => ({ ...written(line, NOTHING, line), problem })

function joined(lines: Line[]): Written {
  const bytes = content(Buffer.concat(lines.map(({ raw }) => raw ?? NOTHING)))
  const last = lines[lines.length - 1]
  if (isUtf8(bytes)) return written(lines[0], bytes, last)
  return { ...written(lines[0], NOTHING, last), problem: NOT_UTF8 }
}

function hasOddQuotes(raw: Buffer): boolean {
  let odd = false
  for (let at = raw.indexOf(QUOTE); at >= 0; at = raw.indexOf(QUOTE, at + 1)) odd = !odd
  return odd
}

/** Without quotes there is nothing to parse; the others go through the parser together, which costs far less. */
function fillCells(records: Written[], delimiter: string): void {
  const parsed = parseAll(
    records.filter(({ quoted }) => quoted),
    delimiter,
  )
  let nth = 0
  for (const record of records) {
    if (record.problem) continue
    if (record.quoted) {
      const cells = parsed ? parsed[nth++] : parseOne(record.text, delimiter)
      if (typeof cells === 'string') record.problem = { ...BAD_QUOTE, reason: cells }
      else record.cells = cells
    } else record.cells = record.text.split(delimiter)
  }
}

/** @returns undefined where one of them is broken, so that each has to be read by itself */
function parseAll(records: Written[], delimiter: string): string[][] | undefined {
  try {
    const rows = parse(records.map(({ text }) => text).join('\n'), { ...OPTIONS, delimiter })
    return rows.length === records.length ? rows : undefined
  } catch {
    return undefined
  }
}

/** The cells of a record, or what is wrong with it. */
function parseOne(text: string, delimiter = ','): string[] | string {
  try {
    const rows = parse(text, { ...OPTIONS, delimiter })
    return rows.length === 1 ? rows[0] : 'is not one record'
  } catch {
    return BAD_QUOTE.reason
  }
}

/** What a header is most likely cut by. */
export function delimiterOf(header: string): string {
  const unquoted = header.replaceAll(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => unquoted.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))]
}
