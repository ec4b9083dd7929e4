// Builds what `npm run k8s:check` and tests/k8s need, from Go modules: kube-apiserver and etcd into .cache/bin, and the
// definitions of the custom resources that k8s/ uses into .cache/k8s. Needs Go and a module proxy (GOPROXY); takes a quarter
// of an hour on two cores, once.
//
//   node scripts/k8s/binaries.mjs

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DEFINITIONS } from './definitions.mjs'

const KUBERNETES = '1.34.2'
const ETCD = 'v3.6.5'
const cache = join(dirname(dirname(import.meta.dirname)), '.cache')
const folder = join(cache, 'k8s')

copyDefinitions()
build('etcd', ETCD, 'go.etcd.io/etcd/server/v3', `require go.etcd.io/etcd/server/v3 ${ETCD}\n`)
build('kube-apiserver', `v${KUBERNETES}`, 'k8s.io/kubernetes/cmd/kube-apiserver', kubernetes())

function copyDefinitions() {
  const target = join(folder, 'definitions')
  const wanted = DEFINITIONS.flatMap(({ files }) => files)
  if (wanted.every((file) => existsSync(join(target, file)))) return
  for (const { module, folder: from, files } of DEFINITIONS) {
    const { Dir } = download(module)
    for (const file of files) cpSync(join(Dir, from, file), join(target, file))
  }
  console.log(`made ${target}`)
}

/** The module of Kubernetes names its parts as folders beside it; each is published as a module of its own too. */
function kubernetes() {
  const published = `v0${KUBERNETES.slice(KUBERNETES.indexOf('.'))}`
  return () => {
    const { GoMod } = download(`k8s.io/kubernetes@v${KUBERNETES}`)
    const parts = readFileSync(GoMod, 'utf8').matchAll(/^\s+(k8s\.io\/\S+) => \.\/staging\//gm)
    const replaced = [...parts].map(([, part]) => `replace ${part} => ${part} ${published}\n`)
    return `require k8s.io/kubernetes v${KUBERNETES}\n${replaced.join('')}`
  }
}

/** Not `go install`: the modules replace some of their own, which that refuses. */
function build(name, version, path, needs) {
  const binary = join(cache, 'bin', process.platform === 'win32' ? `${name}.exe` : name)
  if (existsSync(binary)) return console.log(`${binary} is there`)
  const work = join(folder, name)
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const text = typeof needs === 'function' ? needs() : needs
  writeFileSync(join(work, 'go.mod'), `module ${name}\n\ngo 1.24.0\n\n${text}`)
  run(work, 'get', `${path}@${version}`)
  // Kubernetes takes its own version from the linker; features that are on by default depend on it.
  const stamp = `-X k8s.io/component-base/version.gitVersion=${version}`
  // One compiler at a time: this may run beside other work.
  run(work, 'build', '-p', '1', '-trimpath', `-ldflags=-s -w ${stamp}`, '-o', binary, path)
  rmSync(work, { recursive: true, force: true })
  console.log(`made ${binary}`)
}

function download(module) {
  mkdirSync(folder, { recursive: true })
  return JSON.parse(run(folder, 'mod', 'download', '-json', module))
}

function run(cwd, ...args) {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' }
  const stdio = args[0] === 'mod' ? ['ignore', 'pipe', 'inherit'] : 'inherit'
  const { status, error, stdout } = spawnSync('go', args, { cwd, env, stdio, encoding: 'utf8' })
  if (error) console.error(`attune: go can not be run: ${error.message}`)
  if (status !== 0) process.exit(1)
  return stdout
}
