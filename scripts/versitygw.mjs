// Builds versitygw, an S3 server on a folder, from its Go module into .cache/bin, where tests of model files in object
// storage look for it. Needs Go and a module proxy (GOPROXY); takes some minutes, once.
//
//   node scripts/versitygw.mjs

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const VERSION = 'v1.8.0'
const PACKAGE = 'github.com/versity/versitygw/cmd/versitygw'

const cache = join(dirname(import.meta.dirname), '.cache')
const binary = join(cache, 'bin', process.platform === 'win32' ? 'versitygw.exe' : 'versitygw')
const folder = join(cache, 'versitygw')

if (existsSync(binary)) {
  console.log(`${binary} is there`)
} else {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'go.mod'), 'module versitygw\n\ngo 1.24\n')
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
