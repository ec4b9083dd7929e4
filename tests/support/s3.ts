import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/platform/embedded-postgres.js'
import { packagePath } from '../../src/platform/paths.js'

export const ACCESS = { AWS_ACCESS_KEY_ID: 'attune-tests', AWS_SECRET_ACCESS_KEY: 'word-of-the-tests' }

export interface ObjectServer {
  endpoint: string
  /** Where its buckets lie, each a folder, each object a file. */
  folder: string
  /** Ends it, and what it holds stays. */
  pause: () => Promise<void>
  /** At the same address. */
  resume: () => Promise<void>
  stop: () => Promise<void>
}

/** An S3 server that checks signatures: what `node scripts/versitygw.mjs` made, or the one on the PATH. Null where there is none, said loudly. */
export async function startObjectServer(): Promise<ObjectServer | null> {
  const made = packagePath('.cache', 'bin', 'versitygw')
  const binary = existsSync(made) ? made : 'versitygw'
  if (spawnSync(binary, ['--version']).status !== 0) {
    console.error(
      'SKIPPED: model files in object storage (no versitygw on the PATH; `node scripts/versitygw.mjs` makes it)',
    )
    return null
  }
  const home = await mkdtemp(join(tmpdir(), 'attune-s3-'))
  const folder = join(home, 'buckets')
  const about = join(home, 'about')
  await Promise.all([mkdir(folder), mkdir(about)])
  const port = await freePort()
  const account = ['--access', ACCESS.AWS_ACCESS_KEY_ID, '--secret', ACCESS.AWS_SECRET_ACCESS_KEY]
  const start = async () => {
    // What it knows of an object beside the file: not every file system keeps that with it.
    const place = ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', about, folder]
    const child = spawn(binary, [...account, ...place], { stdio: ['ignore', 'ignore', 'pipe'] })
    let words = ''
    child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2000)))
    const ended = new Promise<void>((done) => child.once('close', () => done()))
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`versitygw did not start: ${words}`)
      await new Promise((next) => setTimeout(next, 50))
    }
    return async () => {
      child.kill('SIGKILL')
      await ended
    }
  }
  let end = await start()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    folder,
    pause: () => end(),
    resume: async () => {
      end = await start()
    },
    stop: async () => {
      await end()
      await rm(home, { recursive: true, force: true })
    },
  }
}

const answers = (port: number) =>
  new Promise<boolean>((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), done(true))).once('error', () => done(false))
  })
