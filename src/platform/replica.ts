import type { DataSource } from 'typeorm'
import type { Logger } from './logger.js'
import { Loop } from './loop.js'

/** What may be read from a replica may be this old: a page of figures, the bulk of a model that then catches up. */
export const MOST_LAG_MS = 5000
const LOOK_EVERY_MS = 1000

const placeOf = (where: string) => `SELECT pg_wal_lsn_diff(${where}, '0/0')::text AS place`

/**
 * A read replica, and how old what it shows may be. Its own word on that means nothing where its line to the primary is
 * cut, and clocks differ: so the primary is asked again and again how far it has written, and the replica how far it has come.
 */
export class Replica {
  /** Where the primary was when, oldest first, as far as the replica has not come there yet. */
  private ahead: { place: bigint; at: number }[] = []
  /** What it shows is as of this moment or later. */
  private asOf = -Infinity
  private wasFresh = false
  private readonly loop: Loop

  constructor(
    private readonly primary: DataSource,
    readonly dataSource: DataSource,
    private readonly logger: Logger,
  ) {
    this.loop = new Loop(
      () => this.look(),
      LOOK_EVERY_MS,
      (error) => this.failed(error),
    )
  }

  start(): this {
    this.loop.start()
    return this
  }

  async stop(): Promise<void> {
    await this.loop.stop()
    if (this.dataSource.isInitialized) await this.dataSource.destroy()
  }

  /** Milliseconds; Infinity while that is not known. */
  get lag(): number {
    return performance.now() - this.asOf
  }

  get isFresh(): boolean {
    return this.lag <= MOST_LAG_MS
  }

  /** It is not asked again before a look found it well. */
  failed(error: unknown): void {
    this.asOf = -Infinity
    this.tell(error)
  }

  private async look(): Promise<void> {
    if (!this.dataSource.isInitialized) await this.dataSource.initialize()
    const at = performance.now()
    this.ahead.push({ place: await ask(this.primary, placeOf('pg_current_wal_lsn()')), at })
    const reached = await ask(this.dataSource, placeOf('pg_last_wal_replay_lsn()'))
    for (const { place, at } of this.ahead) if (place <= reached) this.asOf = Math.max(this.asOf, at)
    this.ahead = this.ahead.filter(({ place, at: then }) => place > reached && at - then < MOST_LAG_MS)
    this.tell()
  }

  private tell(err?: unknown) {
    const { isFresh } = this
    if (isFresh === this.wasFresh) return
    this.wasFresh = isFresh
    if (isFresh) this.logger.info('the read replica is current: what may lag is read there')
    else this.logger.warn({ err }, 'the read replica is behind or away: the primary is asked instead')
  }
}

/** @throws Error where the server is no replica, or no primary */
async function ask(dataSource: DataSource, statement: string): Promise<bigint> {
  const rows: { place: string | null }[] = await dataSource.query(statement)
  const [{ place }] = rows
  if (place === null) throw new Error('DATABASE_READ_URL leads to a server that is no replica')
  return BigInt(place)
}
