import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { Database } from '../platform/database.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { addCounts, type SketchKind } from './sketch.js'

const FLUSH_EVERY_MS = 15_000
const SWEEP_EVERY_MS = 3_600_000
const ROWS_A_STATEMENT = 1000
const SWEPT_AT_ONCE = 5000

const UPSERT = `
  INSERT INTO sketches AS s (tenant_id, name, version_id, at, counts)
  SELECT r."tenantId", r.name, r."versionId", date_trunc(r.grain, now(), 'UTC'), r.counts
  FROM jsonb_to_recordset($1::jsonb) AS r("tenantId" text, name text, "versionId" text, grain text, counts integer[])
  -- What is left of a tenant that is gone meanwhile is nobody's.
  JOIN tenants t ON t.tenant_id = r."tenantId" AND t.deleted_at IS NULL
  -- In the order of the key, so that two instances wait for each other instead of locking up.
  ORDER BY r."tenantId" COLLATE "C", r.name COLLATE "C", r."versionId" COLLATE "C"
  ON CONFLICT (tenant_id, name, at, version_id) DO UPDATE SET counts = (
    SELECT array_agg(coalesce(old, 0) + coalesce(new, 0) ORDER BY bin)
    FROM unnest(s.counts, excluded.counts) WITH ORDINALITY AS both_counts (old, new, bin))`

/** Its conditions twice: a row's place is its own only within one table of one server, not among shards. */
const SWEEP = `
  DELETE FROM sketches WHERE name = $1 AND at < now() - make_interval(days => $2) AND ctid = ANY (ARRAY(
    SELECT old.ctid FROM tenants t
    CROSS JOIN LATERAL (SELECT s.ctid FROM sketches s
      WHERE s.tenant_id = t.tenant_id AND s.name = $1 AND s.at < now() - make_interval(days => $2)
      LIMIT ${SWEPT_AT_ONCE}) old
    LIMIT ${SWEPT_AT_ONCE}))`

export interface Sketch {
  /** The beginning of its hour or day. */
  at: Date
  /** Empty where it is of none. */
  versionId: string
  counts: number[]
}

interface Waiting {
  tenantId: string
  name: string
  versionId: string
  grain: string
  counts: number[]
}

/**
 * Collects measurements in memory, as counts by bin, and adds them to what is stored every few seconds. A process that is
 * killed loses the last of them, and nothing else.
 */
@Injectable()
export class SketchesService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private waiting = new Map<string, Waiting>()
  private writing: Promise<void> = Promise.resolve()
  private readonly kinds = new Map<string, SketchKind>()
  private readonly loops: Loop[]

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const warn = (error: unknown) => logger.warn({ err: error }, 'could not write what was measured')
    this.loops = [
      new Loop(() => this.flush(), FLUSH_EVERY_MS, warn),
      new Loop(() => this.sweep(), SWEEP_EVERY_MS, warn),
    ]
  }

  onApplicationBootstrap() {
    // Whoever answers nobody measures nothing.
    if (this.config.roles.includes('api')) for (const loop of this.loops) loop.start()
  }

  async beforeApplicationShutdown() {
    await Promise.all(this.loops.map((loop) => loop.stop()))
  }

  /** The last requests have been answered by now. */
  async onApplicationShutdown() {
    await this.flush().catch((error: unknown) => this.logger.warn({ err: error }, 'the last measurements are lost'))
  }

  /** Counts one value. A few map look-ups: may be called for every event and request. */
  add(kind: SketchKind, tenantId: string, value: number, versionId = ''): void {
    const { name, grain, bins } = kind
    this.kinds.set(name, kind)
    const key = JSON.stringify([tenantId, name, versionId])
    let sketch = this.waiting.get(key)
    if (!sketch) {
      sketch = { tenantId, name, versionId, grain, counts: new Array<number>(bins).fill(0) }
      this.waiting.set(key, sketch)
    }
    sketch.counts[kind.binOf(value)]++
  }

  /** Rows of one kind since a moment, oldest first, with what waits here. @param versionId of this one only */
  async list({ name }: SketchKind, tenantId: string, since: Date, versionId?: string): Promise<Sketch[]> {
    await this.flush()
    return this.database.lagging.query<Sketch>(
      tenantId,
      `SELECT at, version_id AS "versionId", counts FROM sketches
       WHERE tenant_id = $1 AND name = $2 AND at >= $3 AND ($4::text IS NULL OR version_id = $4) ORDER BY at`,
      [tenantId, name, since, versionId ?? null],
    )
  }

  /**
   * Of many tenants at once, each of one version: the first rows of a kind, and those since a moment, oldest first.
   * @param first how many at most
   */
  async listOf(
    { name }: SketchKind,
    wanted: { tenantId: string; versionId: string }[],
    { first, since }: { first: number; since: Date },
  ): Promise<Map<string, Sketch[]>> {
    await this.flush()
    const rows = await this.database.lagging.asSystem((sql) =>
      sql.query<Sketch & { tenantId: string }>(
        `SELECT tenant_id AS "tenantId", at, version_id AS "versionId", counts
         FROM (SELECT s.*, row_number() OVER (PARTITION BY s.tenant_id ORDER BY s.at) AS place
           FROM unnest($1::text[], $2::text[]) AS w (tenant_id, version_id)
           JOIN sketches s ON s.tenant_id = w.tenant_id AND s.name = $3 AND s.version_id = w.version_id) placed
         WHERE place <= $4 OR at >= $5 ORDER BY at`,
        [wanted.map(({ tenantId }) => tenantId), wanted.map(({ versionId }) => versionId), name, first, since],
      ),
    )
    const lists = new Map(wanted.map(({ tenantId }) => [tenantId, [] as Sketch[]]))
    for (const { tenantId, ...sketch } of rows) lists.get(tenantId)?.push(sketch)
    return lists
  }

  /** Writes all that waits. @throws what may pass: then it waits on */
  flush(): Promise<void> {
    return (this.writing = this.writing.catch(() => undefined).then(() => this.write()))
  }

  private async write(): Promise<void> {
    const rows = [...this.waiting.values()]
    if (rows.length === 0) return
    this.waiting = new Map()
    try {
      // All or nothing: what was written must not be counted again.
      await this.database.asSystem(async (sql) => {
        for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT)
          await sql.execute(UPSERT, [JSON.stringify(rows.slice(from, from + ROWS_A_STATEMENT))])
      })
    } catch (error) {
      // As many as there are tenants, however long the database is away.
      for (const row of rows) this.putBack(row)
      throw error
    }
  }

  private putBack(row: Waiting): void {
    const key = JSON.stringify([row.tenantId, row.name, row.versionId])
    const fresh = this.waiting.get(key)
    if (fresh) addCounts(fresh.counts, row.counts)
    else this.waiting.set(key, row)
  }

  /** Deletes what is older than its kind is kept. */
  async sweep(): Promise<void> {
    for (const { name, keptDays } of this.kinds.values())
      while ((await this.database.asSystem((sql) => sql.execute(SWEEP, [name, keptDays]))) === SWEPT_AT_ONCE);
  }
}
