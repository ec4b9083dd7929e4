// Runs the tests whose services reach PostgreSQL through PgBouncer in transaction mode, with fewer connections than they
// ask for: those of tests/e2e and of all that is asked over REST, or the files named.
//
//   npm run test:pgbouncer [-- tests/events ...]

import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { getPgbouncer } from './pgbouncer.mjs'

const root = dirname(import.meta.dirname)
const rooms = ['catalog', 'e2e', 'events', 'monitoring', 'online', 'operations', 'registry', 'serving', 'tenants']
const files = [
  'tests/golden',
  'tests/platform/pooling.test.ts',
  'tests/training/runs.test.ts',
  'tests/training/training.test.ts',
]

if (getPgbouncer()) {
  const named = process.argv.slice(2)
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, 'scripts', 'test.mjs'),
      ...(named.length > 0 ? named : [...rooms.map((room) => `tests/${room}`), ...files]),
    ],
    { cwd: root, env: { ...process.env, TEST_PGBOUNCER: 'true' }, stdio: 'inherit' },
  )
  process.exit(status ?? 1)
}
console.error('\n!!! SKIPPED: the tests through PgBouncer (there is none, and no Debian to get its package from)\n')
