import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { download, sumOf, WrongSum } from '../../scripts/engine/download.mjs'
import { readCommand } from '../../scripts/engine/command.mjs'
import { isBroken, isDamaged, readEngine, sizeLeft } from '../../scripts/engine/made.mjs'
import { requireTools } from '../../scripts/engine/make.mjs'
import { addressIn } from '../../scripts/engine/sources.mjs'
import { untar, unzip } from '../../scripts/engine/unpack.mjs'
import { tarOf, zipOf } from './archives.js'

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251))
const SUM = createHash('sha256').update(CONTENT).digest('hex')

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'attune-engine-'))))
afterEach(() => rmSync(folder, { recursive: true }))

describe('download', () => {
  let respond: (request: IncomingMessage, response: ServerResponse) => void
  const ranges: (string | undefined)[] = []
  const server = createServer((request, response) => {
    ranges.push(request.headers.range)
    respond(request, response)
  })
  let url: string
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.whl`
  })
  afterAll(() => server.close())
  beforeEach(() => {
    ranges.length = 0
    respond = withRanges
  })

  const withRanges = (request: IncomingMessage, response: ServerResponse) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from >= CONTENT.length) response.writeHead(416).end()
    else if (from === 0) response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT)
    else
      response
        .writeHead(206, {
          'content-range': `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`,
          'content-length': CONTENT.length - from,
        })
        .end(CONTENT.subarray(from))
  }
  const get = (sha256 = SUM) => download({ url, file: join(folder, 'a.whl'), sha256, pause: 1 })
  const expectWhole = () => {
    expect(readFileSync(join(folder, 'a.whl')).equals(CONTENT)).toBe(true)
    expect(existsSync(join(folder, 'a.whl.part'))).toBe(false)
  }

  it('fetches a file once', async () => {
    await get()
    await get()
    expectWhole()
    expect(ranges).toEqual([undefined])
    expect(await sumOf(join(folder, 'a.whl'))).toBe(SUM)
  })

  it('continues what an interrupted call left', async () => {
    writeFileSync(join(folder, 'a.whl.part'), CONTENT.subarray(0, 120_000))
    await get()
    expectWhole()
    expect(ranges).toEqual(['bytes=120000-'])
  })

  it('takes a part that is whole already', async () => {
    writeFileSync(join(folder, 'a.whl.part'), CONTENT)
    await get()
    expectWhole()
  })

  it('starts anew where the server knows no ranges', async () => {
    writeFileSync(join(folder, 'a.whl.part'), CONTENT.subarray(0, 120_000))
    respond = (_, response) => response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT)
    await get()
    expectWhole()
  })

  it('continues by itself after the line broke', async () => {
    let calls = 0
    respond = (request, response) => {
      if (++calls > 1) return withRanges(request, response)
      response.writeHead(200, { 'content-length': CONTENT.length })
      response.write(CONTENT.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50))
    }
    await get()
    expectWhole()
    expect(ranges[1]).toMatch(/^bytes=\d+-$/)
  })

  it('refuses and deletes what has another sum', async () => {
    await expect(get('0'.repeat(64))).rejects.toThrow(WrongSum)
    expect(existsSync(join(folder, 'a.whl'))).toBe(false)
    expect(existsSync(join(folder, 'a.whl.part'))).toBe(false)
  })

  it('does not repeat what the server refuses', async () => {
    respond = (_, response) => response.writeHead(404).end()
    await expect(get()).rejects.toThrow(/answered 404/)
    expect(ranges).toHaveLength(1)
  })
})

describe('addressIn', () => {
  it('finds a file among the links of an index', () => {
    const page =
      '<a data-x="1" href="../../files/b-1.0%2Bcpu-py3.whl#sha256=00">b</a> <a href="https://x.test/a-1.0.whl?k=1&amp;l=2#sha256=11">a</a>'
    expect(addressIn(page, 'b-1.0+cpu-py3.whl', 'https://i.test/simple/b/')).toBe(
      'https://i.test/files/b-1.0%2Bcpu-py3.whl',
    )
    expect(addressIn(page, 'a-1.0.whl', 'https://i.test/simple/a/')).toBe('https://x.test/a-1.0.whl?k=1&l=2')
    expect(addressIn(page, 'c.whl', 'https://i.test/simple/c/')).toBeNull()
  })
})

describe('requireTools', () => {
  const linux = { platform: 'linux', arch: 'x64', has: () => true }

  it('accepts a machine with everything', () => {
    expect(() => requireTools('native', linux)).not.toThrow()
    expect(() => requireTools('webgpu', { platform: 'darwin', arch: 'arm64', has: () => false })).not.toThrow()
  })

  it('names everything that is missing', () => {
    expect(() => requireTools('cuda', { ...linux, arch: 'arm64' })).toThrow(/Linux on x64 \(this is linux on arm64\)/)
    expect(() => requireTools('native', { platform: 'win32', arch: 'x64', has: () => false })).toThrow(
      /Linux on x64.*and a C\+\+ compiler/,
    )
  })
})

describe('readCommand', () => {
  it('knows what can be asked for', () => {
    expect(readCommand([])).toEqual({ do: 'list' })
    expect(readCommand(['cuda'])).toEqual({ do: 'provide', name: 'cuda', wheel: false })
    expect(readCommand(['native', '--wheel'])).toEqual({ do: 'provide', name: 'native', wheel: true })
    expect(readCommand(['remove', 'native'])).toEqual({ do: 'remove', name: 'native' })
  })

  it.each(['native extra', 'remove native extra', 'remove', 'remove abacus', '--wheel', 'cuda --wheel', '--whel'])(
    'answers `%s` with the usage',
    (line) => expect(() => readCommand(line.split(' '))).toThrow(/^usage: /),
  )
})

describe('an engine in its place', () => {
  const works = () => ({ works: true })
  const place = (stamp: string) => {
    mkdirSync(join(folder, 'native'))
    writeFileSync(join(folder, 'native', 'tfjs_binding.node'), CONTENT)
    writeFileSync(join(folder, 'native', 'engine.json'), stamp)
  }
  const stampOf = (size: number) => JSON.stringify({ engine: 'native', version: '1', recipe: 'a', size })

  it('is none where nothing is', () => {
    expect(readEngine(folder, 'native')).toBeNull()
    expect(isBroken(folder, 'native')).toBe(false)
  })

  it.each(['', '{"engine":"nat', 'null', '{}'])('is broken where its engine.json holds `%s`', (stamp) => {
    place(stamp)
    expect(readEngine(folder, 'native')).toBeNull()
    expect(isBroken(folder, 'native')).toBe(true)
  })

  it('is damaged where its files changed, or its library does not compute', () => {
    place(stampOf(CONTENT.length + stampOf(CONTENT.length).length))
    expect(isBroken(folder, 'native')).toBe(false)
    expect(isDamaged(folder, 'native', works)).toBe(false)
    expect(isDamaged(folder, 'native', () => ({ works: false }))).toBe(true)
    writeFileSync(join(folder, 'native', 'tfjs_binding.node'), CONTENT.subarray(0, 1000))
    expect(isDamaged(folder, 'native', works)).toBe(true)
  })
})

describe('sizeLeft', () => {
  it('counts only what is not here yet', () => {
    const parts = ['a', 'b', 'c', 'd'].map((name) => ({ name, file: `${name}.whl`, size: 1000 }))
    writeFileSync(join(folder, 'a.whl'), '')
    writeFileSync(join(folder, 'b.whl.part'), CONTENT.subarray(0, 400))
    mkdirSync(join(folder, 'engine', '.unpacked-c'), { recursive: true })
    expect(sizeLeft(folder, parts)).toBe(1600)
  })
})

describe.each([
  ['untar', tarOf, untar],
  ['unzip', zipOf, unzip],
] as const)('%s', (_, pack, unpack) => {
  const wanted = (name: string) => (name.startsWith('package/') ? name.replace('package/', '') : null)

  it('lays out what is wanted and nothing else', async () => {
    const archive = join(folder, 'archive')
    writeFileSync(archive, pack({ 'package/a.js': 'one', 'other/b.js': 'two', 'package/c/d.js': 'x'.repeat(600) }))
    await unpack(archive, join(folder, 'out'), wanted)
    expect(readFileSync(join(folder, 'out', 'a.js'), 'utf8')).toBe('one')
    expect(readFileSync(join(folder, 'out', 'c', 'd.js'), 'utf8')).toBe('x'.repeat(600))
    expect(existsSync(join(folder, 'out', 'b.js'))).toBe(false)
  })

  it('writes nothing outside its folder', async () => {
    const archive = join(folder, 'archive')
    writeFileSync(archive, pack({ 'package/../../escaped.js': 'one' }))
    await expect((async () => await unpack(archive, join(folder, 'out'), wanted))()).rejects.toThrow(
      /outside its folder/,
    )
    expect(existsSync(join(folder, 'escaped.js'))).toBe(false)
  })
})
