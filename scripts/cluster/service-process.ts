import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { Environment, type Role } from '../../src/platform/config.js'
import { packagePath } from '../../src/platform/paths.js'
import type { Ending, Member } from './member.js'
import { until } from './system.js'

/** What Kubernetes or systemd wait, at least, before they start anew what ended by itself. */
const RESTART_AFTER_MS = 1000
const READY_WITHIN_MS = 120_000

/** A trainer has its children give way to others: of another session they would not, so the session is told to. */
function yieldCores(pid: number) {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, '5')
  } catch {
    // The system does not share out by session.
  }
}

/** The built service with one role, in a process of its own that is started anew where it ends by itself. */
export class ServiceProcess implements Member {
  readonly url: string
  /** Each time that it ended without being told to. */
  readonly endings: Ending[] = []
  private child: ChildProcess | undefined
  private wanted = false
  private restart: NodeJS.Timeout | undefined

  /** @param logFile that what it prints is added to */
  constructor(
    readonly name: string,
    readonly role: Role,
    private readonly port: number,
    private readonly env: Record<string, string>,
    private readonly logFile: string,
  ) {
    this.url = `http://127.0.0.1:${port}`
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  async start(): Promise<void> {
    this.wanted = true
    this.launch()
    await this.ready()
  }

  /** SIGKILL to the process alone: children of it find out by themselves. */
  async kill(): Promise<void> {
    await this.end('SIGKILL')
  }

  /** SIGTERM. @returns the exit code */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM')
  }

  /** For the end of a program that has no time left. */
  killAtOnce(): void {
    this.wanted = false
    this.child?.kill('SIGKILL')
  }

  /** What its readiness probe says: whether requests may be sent there. */
  async health(): Promise<{ ready: boolean; checks: Record<string, string> }> {
    try {
      const answer = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(5000) })
      const { checks = {} } = (await answer.json()) as { checks?: Record<string, string> }
      return { ready: answer.ok, checks }
    } catch {
      return { ready: false, checks: { process: 'does not answer' } }
    }
  }

  /** The lines of its log at these levels or above (pino's numbers: 50 is an error), newest last. */
  logged(level: number): { level: number; time: number; msg: string }[] {
    return readFileSync(this.logFile, 'utf8')
      .split('\n')
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as { level: number; time: number; msg: string }]
        } catch {
          return []
        }
      })
      .filter((line) => line.level >= level)
  }

  private launch() {
    const log = openSync(this.logFile, 'a')
    const child = spawn(process.execPath, [packagePath('dist', 'src', 'main.js')], {
      // Whatever this machine's own service is set to is not meant here.
      env: {
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !(name in Environment.shape))),
        ...this.env,
        ROLES: this.role,
        PORT: String(this.port),
      },
      stdio: ['ignore', log, log],
      // A session of its own, as the brokers have: Linux shares out its cores by session, where it may.
      detached: true,
    })
    closeSync(log)
    if (this.role === 'trainer' && child.pid !== undefined) yieldCores(child.pid)
    child.on('exit', (code, signal) => {
      if (!this.wanted || this.child !== child) return
      this.endings.push({ name: this.name, at: Date.now(), code, signal })
      this.restart = setTimeout(() => this.wanted && this.launch(), RESTART_AFTER_MS)
    })
    this.child = child
  }

  private async ready() {
    await until(`${this.name} is ready`, async () => !this.wanted || (await this.health()).ready, READY_WITHIN_MS, 200)
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    this.wanted = false
    clearTimeout(this.restart)
    const { child } = this
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exited = new Promise<void>((done) => child.once('exit', () => done()))
    child.kill(signal)
    await exited
    return child.exitCode
  }
}
