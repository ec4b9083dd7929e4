// Runs every test (or the files named) and ends with one line of counts that a machine can read.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const results = join(root, '.cache', 'tests.json')
mkdirSync(dirname(results), { recursive: true })
rmSync(results, { force: true })

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const args = [
  vitest,
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}`,
  ...process.argv.slice(2),
]
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })

let counts = '0 passed, 1 failed'
try {
  const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests, numTotalTests } = JSON.parse(
    readFileSync(results, 'utf8'),
  )
  // A file that could not even be loaded has no failed test of its own.
  const failed = numFailedTests || (numFailedTestSuites > 0 ? numFailedTestSuites : status ? 1 : 0)
  const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''
  if (numTotalTests > 0) counts = `${numPassedTests} passed, ${failed} failed${skipped}`
} catch (error) {
  console.error(`The tests left no result: ${error.message}`)
}
writeFileSync(join(root, '.cache', 'tests.txt'), counts)
console.log(counts)
process.exit(status ?? 1)
