import type { Sql } from '../platform/database.js'
import type { Tally } from './tally.js'

const CELL = 'hour, model_version, kind, scenario, experiment_id, arm'
const CELL_COLUMNS = `hour timestamptz, "modelVersion" text, kind text, scenario text, "experimentId" text, arm text`
const CELL_VALUES = `c.hour, c."modelVersion", c.kind, c.scenario, c."experimentId", c.arm`

// In the order of their keys, whoever writes them: two writers then never wait for each other.
const addTo = (table: string, column: string, field: string) => `
  INSERT INTO ${table} (tenant_id, ${CELL}, ${column}, impressions, clicks, conversions)
  SELECT $1, ${CELL_VALUES}, c."${field}", c.impressions, c.clicks, c.conversions
  FROM jsonb_to_recordset($2::jsonb)
    AS c(${CELL_COLUMNS}, "${field}" smallint, impressions bigint, clicks bigint, conversions bigint)
  ORDER BY ${CELL_VALUES}, c."${field}"
  ON CONFLICT (tenant_id, ${CELL}, ${column}) DO UPDATE SET
    impressions = ${table}.impressions + excluded.impressions,
    clicks = ${table}.clicks + excluded.clicks,
    conversions = ${table}.conversions + excluded.conversions`

const ADD_POSITIONS = addTo('online_positions', 'position', 'position')
const ADD_GROUPS = addTo('online_groups', 'user_group', 'userGroup')

/** Adds what was counted to the rows of its hours, in the caller's transaction: what makes it count once has to be there too. */
export async function addCounts(sql: Sql, tenantId: string, { positions, groups }: Tally): Promise<void> {
  if (positions.size > 0) await sql.execute(ADD_POSITIONS, [tenantId, JSON.stringify([...positions.values()])])
  if (groups.size > 0) await sql.execute(ADD_GROUPS, [tenantId, JSON.stringify([...groups.values()])])
}

// A user who is assigned is there from the first answer on, seen or not; who he is stays as it was when he was merged.
const ADD_UNITS = `
  INSERT INTO experiment_units AS known (tenant_id, experiment_id, unit, arm, user_id, seen_at, impressions, clicks, conversions)
  SELECT $1, u."experimentId", u.unit, u.arm, u."userId", u."seenAt", u.impressions, u.clicks, u.conversions
  FROM jsonb_to_recordset($2::jsonb) AS u("experimentId" text, unit text, arm text, "userId" text, "seenAt" timestamptz,
    impressions bigint, clicks bigint, conversions bigint)
  ORDER BY u."experimentId", u.unit
  ON CONFLICT (tenant_id, experiment_id, unit) DO UPDATE SET
    seen_at = greatest(known.seen_at, excluded.seen_at),
    impressions = known.impressions + excluded.impressions,
    clicks = known.clicks + excluded.clicks,
    conversions = known.conversions + excluded.conversions`

// Only to users who are still there: one who was erased must not come back with what he did before.
const ADD_TO_UNITS = `
  WITH told AS (
    SELECT known.unit, known.experiment_id, u.impressions, u.clicks, u.conversions
    FROM jsonb_to_recordset($2::jsonb) AS u("experimentId" text, unit text, impressions bigint, clicks bigint, conversions bigint)
    JOIN experiment_units known
      ON known.tenant_id = $1 AND known.experiment_id = u."experimentId" AND known.unit = u.unit
    ORDER BY known.experiment_id, known.unit FOR UPDATE OF known
  )
  UPDATE experiment_units known SET
    impressions = known.impressions + told.impressions,
    clicks = known.clicks + told.clicks,
    conversions = known.conversions + told.conversions
  FROM told WHERE known.tenant_id = $1 AND known.experiment_id = told.experiment_id AND known.unit = told.unit`

/** Adds users to their experiments, with what was counted of each; in the caller's transaction, as `addCounts`. */
export async function addUnits(sql: Sql, tenantId: string, { units }: Tally): Promise<void> {
  if (units.size > 0) await sql.execute(ADD_UNITS, [tenantId, JSON.stringify([...units.values()])])
}

/** Adds what was counted of users who are in their experiments already. */
export async function addToUnits(sql: Sql, tenantId: string, { units }: Tally): Promise<void> {
  if (units.size > 0) await sql.execute(ADD_TO_UNITS, [tenantId, JSON.stringify([...units.values()])])
}
