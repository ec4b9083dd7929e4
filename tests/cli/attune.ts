import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packagePath } from '../../src/platform/paths.js'

const PROGRAM = packagePath('dist', 'src', 'cli', 'main.js')

export interface Ended {
  code: number
  out: string
  err: string
  /** Of `--json`: a value a line. */
  json: () => unknown[]
}

interface RunOptions {
  env?: Record<string, string>
  input?: string | Buffer
  /** Told all of standard error so far, whenever there is more. */
  onErr?: (text: string) => void
}

export interface Home {
  folder: string
  /** The built command line, with an environment of its own. */
  attune(args: string[], options?: RunOptions): Promise<Ended>
  /** The same, left running. */
  start(args: string[], env?: Record<string, string>): ChildProcess
  cleanUp(): Promise<void>
}

/** A person with a home of their own: nobody's settings reach the command line. */
export async function newHome(env: Record<string, string> = {}): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'attune-home-'))
  const own = { PATH: process.env.PATH, HOME: folder, ...env }
  return {
    folder,
    attune: (args, { env: more = {}, input, onErr } = {}) =>
      new Promise((done) => {
        const child = execFile(
          process.execPath,
          [PROGRAM, ...args],
          { env: { ...own, ...more }, cwd: folder, maxBuffer: 64 * 1024 * 1024 },
          (error, out, err) => {
            const json = () =>
              out
                .split('\n')
                .filter(Boolean)
                .map((line) => JSON.parse(line) as unknown)
            done({ code: error ? Number(error.code ?? 1) : 0, out, err, json })
          },
        )
        let told = ''
        child.stderr?.on('data', (part: string) => onErr?.((told += part)))
        // It may end before it has read all.
        child.stdin?.on('error', () => undefined)
        child.stdin?.end(input)
      }),
    start: (args, more = {}) =>
      spawn(process.execPath, [PROGRAM, ...args], { env: { ...own, ...more }, cwd: folder, stdio: 'ignore' }),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  }
}
