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
