import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Environment } from '../../src/platform/config.js'
import { freePort } from '../../src/platform/embedded-postgres.js'
import { packagePath } from '../../src/platform/paths.js'

export interface RunningService {
  url: string
  operatorKey: string
  keyPath: string
  call<T>(method: string, path: string, options?: { key?: string; body?: unknown; accept?: number[] }): Promise<T>
  stop(): Promise<void>
  /** Settles when the service ends by itself. */
  ended: Promise<void>
}

/** Starts `npm start`'s own program, waits until it is ready, and talks to it over REST like any client. */
export async function startAttune(dataDir: string, env: Record<string, string>): Promise<RunningService> {
  const port = process.env.PORT || String(await firstFree(3000))
  const child = spawn(process.execPath, [packagePath('dist', 'src', 'main.js')], {
    // The quickstart is its own little world: it must not make its shops in somebody's database.
    env: { ...withoutSettings(process.env), LOG_LEVEL: 'warn', ...env, PORT: port, DATA_DIR: dataDir },
    stdio: ['ignore', 'inherit', 'inherit'],
    // Ctrl+C reaches the quickstart, which then stops the service in order.
    detached: process.platform !== 'win32',
  })
  const ended = new Promise<void>((done) => child.on('exit', () => done()))
  const url = `http://127.0.0.1:${port}`
  await ready(url, child)
  const keyPath = join(dataDir, 'operator.key')
  const operatorKey = (await readFile(keyPath, 'utf8')).trim()
  return {
    url,
    operatorKey,
    keyPath,
    ended,
    call: (method, path, options = {}) => call(url, method, path, { key: operatorKey, ...options }),
    stop: async () => {
      if (child.exitCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}

const withoutSettings = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !(name in Environment.shape)))

/** One call, tried again where the service says so. @throws Error for what is neither done nor accepted */
export async function call<T>(
  url: string,
  method: string,
  path: string,
  options: { key: string; body?: unknown; accept?: number[] },
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${options.key}`,
        ...(options.body !== undefined && { 'content-type': 'application/json' }),
      },
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
    })
    // What a well-behaved client does: come back when the service says so.
    if ((response.status === 429 || response.status === 503) && attempt < 60) {
      await response.body?.cancel()
      await pause(1000 * Number(response.headers.get('retry-after') ?? 1))
      continue
    }
    const body = await response.text()
    if (!response.ok && !options.accept?.includes(response.status))
      throw new Error(`${method} ${path}: ${response.status} ${body}`)
    return (body === '' ? undefined : JSON.parse(body)) as T
  }
}

async function ready(url: string, child: ChildProcess) {
  for (let waited = 0; waited < 120_000; waited += 250) {
    if (child.exitCode !== null) throw new Error('The service ended before it was ready; its words are above.')
    const ok = await fetch(`${url}/health/ready`).then(
      (response) => response.ok,
      () => false,
    )
    if (ok) return
    await pause(250)
  }
  child.kill('SIGTERM')
  throw new Error('The service was not ready within two minutes.')
}

/** The port itself where nobody listens on it, else any free one. */
async function firstFree(port: number): Promise<number> {
  const taken = await fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(1000) }).then(
    () => true,
    (error: unknown) =>
      !(error instanceof TypeError && String((error.cause as { code?: string }).code) === 'ECONNREFUSED'),
  )
  return taken ? freePort() : port
}

export const pause = (ms: number) => new Promise((next) => setTimeout(next, ms))
