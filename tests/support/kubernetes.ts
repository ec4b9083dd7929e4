import { spawnSync } from 'node:child_process'
import { missing } from '../../scripts/k8s/cluster.mjs'
import { packagePath } from '../../src/platform/paths.js'

const answers = (...args: string[]) => spawnSync('kubectl', args).status === 0

/** kubectl of the PATH. Null where there is none, said loudly. */
export function findKubectl(): ((...args: string[]) => { status: number | null; said: string }) | null {
  if (!answers('version', '--client')) {
    console.error('SKIPPED: overlays of k8s/ (no kubectl on the PATH)')
    return null
  }
  return (...args) => {
    const { status, stdout, stderr } = spawnSync('kubectl', args, { encoding: 'utf8', env: { PATH: process.env.PATH } })
    return { status, said: `${stdout}${stderr}` }
  }
}

/** `npm run k8s:check` with what it built before. Null where it has built nothing yet, said loudly. */
export function findKubernetesCheck(): (() => { status: number | null; said: string }) | null {
  const lacking = missing()
  if (lacking.length > 0) {
    console.error(
      `SKIPPED: k8s/ before a real API server (${lacking.join(', ')}: \`npm run k8s:check\` builds it once, with Go)`,
    )
    return null
  }
  return () => {
    const script = packagePath('scripts', 'k8s', 'check.mjs')
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
    return { status, said: `${stdout}${stderr}` }
  }
}
