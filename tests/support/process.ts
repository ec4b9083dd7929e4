import { type ChildProcess, spawn } from 'node:child_process'
import { packagePath } from '../../src/platform/paths.js'
import { freePort } from '../../src/platform/embedded-postgres.js'
import { client, testEnvironment, type TestService } from './service.js'

export interface ServiceProcess extends Pick<TestService, 'call' | 'makeTenant'> {
  url: string
  child: ChildProcess
  databaseUrl: string
  environment: { DATA_DIR: string }
  /** kill -9: nothing is finished, nothing is given back. */
  kill(): Promise<void>
  /** The same service again, on the same port and the same data. */
  start(): Promise<void>
  /** SIGTERM. @returns the exit code */
  stop(): Promise<number | null>
  cleanUp(): Promise<void>
}

/**
 * The built service as a process of its own: for tests that kill it, or read what it prints.
 * @param output what it prints is added here; shown otherwise
 */
export async function serviceProcess(
  env: Record<string, string> = {},
  output?: { stdout: string; stderr: string },
): Promise<ServiceProcess> {
  const environment = await testEnvironment(env)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const ended = (child: ChildProcess) =>
    child.exitCode === null && child.signalCode === null
      ? new Promise<void>((done) => child.once('exit', () => done()))
      : Promise.resolve()
  const launch = async () => {
    const child = spawn(process.execPath, [packagePath('dist', 'src', 'main.js')], {
      env: { ...process.env, ...environment.env, PORT: String(port) },
      stdio: output ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    })
    if (output)
      for (const name of ['stdout', 'stderr'] as const)
        child[name]?.setEncoding('utf8').on('data', (text: string) => (output[name] += text))
    for (let waited = 0; waited < 60_000; waited += 100) {
      if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`)
      if (
        await fetch(`${url}/health/ready`).then(
          (response) => response.ok,
          () => false,
        )
      )
        return child
      await new Promise((next) => setTimeout(next, 100))
    }
    throw new Error('the service did not become ready')
  }
  const self: ServiceProcess = {
    url,
    child: await launch(),
    databaseUrl: environment.databaseUrl,
    environment: environment.env,
    ...client(url, environment.env.OPERATOR_KEY),
    kill: async () => {
      self.child.kill('SIGKILL')
      await ended(self.child)
    },
    start: async () => {
      self.child = await launch()
    },
    stop: async () => {
      self.child.kill('SIGTERM')
      await ended(self.child)
      return self.child.exitCode
    },
    cleanUp: async () => {
      await self.kill()
      await environment.cleanUp()
    },
  }
  return self
}
