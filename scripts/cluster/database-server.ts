import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'
import type { Member } from './member.js'
import { isAlive, killNow, pause, systemProcesses, until } from './system.js'

/** From a kill until it answers again: what waits for it may be told to come back. */
export interface Outage {
  from: number
  /** Infinity: it goes on. */
  to: number
}

/** A PostgreSQL server that can be killed as a whole, as when its machine or container goes. */
export class DatabaseServer implements Member {
  readonly name = 'postgres'
  readonly role = 'postgres'
  readonly outages: Outage[] = []
  private server: EmbeddedPostgres | undefined
  private pool: pg.Pool | undefined

  /** @param settings more of them, as `['fsync=off']` */
  constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly settings: string[],
  ) {}

  get url(): string {
    if (!this.server) throw new Error('PostgreSQL was not started')
    return this.server.url
  }

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++)
      try {
        this.server = await startEmbeddedPostgres({
          directory: join(this.folder, 'postgres'),
          logger: pino({ level: 'silent' }),
          settings: this.settings,
          port: this.port,
        })
        break
      } catch (error) {
        // A child of the server before may hold its memory for a moment longer.
        if (attempt === 20) throw error
        await pause(250)
      }
    const [outage] = this.outages.slice(-1)
    if (outage) outage.to = Date.now()
  }

  async kill(): Promise<void> {
    const main = this.main()
    if (main === undefined) return
    const children = (await systemProcesses()).filter(({ parent }) => parent === main)
    const pids = [main, ...children.map(({ pid }) => pid)]
    this.outages.push({ from: Date.now(), to: Infinity })
    pids.forEach(killNow)
    await until('the end of PostgreSQL', () => !pids.some(isAlive), 10_000, 20)
  }

  async stop(): Promise<void> {
    await this.pool?.end()
    await this.server?.stop()
  }

  /** For the end of a program that has no time left. */
  killAtOnce(): void {
    const main = this.server && this.main()
    // Its children find out by themselves.
    if (main !== undefined) killNow(main)
  }

  /** As the owner of everything, past row-level security. */
  async query<T extends object>(text: string, values?: unknown[]): Promise<T[]> {
    if (!this.pool) {
      this.pool = new pg.Pool({ connectionString: this.url, max: 2 })
      this.pool.on('error', () => undefined)
    }
    const { rows } = await this.pool.query<T>(text, values)
    return rows
  }

  private main(): number | undefined {
    try {
      const pid = Number(readFileSync(join(this.folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
      return isAlive(pid) ? pid : undefined
    } catch {
      return undefined
    }
  }
}
