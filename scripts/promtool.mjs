// Builds promtool, Prometheus' own parser of rules, from its Go module into .cache/bin, where tests of deploy/monitoring look
// for it. Needs Go and a module proxy (GOPROXY); takes some minutes, once.
//
//   node scripts/promtool.mjs

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

// Prometheus 3.5, a release with long support.
const VERSION = 'v0.305.0'
const PACKAGE = 'github.com/prometheus/prometheus/cmd/promtool'

const cache = join(dirname(import.meta.dirname), '.cache')
const binary = join(cache, 'bin', process.platform === 'win32' ? 'promtool.exe' : 'promtool')
const folder = join(cache, 'promtool')

if (existsSync(binary)) {
  console.log(`${binary} is there`)
} else {
  // Not `go install`: the module replaces some of its own, which that refuses.
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'go.mod'), 'module promtool\n\ngo 1.24\n')
  run('get', `${PACKAGE}@${VERSION}`)
  run('build', '-trimpath', '-ldflags=-s -w', '-o', binary, PACKAGE)
  rmSync(folder, { recursive: true, force: true })
  console.log(`made ${binary}`)
}

function run(...args) {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' }
  const { status, error } = spawnSync('go', args, { cwd: folder, env, stdio: 'inherit' })
  if (error) console.error(`attune: go can not be run: ${error.message}`)
  if (status !== 0) process.exit(1)
}
