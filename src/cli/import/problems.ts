import { closeSync, ftruncateSync, openSync, statSync, truncateSync, writeSync } from 'node:fs'
import { plain } from '../output.js'
import type { Problem } from './row.js'

/** Said on the terminal; the others are in the report. */
const MOST_SAID = 20

export interface LineProblem extends Problem {
  line: number
}

/** Lines that were not imported, in their order: in a report of one JSON object each, the first few on the terminal. */
export class Problems {
  private readonly waiting: LineProblem[] = []
  private file: number | undefined
  private bytes: number

  /**
   * @param reportBytes how much of the report an earlier try wrote for good
   * @param count how many lines it names
   */
  constructor(
    readonly path: string,
    private readonly say: (text: string) => void,
    reportBytes = 0,
    public count = 0,
  ) {
    // It may have been taken away meanwhile, or be another file than before.
    this.bytes = Math.min(reportBytes, statSync(path, { throwIfNoEntry: false })?.size ?? 0)
    if (this.bytes > 0) truncateSync(path, this.bytes)
  }

  get reportBytes() {
    return this.bytes
  }

  add(problem: LineProblem) {
    this.waiting.push(problem)
  }

  /** Writes those before a line: what comes later may yet be tried again. @throws Error of the file; then they wait on */
  release(before: number) {
    if (this.waiting.length === 0) return
    this.waiting.sort((a, b) => a.line - b.line)
    const end = this.waiting.findIndex(({ line }) => line >= before)
    const ready = this.waiting.slice(0, end < 0 ? this.waiting.length : end)
    if (ready.length === 0) return
    this.write(ready.map((problem) => `${JSON.stringify(problem)}\n`).join(''))
    this.waiting.splice(0, ready.length)
    for (const problem of ready) {
      this.count += 1
      if (this.count <= MOST_SAID) this.say(words(problem))
      else if (this.count === MOST_SAID + 1) this.say(`further ones are named in ${this.path} only`)
    }
  }

  /** All of it or nothing: what is cut off half-way would be a line of its own. */
  private write(text: string) {
    this.file ??= this.open()
    const data = Buffer.from(text)
    try {
      // A disk that is almost full takes a part.
      for (let written = 0; written < data.length;) written += writeSync(this.file, data, written)
    } catch (error) {
      ftruncateSync(this.file, this.bytes)
      throw error
    }
    this.bytes += data.length
  }

  private open(): number {
    try {
      return openSync(this.path, this.bytes > 0 ? 'a' : 'w', 0o600)
    } catch (error) {
      const { message } = error as Error
      throw new Error(`--report says where refused lines may be named: ${message}`, { cause: error })
    }
  }

  close() {
    if (this.file !== undefined) closeSync(this.file)
    this.file = undefined
  }
}

export const words = ({ line, column, code, reason }: LineProblem) =>
  plain(`line ${line}${column === undefined ? '' : `, column ${column}`}: ${reason} (${code})`)
