import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { UsageError } from './exit.js'

/** A line on standard error that is drawn over itself on a terminal, and said now and then elsewhere. */
export class LiveLine {
  private drawn = false
  private saidAt = 0

  constructor(
    private readonly everyMs = 10_000,
    private readonly stream = process.stderr,
  ) {}

  draw(text: string) {
    if (this.stream.isTTY) {
      this.stream.write(`\r\u001b[2K${text.slice(0, (this.stream.columns || 80) - 1)}`)
      this.drawn = true
    } else if (Date.now() - this.saidAt >= this.everyMs) this.say(text)
  }

  /** A line that stays, above the live one. */
  say(text: string) {
    this.clear()
    this.saidAt = Date.now()
    this.stream.write(`${text}\n`)
  }

  clear() {
    if (this.drawn) this.stream.write('\r\u001b[2K')
    this.drawn = false
  }
}

export function bar(share: number, width = 24): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width)
  return '█'.repeat(full) + '░'.repeat(width - full)
}

/** `75`, `4:05`, `1:02:03`. @param seconds rounded up */
export function clock(seconds: number): string {
  const whole = Math.ceil(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const shown = parts[0] > 0 ? parts : parts.slice(1)
  return shown.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':')
}

/** Asks on the terminal. @param hidden what is typed is not shown */
export async function ask(question: string, hidden = false): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  process.stderr.write(question)
  const line = createInterface({ input: process.stdin, output: hidden ? silent : process.stderr, terminal: hidden })
  try {
    return (await line.question('')).trim()
  } finally {
    line.close()
    if (hidden) process.stderr.write('\n')
  }
}

/** @throws UsageError where nobody can be asked, or the answer is another one */
export async function confirm(what: string, word: string, yes: boolean | undefined): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY) throw new UsageError(`${what} Say --yes to do it without being asked.`)
  if ((await ask(`${what} Type ${word} to go on: `)) !== word) throw new UsageError('Nothing was done.')
}

/** All of standard input, for a secret or a document. */
export async function readStandardInput(): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}
