import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SHELLS } from '../../src/cli/completion.js'
import { list, share, until, whole } from '../../src/cli/flags.js'
import { facts, plain, table } from '../../src/cli/output.js'
import { makeProgram } from '../../src/cli/program.js'
import { clock } from '../../src/cli/terminal.js'
import { progressLine } from '../../src/cli/training.js'
import { type Home, newHome } from './attune.js'

const every = (command: Command): Command[] => [command, ...command.commands.flatMap(every)]

describe('the verbs of attune', () => {
  let home: Home
  beforeAll(async () => {
    home = await newHome()
  })
  afterAll(() => home.cleanUp())

  it('are those that are promised, each with help', () => {
    const program = makeProgram({})
    expect(program.commands.map((verb) => verb.name()).sort()).toEqual(
      [
        ['bench', 'completion', 'dead-letters', 'doctor', 'export', 'import', 'keys', 'login', 'logout', 'migrate'],
        ['promote', 'quickstart', 'recommend', 'rollback', 'runs', 'serve', 'size', 'tenants', 'train', 'versions'],
      ].flat(),
    )
    for (const verb of every(program)) {
      expect(verb.description(), verb.name()).toMatch(/\S/)
      if (verb.commands.length > 0) continue
      let help = ''
      verb.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
      expect(help, verb.name()).toMatch(/^Examples?:\n {2}.*\battune /m)
    }
  })

  it('say how they are used, and end with 2 where they are used otherwise', async () => {
    const help = await home.attune(['--help'])
    expect([help.code, help.out]).toEqual([0, expect.stringContaining('Ends with 0: done') as string])
    expect((await home.attune(['import', '--help'])).out).toContain('Examples:')
    expect((await home.attune(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
    const wrong = await home.attune(['exprot'])
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('export') as string])
    expect((await home.attune([])).code).toBe(2)
    expect((await home.attune(['recommend', '--count', '-1'])).code).toBe(2)
    expect((await home.attune(['train', '--frm'])).code).toBe(2)
  })

  it('list the benches, and know no other', async () => {
    const { out } = await home.attune(['bench'])
    expect(out.split('\n')).toEqual(expect.arrayContaining(['import', 'ingest', 'serve', 'train']))
    expect(out).not.toContain('report')
    expect((await home.attune(['bench', '../src/main'])).code).toBe(2)
  })

  it.each(SHELLS)('are completed in %s', async (shell) => {
    const { out, code } = await home.attune(['completion', shell])
    expect(code).toBe(0)
    const file = join(home.folder, `attune.${shell}`)
    writeFileSync(file, out)
    for (const word of ['tenants', 'revoke', 'in-flight', 'dry-run']) expect(out).toContain(word)
    if (spawnSync(shell, ['--version']).error)
      return console.warn(`SKIPPED: ${shell} is not here to read its completion`)
    execFileSync(shell, ['-n', file])
    if (shell !== 'bash') return
    const completed = (...words: string[]) =>
      execFileSync('bash', [
        '-c',
        `source ${file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _attune; echo "\${COMPREPLY[@]}"`,
        'bash',
        ...words,
      ])
        .toString()
        .trim()
        .split(' ')
    expect(completed('attune', 'te')).toEqual(['tenants'])
    expect(completed('attune', 'keys', '')).toEqual(expect.arrayContaining(['list', 'create', 'revoke']))
    expect(completed('attune', 'keys', 'create', '--sc')).toEqual(['--scopes'])
    expect(completed('attune', 'import', 'e')).toEqual(['events'])
    expect(completed('attune', 'dead-letters', '')).toEqual(
      expect.arrayContaining(['list', 'reasons', 'show', 'replay', 'drop']),
    )
    expect(completed('attune', 'dead-letters', 'drop', '--y')).toEqual(['--yes'])
  })
})

describe('what is shown', () => {
  it('stands in columns, without what would move a terminal', () => {
    const rows = [
      { name: 'a\nb', count: 12345.67891 },
      { name: 'long name', count: null },
    ]
    const columns = [
      { name: 'name', of: (row: (typeof rows)[number]) => row.name },
      { name: 'count', right: true, of: (row: (typeof rows)[number]) => row.count },
    ]
    expect(table(rows, columns)).toBe(
      ['name             count', 'a b        12,345.6789', 'long name            -'].join('\n'),
    )
    for (const line of table(rows, columns, 12).split('\n')) expect(line.length).toBeLessThanOrEqual(12)
    expect(
      facts([
        ['a', 1],
        ['long', null],
      ]),
    ).toBe('a     1\nlong  -')
    expect(plain('\u001b[2J\u202egpj.exe\u0000\u2028x')).toBe(' [2J gpj.exe  x')
  })

  it('tells times and progress', () => {
    expect([0.2, 65, 3723].map(clock)).toEqual(['0:01', '1:05', '1:02:03'])
    expect(
      progressLine({
        state: 'training',
        progress: 0.5,
        epoch: 3,
        loss: 1.23456,
        validation: 0.1,
        tokensPerSecond: 1234.5,
        etaSeconds: 61,
        detail: 'x',
      }),
    ).toBe(
      'training   ████████████░░░░░░░░░░░░  x  epoch 3  loss 1.235  NDCG@10 10.0 %  1,235 events/s  about 1:01 left',
    )
    expect(progressLine({ state: 'queued' })).toBe('queued     ░░░░░░░░░░░░░░░░░░░░░░░░')
  })

  it('reads flags', () => {
    expect([list('a, b,,c'), share('0.5'), whole('7')]).toEqual([['a', 'b', 'c'], 0.5, 7])
    expect(until('2h', 0)).toBe('1970-01-01T02:00:00.000Z')
    expect(until('2030-01-01')).toBe('2030-01-01T00:00:00.000Z')
    for (const wrong of [
      () => share(''),
      () => share('1.1'),
      () => whole('1.5'),
      () => whole('x'),
      () => until('soon'),
      () => until('9999999d'),
    ])
      expect(wrong).toThrow()
  })
})
