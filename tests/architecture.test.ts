import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/** Which room may import which: the table of "How it works" in the README. */
const mayImport: Record<string, string[]> = {
  platform: [],
  model: [],
  client: [],
  tenants: ['platform'],
  catalog: ['tenants', 'model', 'platform'],
  events: ['catalog', 'tenants', 'platform'],
  registry: ['tenants', 'model', 'platform'],
  monitoring: ['registry', 'events', 'catalog', 'tenants', 'model', 'platform'],
  training: ['monitoring', 'registry', 'events', 'catalog', 'tenants', 'model', 'platform'],
  online: ['registry', 'events', 'tenants', 'platform'],
  serving: ['online', 'monitoring', 'registry', 'events', 'catalog', 'tenants', 'model', 'platform'],
  operations: [
    'serving',
    'training',
    'online',
    'monitoring',
    'registry',
    'events',
    'catalog',
    'tenants',
    'model',
    'platform',
  ],
}
/** The files outside the rooms, and the command line, may import anything. */
const free = ['cli']

const src = resolve(import.meta.dirname, '../src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))

/** Static and dynamic imports of a file. */
const imports = (file: string) =>
  [...readFileSync(join(src, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1])
const roomOf = (file: string, path: string) => relative(src, resolve(src, dirname(file), path)).split('/')[0]

function strays(room: string, allowed: string[]) {
  return files
    .filter((file) => file.startsWith(`${room}/`))
    .flatMap((file) =>
      imports(file)
        .filter((path) => path.startsWith('.') && ![room, ...allowed].includes(roomOf(file, path)))
        .map((path) => `${file} -> ${roomOf(file, path)}`),
    )
}

describe('architecture', () => {
  for (const [room, allowed] of Object.entries(mayImport))
    it(`src/${room} imports only: ${allowed.join(' ') || 'packages'}`, () => {
      expect(strays(room, allowed)).toEqual([])
    })

  it('knows every room', () => {
    const rooms = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]))
    expect([...rooms].filter((room) => !(room in mayImport) && !free.includes(room))).toEqual([])
  })

  it('sees what it should see', () => {
    // A checker that reads nothing passes everything.
    expect(files.length).toBeGreaterThan(30)
    expect(strays('tenants', [])).toContain('tenants/tenants.service.ts -> platform')
  })

  it('src/model needs nothing but tensors and matrices', () => {
    const packages = files.filter((file) => file.startsWith('model/')).flatMap(imports)
    const outside = packages.filter(
      (path) => !path.startsWith('.') && !['@tensorflow/tfjs-core', 'ml-matrix'].includes(path),
    )
    expect(outside).toEqual([])
  })

  it('src/client needs no package, so that it runs in a browser', () => {
    expect(
      files
        .filter((file) => file.startsWith('client/'))
        .flatMap(imports)
        .filter((path) => !path.startsWith('.')),
    ).toEqual([])
  })

  it('reads the environment in one place', () => {
    const readers = files.filter((file) => /process\.env\b/.test(readFileSync(join(src, file), 'utf8')))
    expect(
      readers.filter(
        (file) =>
          ![
            'main.ts',
            'cli/main.ts',
            'platform/embedded-postgres.ts',
            'platform/tensorflow.ts',
            'training/child-process.ts',
          ].includes(file),
      ),
    ).toEqual([])
  })

  it('has no file past 300 lines', () => {
    // Generated from the OpenAPI document.
    const written = files.filter((file) => file !== 'client/contract.ts')
    const long = written.map((file) => ({ file, lines: readFileSync(join(src, file), 'utf8').split('\n').length - 1 }))
    expect(long.filter(({ lines }) => lines > 300)).toEqual([])
  })
})
