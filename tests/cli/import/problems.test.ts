import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Problems } from '../../../src/cli/import/problems.js'

describe('the report of refused lines, when an import goes on', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'attune-problems-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const goOn = (path: string, reportBytes: number) => {
    const problems = new Problems(path, () => undefined, reportBytes, 1)
    problems.add({ line: 9, code: 'INVALID', reason: 'is none' })
    problems.release(Infinity)
    problems.close()
    return readFileSync(path, 'utf8')
  }
  const line = '{"line":9,"code":"INVALID","reason":"is none"}\n'

  it('loses what was written past the last place that was kept', () => {
    const path = join(folder, 'a')
    writeFileSync(path, 'kept\nnot kept')
    expect(goOn(path, 5)).toBe(`kept\n${line}`)
  })

  it('loses nothing where it can not be written for a while', () => {
    const path = join(folder, 'later', 'report')
    const problems = new Problems(path, () => undefined)
    problems.add({ line: 9, code: 'INVALID', reason: 'is none' })
    expect(() => problems.release(10)).toThrow('ENOENT')
    expect([problems.count, problems.reportBytes]).toEqual([0, 0])
    mkdirSync(join(folder, 'later'))
    problems.release(10)
    problems.close()
    expect([problems.count, readFileSync(path, 'utf8')]).toEqual([1, line])
  })

  it('is begun anew where it was taken away, and not filled up where it is shorter', () => {
    expect(goOn(join(folder, 'none'), 5)).toBe(line)
    const path = join(folder, 'b')
    writeFileSync(path, 'ab\n')
    expect(goOn(path, 500)).toBe(`ab\n${line}`)
  })
})
