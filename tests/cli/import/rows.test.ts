import { describe, expect, it } from 'vitest'
import { delimiterOf, readCsv } from '../../../src/cli/import/csv.js'
import { MAX_LINE_BYTES } from '../../../src/cli/import/lines.js'
import { readNdjson } from '../../../src/cli/import/ndjson.js'
import { type Row, START } from '../../../src/cli/import/row.js'
import { UsageError } from '../../../src/cli/exit.js'

/** A text in pieces of so many bytes, as a stream may cut it. */
async function* pieces(text: string | Buffer, size: number) {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size))
}
async function csvOf(text: string | Buffer, size = 5, options: { columns?: string[]; delimiter?: string } = {}) {
  const csv = await readCsv(pieces(text, size), { from: START, ...options })
  const rows: Row[] = []
  for await (const some of csv.rows) rows.push(...some)
  return { columns: csv.columns, delimiter: csv.delimiter, rows }
}
/** `line: cells` or `line! code`. */
const shown = (rows: Row[]) =>
  rows.map(({ line, cells, problem }) =>
    problem ? `${line}! ${problem.code}` : `${line}: ${(cells as string[]).join('~')}`,
  )

describe('rows of CSV', () => {
  it.each([1, 2, 3, 7, 1000])(
    'are the same however the input is cut, with quotes, line ends and marks (%i bytes)',
    async (size) => {
      const text = '\ufeffid;"na;me"\r\n1;plain\r\n\r\n2;"quoted ""so"""\r\n3;"over\r\ntwo; lines"\r\n4;ü€😀\n5;"last"'
      const { columns, delimiter, rows } = await csvOf(text, size)
      expect([columns, delimiter]).toEqual([['id', 'na;me'], ';'])
      expect(shown(rows)).toEqual([
        '2: 1~plain',
        '4: 2~quoted "so"',
        '5: 3~over\r\ntwo; lines',
        '7: 4~ü€😀',
        '8: 5~last',
      ])
      // Every row can be gone on from.
      for (const { start, line, nextLine, next } of rows) {
        const rest = Buffer.from(text).subarray(start)
        const again = await readCsv(pieces(rest, size), { from: { offset: start, line }, columns, delimiter })
        const [first] = (await again.rows.next()).value as Row[]
        expect(first).toMatchObject({ line, next, nextLine })
      }
    },
  )

  it('cost one line where a quote is broken, not the rest', async () => {
    const text = 'a,b\n1,"never closed\n2,fine\n3,5" pipe\n4,"fine, too"\n5,"x" y\n6,ok\n'
    expect(shown((await csvOf(text)).rows)).toEqual([
      '2! BAD_QUOTE',
      '3: 2~fine',
      '4! BAD_QUOTE',
      '5: 4~fine, too',
      '6! BAD_QUOTE',
      '7: 6~ok',
    ])
    const unclosed = `a,b\n1,"${'x\n'.repeat(5000)}2,ok\n`
    const { rows } = await csvOf(unclosed, 4096)
    expect(rows).toHaveLength(5001)
    expect(rows[0].problem?.code).toBe('BAD_QUOTE')
    expect(shown(rows).at(-1)).toBe('5002: 2~ok')
  })

  it('are named where they have other columns, bytes that are no text, or no end', async () => {
    const huge = Buffer.concat([
      Buffer.from('a,b\n1,2,3\n4\n'),
      Buffer.from([0x35, 0x2c, 0xff, 0x0a]),
      Buffer.alloc(3 * MAX_LINE_BYTES, 0x78),
      Buffer.from('\n6,7\n'),
    ])
    const { rows } = await csvOf(huge, 100_000)
    expect(shown(rows)).toEqual(['2! WRONG_COLUMNS', '3! WRONG_COLUMNS', '4! NOT_UTF8', '5! LINE_TOO_LONG', '6: 6~7'])
    expect(rows[0].problem?.reason).toBe('has 3 columns instead of 2')
  })

  it('may have no header, and any delimiter', async () => {
    expect(shown((await csvOf('1\t2\n', 9, { columns: ['x', 'y'] })).rows)).toEqual(['1: 1~2'])
    expect(shown((await csvOf('a:b\n1:2\n', 9, { delimiter: ':' })).rows)).toEqual(['2: 1~2'])
    expect(['a,b', 'a;b,c;d', 'a\tb', 'a|b|c,d', '"a,b,c";d', 'one'].map(delimiterOf)).toEqual([
      ',',
      ';',
      '\t',
      '|',
      ';',
      ',',
    ])
  })

  it('need a header: an empty input is said to be one', async () => {
    await expect(csvOf('')).rejects.toThrow(UsageError)
    expect((await csvOf('a,b\n')).rows).toEqual([])
  })
})

describe('rows of NDJSON', () => {
  it('are objects, each line for itself', async () => {
    const text = Buffer.concat([
      Buffer.from('{"a":1}\n\n[1]\n{"a":\nnull\n{"b":"ü"}\r\n'),
      Buffer.from([0xff, 0x0a]),
      Buffer.alloc(2 * MAX_LINE_BYTES, 0x20),
      Buffer.from('\n{"c":3}'),
    ])
    const rows: Row[] = []
    for await (const some of readNdjson(pieces(text, 70_000), START)) rows.push(...some)
    expect(rows.map(({ line, cells, problem }) => [line, problem?.code ?? cells])).toEqual([
      [1, { a: 1 }],
      [3, 'NOT_AN_OBJECT'],
      [4, 'NOT_JSON'],
      [5, 'NOT_AN_OBJECT'],
      [6, { b: 'ü' }],
      [7, 'NOT_UTF8'],
      [8, 'LINE_TOO_LONG'],
      [9, { c: 3 }],
    ])
  })
})
