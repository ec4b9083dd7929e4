import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { neededFor, pairsOf, readDockerfile } from '../../scripts/image/dockerfile.mjs'
import { Environment, readConfig } from '../../src/platform/config.js'
import { packagePath } from '../../src/platform/paths.js'

const read = (...path: string[]) => readFileSync(packagePath(...path), 'utf8')
const stages = readDockerfile(read('Dockerfile'))
const names = Object.keys(Environment.shape)
const stepsOf = (name: string, word: string) =>
  stages.find((stage) => stage.name === name)!.steps.filter((step) => step.word === word)

describe('the reader of the Dockerfile', () => {
  it('finds stages, flags and what each is made of', () => {
    const read = readDockerfile(
      'ARG BASE=node:22\nFROM ${BASE} AS a\nRUN make --all=1\n# why\nFROM a AS b\nFROM ${BASE} AS c\nCOPY --from=b /x y ./z/\n',
    )
    expect(read.map(({ name, from }) => [name, from])).toEqual([
      ['a', 'node:22'],
      ['b', 'a'],
      ['c', 'node:22'],
    ])
    expect(read[0].steps).toEqual([{ word: 'RUN', flags: {}, rest: 'make --all=1' }])
    expect(read[2].steps).toEqual([{ word: 'COPY', flags: { from: 'b' }, rest: '/x y ./z/' }])
    expect(neededFor('c', read).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(pairsOf('A=1 B="two words" C=3,4')).toEqual({ A: '1', B: 'two words', C: '3,4' })
  })

  it('stops at what it does not know', () => {
    const after = (line: string) => () => readDockerfile(`FROM x AS a\n${line}\n`)
    expect(after('ADD https://example.com/x /x')).toThrow('line 2 of the Dockerfile: ADD is not known here')
    expect(after('RUN a \\')).toThrow('no instruction in one line')
    expect(after('FROM y')).toThrow('a stage without a name')
  })
})

describe('the images', () => {
  it('are two, and both are made from the lock file', () => {
    expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining(['service', 'trainer-gpu']))
    expect(neededFor('trainer-gpu', stages).map(({ name }) => name)).toContain('service')
    for (const stage of stages)
      for (const { rest } of stage.steps.filter(({ rest }) => rest.includes('npm ')))
        if (/npm (ci|i|install|add)\b/.test(rest)) expect(rest).toMatch(/npm ci .*--ignore-scripts/)
  })

  it('run as a user who is not root, and take nothing along that installs', () => {
    expect(stepsOf('service', 'USER').map(({ rest }) => rest)).toEqual(['1000:1000'])
    expect(stepsOf('trainer-gpu', 'USER')).toEqual([])
    expect(stepsOf('trainer-gpu', 'RUN')).toEqual([])
    for (const { rest } of stepsOf('service', 'RUN')) expect(rest).not.toMatch(/apt|npm (ci|i|install)|curl|wget/)
  })

  it('set variables that there are, to values that the service takes', () => {
    for (const name of ['service', 'trainer-gpu'])
      for (const { rest } of stepsOf(name, 'ENV')) {
        const set = pairsOf(rest)
        const others = Object.keys(set).filter((key) => !names.includes(key) && !/^(NODE_ENV|NVIDIA_\w+)$/.test(key))
        expect(others).toEqual([])
        expect(() => readConfig(set)).not.toThrow()
      }
  })

  it('take files that there are, and leave secrets behind', () => {
    for (const { flags, rest } of stepsOf('service', 'COPY'))
      if (!flags.from)
        for (const source of rest.split(' ').slice(0, -1)) expect(existsSync(packagePath(source)), source).toBe(true)
    const ignored = read('.dockerignore').split('\n')
    expect(ignored).toEqual(expect.arrayContaining(['.env', '.git', '.attune', 'node_modules', '*.log']))
  })

  it('start from compose.yaml with variables that there are, and with secrets of whoever starts them', () => {
    const compose = read('compose.yaml')
    const block = /x-environment:[\s\S]*?\n\n/.exec(compose)?.[0] ?? ''
    const set = [...block.matchAll(/^ {2}([A-Z_]+):/gm), ...compose.matchAll(/^ {6}((?:ROLES|MODEL)\w*):/gm)]
    expect(set.length).toBeGreaterThan(5)
    for (const [, name] of set) expect(names, name).toContain(name)
    for (const secret of ['POSTGRES_PASSWORD', 'OPERATOR_KEY']) {
      expect(compose).toContain(`\${${secret}:?`)
      expect(compose).not.toMatch(new RegExp(`\\b${secret}: (?!\\$)`))
    }
  })
})
