// Tensor engines that are faster than the one that comes with the packages. Needs Node and npm; native and cuda also a
// C++ compiler. See docs/engines.md.
//
//   npm run engine                       what there is, and how large
//   npm run engine -- native             make or repair one, and test it: native, cuda or webgpu
//   npm run engine -- native --wheel     with the newer library of the Python package even where the smaller one is in reach
//   npm run engine -- remove native      delete it

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readCommand } from './engine/command.mjs'
import { isBroken, isDamaged, isOutdated, megabytes, readEngine, remove } from './engine/made.mjs'
import { make } from './engine/make.mjs'
import { ENGINES, partsOf } from './engine/parts.mjs'

const root = dirname(import.meta.dirname)
const home = join(root, 'engines')
const names = Object.keys(ENGINES)

try {
  const command = readCommand(process.argv.slice(2))
  if (command.do === 'list') list()
  else if (command.do === 'remove') takeAway(command.name)
  else process.exitCode = (await provide(command.name, command.wheel)) ? 0 : 1
} catch (error) {
  console.error(`attune: ${error.message}`)
  process.exitCode = 1
}

function list() {
  for (const name of names) {
    const made = readEngine(home, name)
    const engine = ENGINES[name]
    const download = partsOf(engine).reduce((sum, { size }) => sum + size, 0)
    console.log(`${name.padEnd(8)}${engine.does}`)
    if (!made)
      console.log(
        `        ${isBroken(home, name) ? 'damaged' : 'not made'}; npm run engine -- ${name} (downloads ${megabytes(download)}, keeps ${megabytes(engine.unpacked)})`,
      )
    else
      console.log(
        `        made, version ${made.version}, ${megabytes(made.size)}${isOutdated(name, made) ? ', out of date: make it again' : ''}`,
      )
  }
  console.log('wasm    comes with the packages; cpu likewise, for comparison')
}

function takeAway(name) {
  const there = existsSync(join(home, name)) || existsSync(join(home, `.${name}`))
  remove(join(home, name))
  remove(join(home, `.${name}`))
  console.log(there ? `${name} is removed` : `${name} was not there`)
}

/** @returns {Promise<boolean>} whether it can be used on this machine */
async function provide(name, wheel) {
  const verdict = testMade(name) ?? (await makeAnew(name, wheel))
  if (verdict.works)
    console.log(
      `${name} works: ${verdict.gflops} GFLOP/s in a matrix product, one thread of the processor unless it is a GPU`,
    )
  else
    console.error(
      `attune: ${name.toUpperCase()} CANNOT BE USED HERE: ${verdict.reason}. Its files stay in engines/${name}.`,
    )
  return verdict.works
}

/** The verdict on the engine that is there; null where there is none, or where it has to be made again. */
function testMade(name) {
  const made = readEngine(home, name)
  if (!made) {
    if (isBroken(home, name)) console.log(`engines/${name} is damaged; making it again`)
    return null
  }
  if (isOutdated(name, made)) return null
  console.log(`${name} is made already (${megabytes(made.size)}); testing it`)
  const verdict = test(name, join(home, name))
  if (verdict.works || !isDamaged(home, name, test)) return verdict
  console.log(`it does not work (${verdict.reason}); making it again`)
  return null
}

async function makeAnew(name, wheel) {
  remove(join(home, `${name}.old`))
  const started = Date.now()
  const { verdict } = await make(name, { home, test, say: (line) => console.log(line), wheel })
  console.log(
    `${name}: made in ${Math.round((Date.now() - started) / 1000)} s, ${megabytes(readEngine(home, name).size)} in engines/${name}`,
  )
  return verdict
}

/** Tries an engine in a process of its own. */
function test(engine, folder) {
  const probe = join(root, 'dist', 'src', 'platform', 'engine-probe.js')
  const { stdout, stderr, signal, status } = spawnSync(process.execPath, [probe, engine, folder], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  const line = (stdout ?? '').split('\n').findLast((text) => text.startsWith('{'))
  if (line) return JSON.parse(line)
  const words = (stderr ?? '').trim().split('\n').slice(-3).join(' ')
  return { works: false, reason: `the test ended with ${signal ?? status}${words && `: ${words}`}` }
}
