import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderSize, readEngine } from '../../scripts/engine/made.mjs'
import { make, type Means } from '../../scripts/engine/make.mjs'
import { tarOf, zipOf } from './archives.js'

const part = (name: string, file: string) => ({ name, file, version: '1.2.3', size: 1000, sha256: `sum of ${name}` })
const library = (name: string) => ({ ...part(name, `${name}.whl`), only: /^(tensorflow|nvidia)\// })
const ARCHIVES: Record<string, Buffer> = {
  'a.whl': zipOf({
    'tensorflow/libtensorflow_cc.so.2': 'library',
    'tensorflow/include/c_api.h': 'header',
    'docs/README': 'unwanted',
  }),
  'b.whl': zipOf({ 'nvidia/cublas/lib/libcublas.so': 'one' }),
  'c.whl': zipOf({ 'nvidia/cudnn/lib/libcudnn.so': 'other' }),
  'addon.tgz': tarOf({
    'package/dist/register_all_kernels.js': 'kernels',
    'package/dist/kernels/Add.js': 'add',
    'package/dist/node.js': 'unwanted',
    'package/binding/tfjs_backend.cc': 'source',
  }),
  'headers.tgz': tarOf({ 'package/include/node_api.h': 'header' }),
}
const ENGINE = {
  libraries: ['a', 'b', 'c'].map(library),
  addon: part('addon', 'addon.tgz'),
  headers: part('headers', 'headers.tgz'),
  unpacked: 5000,
}
/** What lies in its place in the end, with nothing that only the making needed. */
const WHOLE = [
  'engine.json',
  'node_modules/@tensorflow/tfjs/index.js',
  'node_modules/@tensorflow/tfjs/package.json',
  'nvidia/cublas/lib/libcublas.so',
  'nvidia/cudnn/lib/libcudnn.so',
  'tensorflow/libtensorflow_cc.so.2',
  'tfjs-node/dist/kernels/Add.js',
  'tfjs-node/dist/proto/api_pb.js',
  'tfjs-node/dist/register_all_kernels.js',
  'tfjs-node/package.json',
  'tfjs_binding.node',
]

let home: string
let done: string[]
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'attune-make-'))
  done = []
})
afterEach(() => rmSync(home, { recursive: true }))

const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

/** @param stopAt the number of the step after which everything breaks off */
function call(name: 'native' | 'cuda', stopAt = Infinity, libraries = ENGINE.libraries) {
  let steps = 0
  const step = (what: string) => {
    done.push(what)
    if (++steps === stopAt) throw new Error(`broken off after: ${what}`)
  }
  const means: Means = {
    engines: { native: { ...ENGINE, libraries }, cuda: { ...ENGINE, libraries } },
    requireTools: () => undefined,
    fetch: (part, file) => {
      writeFileSync(file, ARCHIVES[part.file])
      step(`fetch ${part.name}`)
      return Promise.resolve()
    },
    compile: (engine, file) => {
      // What it reads has to be there.
      expect(readFileSync(join(engine, '.unpacked-headers', 'include', 'node_api.h'), 'utf8')).toBe('header')
      expect(existsSync(join(engine, 'tfjs-node', 'binding', 'tfjs_backend.cc'))).toBe(true)
      writeFileSync(file, 'addon')
      step('compile')
    },
  }
  return make(name, {
    home,
    means,
    wheel: true,
    say: (line) => {
      // Others announce what is a step itself.
      if (/unpack|put it/.test(line)) step(line.trim())
    },
    test: (engine, folder) => {
      expect(existsSync(join(folder, 'engine.json'))).toBe(true)
      step(`test ${engine} in ${folder.slice(home.length + 1)}`)
      return { works: true }
    },
  })
}

const STEPS = [
  ...['fetch a', 'unpack a', 'fetch b', 'unpack b', 'fetch c', 'unpack c'],
  ...['fetch headers', 'fetch addon', 'compile', 'test native in .cuda/engine', 'put it in its place'],
  'test cuda in cuda',
]

describe('making an engine', () => {
  it('leaves it in its place, and nothing else', async () => {
    const { folder, verdict } = await call('cuda')
    expect(done).toEqual(STEPS)
    expect(verdict).toEqual({ works: true })
    expect(filesOf(folder)).toEqual(WHOLE)
    expect(readdirSync(home)).toEqual(['cuda'])
    expect(readEngine(home, 'cuda')).toMatchObject({ version: '1.2.3' })
    expect(Math.abs(readEngine(home, 'cuda')!.size - folderSize(folder))).toBeLessThanOrEqual(16)
  })

  it('has it in its place before the last test: an interruption there costs nothing', async () => {
    await expect(call('cuda', STEPS.length)).rejects.toThrow('broken off after: test cuda in cuda')
    expect(filesOf(join(home, 'cuda'))).toEqual(WHOLE)
    expect(readEngine(home, 'cuda')).not.toBeNull()
    expect(readdirSync(home)).toEqual(['cuda'])
  })

  it.each(STEPS.slice(0, -1).map((what, index) => [what, index + 1] as const))(
    'goes on where it was broken off after: %s',
    async (what, stopAt) => {
      await expect(call('cuda', stopAt)).rejects.toThrow('broken off')
      expect(done).toEqual(STEPS.slice(0, stopAt))
      done = []
      // Left by a process that was killed within a step.
      const stage = join(home, '.cuda', 'engine')
      if (existsSync(stage)) mkdirSync(join(stage, '.tmp-123', 'half'), { recursive: true })
      const { folder, verdict } = await call('cuda')
      expect(verdict).toEqual({ works: true })
      expect(filesOf(folder)).toEqual(WHOLE)
      expect(readdirSync(home)).toEqual(['cuda'])
      // What was fetched is there; any other step counts as done when it is over, and is begun again.
      expect(done).toEqual(STEPS.slice(what.startsWith('fetch') ? stopAt : stopAt - 1))
    },
  )

  it('tests an engine of the processor once', async () => {
    await call('native')
    expect(done.filter((what) => what.startsWith('test'))).toEqual(['test native in .native/engine'])
  })

  it('takes the place of one that was made from other parts, in the stage as well', async () => {
    const others = [library('a')]
    await call('cuda', Infinity, others)
    expect(existsSync(join(home, 'cuda', 'nvidia'))).toBe(false)
    const { recipe } = readEngine(home, 'cuda')!
    await expect(call('cuda', 4, others)).rejects.toThrow('broken off')
    done = []
    await call('cuda')
    // Of what was fetched for the other one, archives of the same sum do; what was unpacked from them does not.
    expect(done).toEqual(STEPS.filter((what) => !['fetch headers', 'fetch addon'].includes(what)))
    expect(filesOf(join(home, 'cuda'))).toEqual(WHOLE)
    expect(readdirSync(home)).toEqual(['cuda'])
    expect(readEngine(home, 'cuda')!.recipe).not.toBe(recipe)
  })

  it('leaves the one in its place alone where the new one does not work', async () => {
    await call('cuda')
    const old = readEngine(home, 'cuda')
    await expect(call('cuda', STEPS.indexOf('test native in .cuda/engine') + 1)).rejects.toThrow('broken off')
    expect(readEngine(home, 'cuda')).toEqual(old)
    expect(filesOf(join(home, 'cuda'))).toEqual(WHOLE)
  })

  it('is done by one process at a time, and not kept from it by a dead one', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'engine'], { stdio: 'ignore' })
    try {
      await new Promise((resolve) => other.once('spawn', resolve))
      mkdirSync(join(home, '.cuda'))
      writeFileSync(join(home, '.cuda', 'pid'), String(other.pid))
      await expect(call('cuda')).rejects.toThrow(`Process ${other.pid} is making this engine already.`)
      expect(done).toEqual([])
    } finally {
      const ended = new Promise((resolve) => other.once('exit', resolve))
      other.kill('SIGKILL')
      await ended
    }
    await call('cuda')
    expect(done).toEqual(STEPS)
  })
})
