import { Inject, Injectable } from '@nestjs/common'
import { Database, type Sql } from '../platform/database.js'
import { AppError, notFound } from '../platform/errors.js'
import { Options } from './recommend.schema.js'

export interface Scenario {
  name: string
  defaults: Options
  updatedAt: Date
}

/** How long an instance may answer from what it knows of a scenario: a change elsewhere is seen within this. */
const CACHE_MS = 1000
const MAX_CACHED = 10_000
/** Past any site's placements; a name made up for each request must not fill the table. */
const MAX_SCENARIOS = 1000
const COLUMNS = `name, defaults, updated_at AS "updatedAt"`

/** Named placements with their defaults. */
@Injectable()
export class ScenariosService {
  private readonly known = new Map<string, { defaults: Options; until: number }>()

  constructor(@Inject(Database) private readonly database: Database) {}

  /** Makes or replaces a scenario. @throws AppError TOO_MANY_SCENARIOS (422) */
  async put(tenantId: string, name: string, defaults: Options): Promise<Scenario> {
    const row = await this.database.inTenant(tenantId, async (sql) => {
      const [made] = await sql.query<Scenario>(
        `INSERT INTO scenarios (tenant_id, name, defaults)
         SELECT $1, $2, $3 WHERE (SELECT count(*) FROM scenarios WHERE tenant_id = $1 AND name <> $2) < $4
         ON CONFLICT (tenant_id, name) DO UPDATE SET defaults = excluded.defaults, updated_at = now()
         RETURNING ${COLUMNS}`,
        [tenantId, name, JSON.stringify(defaults), MAX_SCENARIOS],
      )
      return made
    })
    if (!row)
      throw new AppError('TOO_MANY_SCENARIOS', `A tenant has at most ${MAX_SCENARIOS} scenarios.`, { status: 422 })
    this.known.delete(keyOf(tenantId, name))
    return row
  }

  /** @throws AppError NOT_FOUND */
  async get(tenantId: string, name: string): Promise<Scenario> {
    const [row] = await this.database.query<Scenario>(
      tenantId,
      `SELECT ${COLUMNS} FROM scenarios WHERE tenant_id = $1 AND name = $2`,
      [tenantId, name],
    )
    if (!row) throw notFound('scenario', name)
    return row
  }

  /** The defaults alone, from memory where they were read within the last second. @throws AppError NOT_FOUND */
  async defaultsOf(tenantId: string, name: string): Promise<Options> {
    const key = keyOf(tenantId, name)
    const known = this.known.get(key)
    if (known && known.until > Date.now()) return known.defaults
    const { defaults } = await this.get(tenantId, name)
    if (this.known.size >= MAX_CACHED) this.known.clear()
    this.known.set(key, { defaults, until: Date.now() + CACHE_MS })
    return defaults
  }

  /** Gives a scenario the defaults of another, in the caller's transaction. @throws AppError NOT_FOUND where either is missing */
  async copyIn(sql: Sql, tenantId: string, from: string, into: string): Promise<void> {
    const changed = await sql.execute(
      `UPDATE scenarios SET defaults = source.defaults, updated_at = now()
       FROM (SELECT defaults FROM scenarios WHERE tenant_id = $1 AND name = $2) source
       WHERE tenant_id = $1 AND name = $3`,
      [tenantId, from, into],
    )
    this.known.delete(keyOf(tenantId, into))
    if (changed === 0) throw notFound('scenario', from)
  }

  /** @throws AppError NOT_FOUND */
  async remove(tenantId: string, name: string): Promise<void> {
    const removed = await this.database.inTenant(tenantId, (sql) =>
      sql.execute('DELETE FROM scenarios WHERE tenant_id = $1 AND name = $2', [tenantId, name]),
    )
    this.known.delete(keyOf(tenantId, name))
    if (removed === 0) throw notFound('scenario', name)
  }
}

const keyOf = (tenantId: string, name: string) => JSON.stringify([tenantId, name])
