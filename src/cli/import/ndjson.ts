import { isUtf8 } from 'node:buffer'
import { content, type Line, linesOf, NOT_UTF8, TOO_LONG } from './lines.js'
import type { Place, Row, Rows } from './row.js'

/** One JSON object a line (https://github.com/ndjson/ndjson-spec); empty lines are passed over. */
export async function* readNdjson(source: AsyncIterable<Buffer>, from: Place): Rows {
  for await (const lines of linesOf(source, from)) yield lines.flatMap(rowOf)
}

function rowOf({ number, start, next, raw }: Line): Row[] {
  const row = { line: number, start, next, nextLine: number + 1, cells: [] }
  if (raw === null) return [{ ...row, problem: TOO_LONG }]
  const text = content(raw)
  if (text.length === 0) return []
  if (!isUtf8(text)) return [{ ...row, problem: NOT_UTF8 }]
  try {
    const value: unknown = JSON.parse(text.toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return [{ ...row, cells: value as Record<string, unknown> }]
    return [{ ...row, problem: { code: 'NOT_AN_OBJECT', reason: 'is no JSON object' } }]
  } catch (error) {
    return [{ ...row, problem: { code: 'NOT_JSON', reason: `is no JSON: ${wordsOf(error)}` } }]
  }
}

/** V8 quotes the text around the mistake, which may be long. */
const wordsOf = (error: unknown) => (error instanceof Error ? error.message.slice(0, 200) : String(error))
