import type { Place } from './row.js'

/** Longer than any event or item that the service takes. A line without an end must not fill the memory. */
export const MAX_LINE_BYTES = 1024 * 1024
const NEWLINE = 0x0a
const RETURN = 0x0d
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

export interface Line {
  number: number
  start: number
  next: number
  /** With its end; null: it was longer than a line may be. */
  raw: Buffer | null
}

/** The lines of a stream of bytes, some at a time. @param from the place that the stream begins at */
export async function* linesOf(source: AsyncIterable<Buffer>, from: Place): AsyncGenerator<Line[]> {
  let { line: number, offset: start } = from
  let rest: Buffer[] = []
  let restBytes = 0
  let tooLong = false
  const take = (raw: Buffer): Line => {
    const whole = rest.length > 0 ? Buffer.concat([...rest, raw]) : raw
    const bytes = restBytes + raw.length
    const text = start === 0 && whole.subarray(0, 3).equals(BYTE_ORDER_MARK) ? whole.subarray(3) : whole
    const line = { number, start, next: start + bytes, raw: tooLong || bytes > MAX_LINE_BYTES ? null : text }
    number += 1
    start = line.next
    rest = []
    restBytes = 0
    tooLong = false
    return line
  }
  for await (const chunk of source) {
    const found: Line[] = []
    let at = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      found.push(take(chunk.subarray(at, end + 1)))
      at = end + 1
    }
    if (at < chunk.length) {
      restBytes += chunk.length - at
      tooLong ||= restBytes > MAX_LINE_BYTES
      if (tooLong) rest = []
      else rest.push(chunk.subarray(at))
    }
    if (found.length > 0) yield found
  }
  if (restBytes > 0) yield [take(Buffer.alloc(0))]
}

/** Without its end, which is LF or CRLF. */
export function content(raw: Buffer): Buffer {
  let end = raw.length
  if (raw[end - 1] === NEWLINE) end -= 1
  if (end < raw.length && raw[end - 1] === RETURN) end -= 1
  return raw.subarray(0, end)
}

export const TOO_LONG = {
  code: 'LINE_TOO_LONG',
  reason: `is longer than ${MAX_LINE_BYTES} bytes, or has no end`,
}
export const NOT_UTF8 = {
  code: 'NOT_UTF8',
  reason: 'is not UTF-8: --encoding names what it is, as latin1 or utf-16le',
}
