import { stripVTControlCharacters } from 'node:util'

const tty = process.stdout.isTTY
const paint = (code: number) => (text: string) => (tty ? `\u001b[${code}m${text}\u001b[0m` : text)
export const bold = paint(1)
export const dim = paint(2)
export const green = paint(32)
export const red = paint(31)

export const say = (text = '') => console.log(text)

/** A heading with the time since the start. */
const started = Date.now()
export const seconds = () => Math.round((Date.now() - started) / 1000)
export const heading = (text: string) => say(`\n${bold(text)} ${dim(`[${seconds()} s]`)}`)

export const count = (value: number) => value.toLocaleString('en-US')
export const percent = (value: number) => `${(100 * value).toFixed(2)} %`

/** Lines below each other; the first row is the heading, numbers stand to the right. */
export function table(rows: string[][]) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  rows.forEach((row, index) => {
    const line = row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
    say(index === 0 ? dim(`  ${line}`) : `  ${line}`)
  })
}

/** A few lines that are drawn over themselves on a terminal, and said now and then elsewhere. */
export class Live {
  private lines = 0
  private lastSaid = 0

  draw(texts: string[]) {
    if (tty) {
      if (this.lines > 0) process.stdout.write(`\u001b[${this.lines}A`)
      for (const text of texts) process.stdout.write(`\u001b[2K${cut(text)}\n`)
      this.lines = texts.length
      return
    }
    if (Date.now() - this.lastSaid < 10_000) return
    this.lastSaid = Date.now()
    texts.forEach((text) => say(text))
  }

  /** Leaves the last lines where they are. */
  end(texts: string[]) {
    this.lastSaid = 0
    this.draw(texts)
    this.lines = 0
  }
}

/** A line that is wrapped could not be drawn over. */
function cut(text: string): string {
  const plain = stripVTControlCharacters(text)
  const width = (process.stdout.columns || 80) - 1
  return plain.length > width ? plain.slice(0, width) : text
}

export function bar(share: number, width = 24): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width)
  return '█'.repeat(full) + '░'.repeat(width - full)
}
