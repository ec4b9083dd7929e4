// Runs every test (or the files named) and ends with one line of counts that a machine can read.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const NOTHING = { passed: 0, failed: 0, skipped: 0 }

/** @returns what came of one run of vitest, and its exit status */
function run(name, args) {
  const results = join(root, '.cache', `${name}.json`)
  rmSync(results, { force: true })
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`, ...args],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests, numTotalTests } = JSON.parse(
      readFileSync(results, 'utf8'),
    )
    // A file that could not even be loaded has no failed test of its own, and no test at all is a failure, too.
    const failed =
      numFailedTests || (numFailedTestSuites > 0 ? numFailedTestSuites : status || numTotalTests === 0 ? 1 : 0)
    return { passed: numPassedTests, failed, skipped: numPendingTests, status: status ?? 1 }
  } catch (error) {
    console.error(`The tests left no result: ${error.message}`)
    return { ...NOTHING, failed: 1, status: status ?? 1 }
  }
}

const asked = process.argv.slice(2)
mkdirSync(join(root, '.cache'), { recursive: true })
// Ten processes, three brokers and a load: beside it, others would fail for want of a core.
const CLUSTER = 'tests/e2e/cluster'
const runs =
  asked.length > 0
    ? [run('tests', asked)]
    : [run('tests', ['--exclude', `${CLUSTER}/**`]), run('cluster-tests', [CLUSTER])]
const sum = (name) => runs.reduce((total, one) => total + one[name], 0)
const counts = `${sum('passed')} passed, ${sum('failed')} failed${sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : ''}`
writeFileSync(join(root, '.cache', 'tests.txt'), counts)
console.log(counts)
process.exit(Math.max(...runs.map(({ status }) => status)))
