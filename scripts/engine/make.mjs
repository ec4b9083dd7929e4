// Makes an engine in a folder beside its place and moves it there when it works. Every step leaves its result under a
// temporary name until it is whole, so whatever interrupts one, the next call does that step again and no other.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statfsSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { download } from './download.mjs'
import { lock } from './lock.mjs'
import { folderSize, megabytes, recipeOf, remove, sizeLeft, sizeOf } from './made.mjs'
import { ENGINES, OWN_DOWNLOAD, partsOf } from './parts.mjs'
import { call, fetchPackage, fetchWheel, reach } from './sources.mjs'
import { untar, unzip } from './unpack.mjs'

const KERNELS =
  /^package\/(dist\/(nodejs_kernel_backend|int64_tensors|register_all_kernels|kernels\/\w+)\.js|binding\/.*)$/
// The package wants all of TensorFlow.js; its kernels use what is in tfjs-core, which the project has.
const STAND_IN = `const tf = require('@tensorflow/tfjs-core')
// The methods that the kernels call, which tfjs-core has as functions only.
const methods = {
  toFloat: (x) => tf.cast(x, 'float32'),
  toInt: (x) => tf.cast(x, 'int32'),
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
}
for (const [name, method] of Object.entries(methods))
  tf.Tensor.prototype[name] ??= function (...others) { return method(this, ...others) }
module.exports = tf
`
const COMPILER = process.env.CXX || 'g++'

/** @throws Error naming everything that is missing for an engine here */
export function requireTools(name, machine = { platform: process.platform, arch: process.arch, has }) {
  if (name === 'webgpu') return
  const missing = []
  if (machine.platform !== 'linux' || machine.arch !== 'x64')
    missing.push(`Linux on x64 (this is ${machine.platform} on ${machine.arch})`)
  if (!machine.has(COMPILER)) missing.push(`a C++ compiler (${COMPILER}; Debian and Ubuntu: apt-get install g++)`)
  if (missing.length > 0) throw new Error(`The engine '${name}' needs ${missing.join(', and ')}.`)
}

const MEANS = { engines: ENGINES, requireTools, fetch: fetchPart, compile }

const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0

/**
 * @param {string} name
 * @param {{ home: string, test: (engine: string, folder: string) => Promise<object> | object, say: (line: string) => void, wheel?: boolean, means?: object }} options
 *   home: the folder of all engines; test: tries the engine in a folder; wheel: not TensorFlow's own download;
 *   means: what it is made with, where not by the network and the compiler
 * @returns {Promise<{ folder: string, verdict: object }>}
 */
export async function make(name, { home, test, say, wheel = false, means = MEANS }) {
  means.requireTools(name)
  const stage = join(home, `.${name}`)
  const plan = await choose(name, wheel, means.engines)
  requireSpace(home, stage, plan)
  const release = lock(stage)
  try {
    const recipe = recipeOf(plan.parts)
    const stamp = join(stage, 'recipe')
    const engine = join(stage, 'engine')
    // An earlier call was for other parts; what it downloaded is checked by its sum anyway.
    if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== recipe) remove(engine)
    writeFileSync(stamp, recipe)
    // In the stage: the engine's own marks go before it is moved.
    const tested = join(stage, 'tested')
    if (!existsSync(join(engine, 'engine.json'))) remove(tested)
    let built
    if (!existsSync(tested)) {
      const left = sizeLeft(stage, plan.parts)
      const download = left === 0 ? 'nothing left' : megabytes(Math.max(1e6, left))
      say(`${name}: ${download} to download, ${megabytes(plan.unpacked)} installed`)
      mkdirSync(engine, { recursive: true })
      sweep(engine)
      if (name === 'webgpu') await layOutWebgpu(plan, stage, say, means)
      else await layOutNative(plan, stage, say, means)
      built = await tryOut(name, plan, engine, recipe, test, say)
      writeFileSync(tested, '')
    }
    const folder = join(home, name)
    tidyUp(engine)
    stampEngine(name, plan, engine, recipe, folderSize(engine))
    say('  put it in its place')
    put(engine, folder)
    remove(stage)
    return { folder, verdict: name === 'native' && built ? built : await test(name, folder) }
  } catch (error) {
    if (!plan.own || error.usage) throw error
    say(
      `  TensorFlow's own download does not do (${error.message.split('\n')[0]}); now with the library of its Python package`,
    )
    release()
    return await make(name, { home, test, say, wheel: true, means })
  } finally {
    release()
  }
}

/** TensorFlow's own download where it can be reached, since it is the smaller one. */
async function choose(name, wheel, engines) {
  const engine = engines[name]
  const size = name === 'native' && !wheel ? await reach(OWN_DOWNLOAD.url) : null
  if (size === null) return { ...engine, parts: partsOf(engine), own: false }
  const libraries = [{ ...OWN_DOWNLOAD, size }]
  return { ...engine, libraries, parts: partsOf({ ...engine, libraries }), own: true }
}

function requireSpace(home, stage, { parts, unpacked }) {
  const there = existsSync(home) ? home : dirname(home)
  const { bavail, bsize } = statfsSync(there)
  const had = existsSync(stage) ? folderSize(stage) : 0
  const needed = sizeOf(parts) + unpacked * 1.05 - had
  if (bavail * bsize < needed)
    throw new Error(`${there} has ${megabytes(bavail * bsize)} free; ${megabytes(needed)} are needed while it is made.`)
}

async function layOutNative(plan, stage, say, means) {
  const { addon, headers, libraries } = plan
  const engine = join(stage, 'engine')
  for (const library of libraries) {
    await once(join(engine, `.unpacked-${library.name}`), async (folder) => {
      const file = await fetched(library, stage, say, means)
      say(`  unpack ${library.name}`)
      if (file.endsWith('.whl')) await unzip(file, folder, (name) => (library.only.test(name) ? name : null))
      else untar(file, folder, (name) => (library.only.test(name) ? placeOfOwn(name) : null))
    })
    remove(join(stage, library.file))
  }
  await once(join(engine, '.unpacked-headers'), async (folder) => {
    untar(await fetched(headers, stage, say, means), folder, (name) => name.replace('package/', ''))
  })
  await once(join(engine, 'tfjs-node'), async (folder) => {
    untar(await fetched(addon, stage, say, means), folder, (name) =>
      KERNELS.test(name) ? name.replace('package/', '') : null,
    )
    writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
    // Generated code for saved models, which needs a package of its own.
    mkdirSync(join(folder, 'dist', 'proto'))
    writeFileSync(join(folder, 'dist', 'proto', 'api_pb.js'), 'module.exports = {}\n')
  })
  await once(join(engine, 'node_modules'), (folder) => {
    mkdirSync(join(folder, '@tensorflow', 'tfjs'), { recursive: true })
    writeFileSync(
      join(folder, '@tensorflow', 'tfjs', 'package.json'),
      '{ "name": "@tensorflow/tfjs", "main": "index.js" }\n',
    )
    writeFileSync(join(folder, '@tensorflow', 'tfjs', 'index.js'), STAND_IN)
  })
  gather(engine, libraries)
  await once(join(engine, 'tfjs_binding.node'), (file) => {
    say('  compile the addon')
    means.compile(engine, file)
  })
}

/** TensorFlow's own download, laid out as its Python package is. */
function placeOfOwn(name) {
  if (name.startsWith('lib/')) return name.replace('lib/', 'tensorflow/').replace('.so.2.9.1', '.so.2')
  return `tensorflow/${name}`
}

/** The libraries find each other by their places: `tensorflow/` beside `nvidia/*`. */
function gather(engine, libraries) {
  for (const { name } of libraries) {
    const from = join(engine, `.unpacked-${name}`)
    for (const top of readdirSync(from)) {
      const entries = top === 'nvidia' ? readdirSync(join(from, top)).map((entry) => join(top, entry)) : [top]
      for (const entry of entries) {
        mkdirSync(dirname(join(engine, entry)), { recursive: true })
        // Gone from here means that an earlier call has moved it there.
        if (!existsSync(join(engine, entry))) renameSync(join(from, entry), join(engine, entry))
      }
    }
  }
}

function compile(engine, file) {
  const sources = join(engine, 'tfjs-node', 'binding')
  const libraries = readdirSync(join(engine, 'tensorflow')).filter((entry) => entry.endsWith('.so.2'))
  call(COMPILER, [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
    ...[join(engine, '.unpacked-headers', 'include'), join(engine, 'tensorflow', 'include')].map(
      (folder) => `-I${folder}`,
    ),
    ...readdirSync(sources)
      .filter((entry) => entry.endsWith('.cc'))
      .map((entry) => join(sources, entry)),
    `-L${join(engine, 'tensorflow')}`,
    ...libraries.map((library) => `-l:${library}`),
    '-Wl,-rpath,$ORIGIN/tensorflow',
    '-o',
    file,
  ])
}

async function layOutWebgpu({ packages }, stage, say, means) {
  const arch = process.platform === 'darwin' ? 'universal' : process.arch
  const wanted = new RegExp(
    `^package/(package\\.json|LICENSE.*|index\\.js|dist/${process.platform}-${arch}/.*|dist/tf-backend-webgpu\\.node\\.js)$`,
  )
  for (const part of packages)
    await once(join(stage, 'engine', 'node_modules', part.name), async (folder) => {
      untar(await fetched(part, stage, say, means), folder, (name) =>
        wanted.test(name) ? name.replace('package/', '') : null,
      )
    })
}

async function tryOut(name, plan, engine, recipe, test, say) {
  stampEngine(name, plan, engine, recipe, plan.unpacked)
  say('  test it')
  // Without a GPU the library of the GPU computes on the processor: that it was built well can be seen everywhere.
  const built = name === 'webgpu' ? { works: true } : await test('native', engine)
  if (!built.works) throw new Error(`The engine was made but does not work here: ${built.reason}`)
  return built
}

function stampEngine(name, plan, engine, recipe, size) {
  const { version } = (plan.libraries ?? plan.packages)[0]
  const stamp = join(engine, 'engine.json')
  writeFileSync(`${stamp}.tmp`, JSON.stringify({ engine: name, version, recipe, size }))
  renameSync(`${stamp}.tmp`, stamp)
}

/** Deletes what only the making needed. */
function tidyUp(engine) {
  for (const entry of readdirSync(engine)) if (entry.startsWith('.')) remove(join(engine, entry))
  for (const used of ['tensorflow/include', 'tfjs-node/binding']) remove(join(engine, used))
}

/** The one that is replaced steps aside first: a folder cannot be renamed onto another. */
function put(engine, place) {
  const old = `${place}.old`
  remove(old)
  if (existsSync(place)) renameSync(place, old)
  renameSync(engine, place)
  remove(old)
}

/** Does a step under a temporary name, and not again. */
async function once(result, step) {
  if (existsSync(result)) return
  // A folder of this call's own: a compiler that outlived an interrupted call finds its one gone.
  const aside = join(dirname(result), `.tmp-${process.pid}`)
  remove(aside)
  const work = join(aside, basename(result))
  mkdirSync(result.endsWith('.node') ? aside : work, { recursive: true })
  await step(work)
  renameSync(work, result)
  remove(aside)
}

/** What an interrupted call left under temporary names. */
function sweep(engine) {
  for (const folder of [engine, join(engine, 'node_modules'), join(engine, 'node_modules', '@tensorflow')])
    if (existsSync(folder))
      for (const entry of readdirSync(folder)) if (entry.startsWith('.tmp-')) remove(join(folder, entry))
}

async function fetched(part, stage, say, means) {
  const file = join(stage, part.file)
  if (existsSync(file)) return file
  say(`  fetch ${part.name} ${part.version}${part.size > 1e6 ? `, ${megabytes(part.size)}` : ''}`)
  await means.fetch(part, file, tenths(say))
  return file
}

async function fetchPart(part, file, onBytes) {
  if (part.url) await download({ url: part.url, file, sha256: part.sha256, onBytes })
  else if (part.file.endsWith('.whl')) await fetchWheel(part, file, onBytes)
  else await fetchPackage(part, file)
}

function tenths(say) {
  let said = null
  return (have, all) => {
    const tenth = all ? Math.floor((10 * have) / all) : null
    if (said !== null && tenth !== said) say(`    ${10 * tenth} % of ${megabytes(all)}`)
    // A download that is continued says at once where it is.
    else if (said === null && tenth > 0) say(`    continued at ${10 * tenth} %`)
    said = tenth
  }
}
