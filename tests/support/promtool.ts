import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { packagePath } from '../../src/platform/paths.js'

/** Prometheus' own parser: what `node scripts/promtool.mjs` made, or the one on the PATH. Null where there is none, said loudly. */
export function findPromtool(): ((...args: string[]) => { status: number | null; said: string }) | null {
  const made = packagePath('.cache', 'bin', 'promtool')
  const binary = existsSync(made) ? made : 'promtool'
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' })
    return { status, said: `${stdout}${stderr}` }
  }
  if (run('--version').status === 0) return run
  console.error('SKIPPED: rules in the real parser (no promtool on the PATH; `node scripts/promtool.mjs` makes one)')
  return null
}
