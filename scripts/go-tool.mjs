// Builds a tool from its Go module into .cache/bin. Needs Go and a module proxy (GOPROXY); takes some minutes, once.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** @param source package to build @param version of its module; where the tool is there already, it is left as it is */
export function makeGoTool(name, source, version) {
  const cache = join(dirname(import.meta.dirname), '.cache')
  const binary = join(cache, 'bin', process.platform === 'win32' ? `${name}.exe` : name)
  const folder = join(cache, name)
  if (existsSync(binary)) return console.log(`${binary} is there`)
  // Not `go install`: a module may replace some of its own, which that refuses.
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'go.mod'), `module ${name}\n\ngo 1.24\n`)
  run(folder, 'get', `${source}@${version}`)
  run(folder, 'build', '-trimpath', '-ldflags=-s -w', '-o', binary, source)
  rmSync(folder, { recursive: true, force: true })
  console.log(`made ${binary}`)
}

function run(folder, ...args) {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' }
  const { status, error } = spawnSync('go', args, { cwd: folder, env, stdio: 'inherit' })
  if (error) console.error(`attune: go can not be run: ${error.message}`)
  if (status !== 0) process.exit(1)
}
