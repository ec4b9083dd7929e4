/** Prints for people or, with `--json`, one JSON value a line for programs. */
export class Output {
  constructor(private readonly json: boolean) {}

  /** One result. */
  show(value: unknown, words: () => string) {
    print(this.json ? JSON.stringify(value) : words())
  }

  /** A list, each entry a row of cells. */
  list<T>(entries: readonly T[], columns: Column<T>[], empty: string) {
    if (this.json) for (const entry of entries) print(JSON.stringify(entry))
    else print(entries.length > 0 ? table(entries, columns) : empty)
  }
}

const print = (text: string) => process.stdout.write(`${text}\n`)

export interface Column<T> {
  name: string
  of: (entry: T) => string | number | boolean | null | undefined
  /** Numbers stand to the right. */
  right?: boolean
}

/**
 * Columns below their names, two spaces apart.
 * @param width of a line; what is longer is cut at the end of the last column
 */
export function table<T>(entries: readonly T[], columns: Column<T>[], width = lineWidth()): string {
  const rows = [columns.map(({ name }) => name), ...entries.map((entry) => columns.map(({ of }) => cell(of(entry))))]
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  const lines = rows.map((row) =>
    row
      .map((text, i) => (columns[i].right ? text.padStart(widths[i]) : text.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  )
  return lines.map((line) => (line.length > width ? `${line.slice(0, width - 1)}…` : line)).join('\n')
}

/** Names and what they are, below each other. */
export function facts(entries: [string, string | number | boolean | null | undefined][]): string {
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`).join('\n')
}

/** What others wrote must not move the cursor, colour the screen or look like a further row. */
export const plain = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')

function cell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === '') return '-'
  return typeof value === 'number' ? number(value) : plain(String(value))
}

export const number = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 4 })
export const percent = (share: number) => `${(100 * share).toFixed(1)} %`
/** A moment of the service, to the second, in UTC as everywhere. */
export const moment = (value: string | null | undefined) => value?.slice(0, 19).replace('T', ' ')

/** Files and pipes take lines of any length. */
const lineWidth = () => (process.stdout.isTTY ? process.stdout.columns || 80 : Infinity)
