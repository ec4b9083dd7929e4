import { Inject, Injectable } from '@nestjs/common'
import { Database, type Sql } from '../platform/database.js'
import {
  type Estimate,
  LIVE_STATES,
  estimateView,
  type Outcome,
  type Run,
  LIVE_RUN_COLUMNS,
  type RunEvent,
  type RunState,
  type RunStatus,
} from './run.js'
import { FIRST_RUN_SECONDS, LEAST_SECONDS, turnSql, USED_WITHIN_SECONDS } from './turn.js'

// Shorter would take a run from a trainer that a busy machine holds up; longer leaves a tenant waiting after a crash.
const LEASE_SECONDS = 30
/** Far more often than the lease needs: a heartbeat also learns of a wish to cancel. */
export const HEARTBEAT_MS = 2000
/** How far back a tenant's runs tell what the next one will take. */
const LOOKED_BACK_DAYS = 30
// A run whose trainer vanished three times takes the next one with it as well.
export const MAX_ATTEMPTS = 3

const LIVE = LIVE_STATES.map((state) => `'${state}'`).join(', ')
const WORKED_ON = LIVE_STATES.filter((state) => state !== 'queued')
  .map((state) => `'${state}'`)
  .join(', ')
const MINE = `tenant_id = $1 AND run_id = $2 AND lease_owner = $3 AND state IN (${LIVE})`

/** How long a run `r` has waited, will take, and what its tenant had of trainers within the last day: see `turnOf`. */
const TURN = turnSql({
  waited: 'extract(epoch FROM now() - r.created_at)',
  expected: `coalesce((r.estimate->>'seconds')::float8, lately.expected, ${FIRST_RUN_SECONDS})`,
  used: 'lately.used',
})
const LATELY = `SELECT coalesce(sum(greatest(${LEAST_SECONDS}, extract(epoch FROM coalesce(o.finished_at, now())
      - greatest(o.started_at, now() - make_interval(secs => ${USED_WITHIN_SECONDS})))))
    FILTER (WHERE coalesce(o.finished_at, now()) > now() - make_interval(secs => ${USED_WITHIN_SECONDS})), 0) AS used,
    (array_agg(extract(epoch FROM o.finished_at - o.started_at) ORDER BY o.created_at DESC)
      FILTER (WHERE o.version_id IS NOT NULL))[1] AS expected
  FROM training_runs o
  WHERE o.tenant_id = r.tenant_id AND o.run_id <> r.run_id AND o.started_at IS NOT NULL
    AND o.created_at > now() - interval '${LOOKED_BACK_DAYS} days'`

/** The run whose turn it is, locked; runs that somebody else has locked are passed over. */
export const NEXT_RUN = `SELECT r.tenant_id, r.run_id FROM training_runs r
  JOIN tenants t ON t.tenant_id = r.tenant_id AND t.deleted_at IS NULL
  CROSS JOIN LATERAL (${LATELY}) lately
  WHERE r.state IN (${LIVE}) AND (r.state = 'queued' OR r.lease_until < now())
  ORDER BY ${TURN} DESC, r.created_at, r.run_id
  LIMIT 1 FOR UPDATE OF r SKIP LOCKED`

/** A run that a trainer holds the lease of. */
export interface Claim {
  run: Run
  owner: string
}

export interface Ending {
  state: RunState
  outcome: Outcome
  versionId?: string
  error?: { code: string; message: string }
  detail?: string
}

/**
 * `training_runs` as a queue. Whoever claims a run holds it by a lease and renews that; every write asks whether the
 * lease is still the writer's, so that a trainer which was taken for dead changes nothing when it comes back.
 */
@Injectable()
export class RunQueue {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * Takes the next run, if there is one: queued, or left by a trainer whose lease ran out. Turns go by waiting, length and
   * what the tenant had of the trainers lately, so that none can keep the others waiting.
   */
  async claim(owner: string): Promise<Claim | undefined> {
    return this.database.asSystem(async (sql) => {
      await failExhausted(sql)
      const [run] = await sql.query<Run>(
        `WITH next AS (${NEXT_RUN})
         UPDATE training_runs SET state = 'preparing', started_at = coalesce(started_at, now()), lease_owner = $1,
           lease_until = now() + make_interval(secs => ${LEASE_SECONDS}), attempt = attempt + 1, status = '{"progress": 0}'
         WHERE (tenant_id, run_id) IN (SELECT tenant_id, run_id FROM next) RETURNING ${LIVE_RUN_COLUMNS}`,
        [owner],
      )
      if (!run) return undefined
      await addEvent(sql, run, 'attempt', { attempt: run.attempt })
      await addEvent(sql, run, 'state', { state: 'preparing' })
      return { run, owner }
    })
  }

  /** Runs that wait for a trainer, of all tenants. */
  async waiting(): Promise<number> {
    const [{ count }] = await this.database.asSystem((sql) =>
      sql.query<{ count: number }>(`SELECT count(*)::int AS count FROM training_runs WHERE state = 'queued'`),
    )
    return count
  }

  /** Renews the lease. @returns whether the run is still the owner's, and whether it should be cancelled */
  async heartbeat({ run, owner }: Claim): Promise<'held' | 'cancelled' | 'lost'> {
    const [row] = await this.database.query<{ cancel: boolean }>(
      run.tenantId,
      `UPDATE training_runs SET lease_until = now() + make_interval(secs => ${LEASE_SECONDS})
       WHERE ${MINE} RETURNING cancel_requested AS cancel`,
      [run.tenantId, run.id, owner],
    )
    if (!row) return 'lost'
    return row.cancel ? 'cancelled' : 'held'
  }

  /** Writes what a run will need, before anything of it is done. */
  async estimate({ run, owner }: Claim, estimate: Estimate): Promise<void> {
    await this.database.inTenant(run.tenantId, async (sql) => {
      const changed = await sql.execute(`UPDATE training_runs SET estimate = $4 WHERE ${MINE}`, [
        run.tenantId,
        run.id,
        owner,
        JSON.stringify(estimate),
      ])
      if (changed > 0) await addEvent(sql, run, 'estimate', estimateView(estimate))
    })
  }

  /** Merges what is new of a run, and keeps it as an event for whoever follows. */
  async report(
    { run, owner }: Claim,
    news: { state?: RunState; status?: RunStatus; quality?: object; dataSnapshot?: string },
    events: Pick<RunEvent, 'kind' | 'data'>[],
  ): Promise<void> {
    await this.database.inTenant(run.tenantId, async (sql) => {
      const changed = await sql.execute(
        `UPDATE training_runs SET state = coalesce($4, state), status = status || $5::jsonb,
           quality = coalesce($6::jsonb, quality), data_snapshot = coalesce($7, data_snapshot) WHERE ${MINE}`,
        [
          run.tenantId,
          run.id,
          owner,
          news.state ?? null,
          JSON.stringify(news.status ?? {}),
          news.quality ? JSON.stringify(news.quality) : null,
          news.dataSnapshot ?? null,
        ],
      )
      if (changed === 0) return
      for (const { kind, data } of events) await addEvent(sql, run, kind, data)
    })
  }

  /** Ends a run. @returns whether it still was the owner's to end */
  async finish({ run, owner }: Claim, ending: Ending): Promise<boolean> {
    return this.database.inTenant(run.tenantId, async (sql) => {
      const status: RunStatus = {
        ...(ending.detail && { detail: ending.detail }),
        ...(['promoted', 'rejected', 'skipped'].includes(ending.state) && { progress: 1, etaSeconds: 0 }),
      }
      const changed = await sql.execute(
        `UPDATE training_runs SET state = $4, outcome = $5, version_id = $6, error = $7,
           status = status || $8::jsonb || CASE WHEN $4 = 'cancelled' AND status ? 'detail'
             THEN jsonb_build_object('detail', 'cancelled while ' || (status ->> 'detail')) ELSE '{}' END,
           finished_at = now(), lease_owner = NULL, lease_until = NULL WHERE ${MINE}`,
        [
          run.tenantId,
          run.id,
          owner,
          ending.state,
          ending.outcome,
          ending.versionId ?? null,
          ending.error ? JSON.stringify(ending.error) : null,
          JSON.stringify(status),
        ],
      )
      if (changed > 0) await addEvent(sql, run, 'state', { ...ending })
      return changed > 0
    })
  }

  /**
   * Puts a run back in the queue for what is no fault of it: it counts as not started.
   * @param options.counts the attempt: what came in between may come again
   */
  async giveBack({ run, owner }: Claim, detail: string, { counts = false } = {}): Promise<void> {
    await this.database.inTenant(run.tenantId, async (sql) => {
      const changed = await sql.execute(
        `UPDATE training_runs SET state = 'queued', attempt = attempt - $5, lease_owner = NULL, lease_until = NULL,
           started_at = CASE WHEN attempt > $5 THEN started_at END, status = jsonb_build_object('detail', $4::text)
         WHERE ${MINE}`,
        [run.tenantId, run.id, owner, detail, counts ? 0 : 1],
      )
      if (changed > 0) await addEvent(sql, run, 'state', { state: 'queued', detail })
    })
  }
}

async function failExhausted(sql: Sql): Promise<void> {
  const error = {
    code: 'TRAINER_LOST',
    message: `The process that worked on this run vanished ${MAX_ATTEMPTS} times; it was not tried again.`,
  }
  const failed = await sql.query<Run>(
    `UPDATE training_runs SET state = 'failed', outcome = 'failed', finished_at = now(), lease_owner = NULL,
       lease_until = NULL, error = $1
     WHERE state IN (${WORKED_ON}) AND lease_until < now() AND attempt >= ${MAX_ATTEMPTS} RETURNING ${LIVE_RUN_COLUMNS}`,
    [JSON.stringify(error)],
  )
  for (const run of failed) await addEvent(sql, run, 'state', { state: 'failed', outcome: 'failed', error })
}

/** Numbered from 1 within the run. Only the holder of the lease adds events, so no two take one number. */
async function addEvent(sql: Sql, run: Pick<Run, 'tenantId' | 'id'>, kind: RunEvent['kind'], data: object) {
  await sql.execute(
    `INSERT INTO training_run_events (tenant_id, run_id, number, kind, data)
     SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4::jsonb FROM training_run_events
     WHERE tenant_id = $1 AND run_id = $2`,
    [run.tenantId, run.id, kind, JSON.stringify(data)],
  )
}
