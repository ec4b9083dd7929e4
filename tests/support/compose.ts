import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packagePath } from '../../src/platform/paths.js'

export interface ComposeService {
  build?: { target: string }
  profiles?: string[]
  environment?: Record<string, string>
  read_only?: boolean
  cap_drop?: string[]
  tmpfs?: string[]
  ports?: { host_ip?: string; target: number }[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string[] }
  deploy?: { resources?: { reservations?: { devices?: { driver?: string; capabilities: string[] }[] } } }
}
interface Read {
  status: number | null
  said: string
  services: Record<string, ComposeService>
}

/** Reads a compose file as Docker's client does, with all profiles. Null where nothing here can, said loudly. */
export function findCompose(): ((text: string) => Read) | null {
  const made = packagePath('.cache', 'bin', 'compose-spec')
  const commands = [
    ...(spawnSync('docker', ['compose', 'version']).status === 0
      ? [['docker', 'compose', '--profile', '*', '-f', 'compose.yaml', 'config', '--format', 'json']]
      : []),
    ...(existsSync(made) ? [[made, '-format', 'json', 'compose.yaml']] : []),
  ]
  if (commands.length === 0) {
    console.error('SKIPPED: compose.yaml in its real reader (no docker compose; `node scripts/compose.mjs` makes one)')
    return null
  }
  const [[command, ...args]] = commands
  return (text) => {
    const folder = mkdtempSync(join(tmpdir(), 'attune-compose-'))
    writeFileSync(join(folder, 'compose.yaml'), text)
    // No variable of whoever runs this.
    const env = { PATH: process.env.PATH, HOME: process.env.HOME }
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    const { services } = (status === 0 ? JSON.parse(stdout) : { services: {} }) as Pick<Read, 'services'>
    return { status, said: stderr + (status === 0 ? '' : stdout), services }
  }
}
