import { Inject, Injectable } from '@nestjs/common'
import { Database } from '../platform/database.js'

/** How long the database may take to answer a probe. */
const PING_MS = 2000

@Injectable()
export class HealthService {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Why the process should be restarted, or null. Passing trouble (the database away) is no reason. */
  broken(): string | null {
    return null
  }

  /** Each check by name: 'ok' or what is wrong. */
  async check(): Promise<{ ready: boolean; checks: Record<string, string> }> {
    const checks: Record<string, string> = { database: await outcome(withTimeout(this.database.ping(), PING_MS)) }
    return { ready: Object.values(checks).every((check) => check === 'ok'), checks }
  }
}

const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    // What the database says may hold an address: the operator finds it in the log.
    () => 'does not answer',
  )

function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => (timer = setTimeout(() => fail(new Error('too late')), ms)))
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
