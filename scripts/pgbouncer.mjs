// PgBouncer, for tests: the one of PGBOUNCER, the PATH or the system, else Debian's package, unpacked into
// .cache/pgbouncer (nothing is installed). As a program it says which one there is, and gets it where there is none.
//
//   node scripts/pgbouncer.mjs

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

const folder = join(dirname(import.meta.dirname), '.cache', 'pgbouncer')

/** The program and the environment it runs in; null where there is none. */
export function findPgbouncer() {
  const libraries = join(folder, 'usr', 'lib')
  const own = existsSync(libraries) ? readdirSync(libraries).map((name) => join(libraries, name)) : []
  const env = { ...process.env, LD_LIBRARY_PATH: [...own, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':') }
  const binaries = [process.env.PGBOUNCER, 'pgbouncer', '/usr/sbin/pgbouncer', join(folder, 'usr', 'sbin', 'pgbouncer')]
  const binary = binaries.find((path) => path && spawnSync(path, ['--version'], { env }).status === 0)
  return binary ? { binary, env } : null
}

/** The same, after getting it where there is none and this is a Debian. */
export function getPgbouncer() {
  const found = findPgbouncer()
  if (found) return found
  mkdirSync(folder, { recursive: true })
  const run = (...[command, ...args]) => spawnSync(command, args, { cwd: folder, stdio: 'ignore' }).status === 0
  // With what it needs and a Debian with Node may lack.
  if (!run('apt-get', 'download', 'pgbouncer', 'libc-ares2', 'libevent-2.1-7')) return null
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) run('dpkg', '-x', file, '.')
  return findPgbouncer()
}

if (process.argv[1] === import.meta.filename) {
  const found = getPgbouncer()
  console.log(found ? `${found.binary} is there` : 'There is no PgBouncer, and no Debian to get its package from.')
}
