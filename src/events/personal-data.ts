import { createHash } from 'node:crypto'

/** A table that holds rows of users: each has `tenant_id` and `user_id`. */
export interface PersonalTable {
  name: string
  /** What a row is called in an export. */
  kind: string
  /** SQL: when what the row tells of happened; rows older than a tenant's retention go. */
  at: string
  /** The rest of the primary key after the tenant, as one text. */
  key: string
}

/**
 * Every table with users' rows, whichever room writes it: erasure, merge, export and retention have to reach all of
 * them, in one transaction where it matters, and a table that is forgotten here would be a promise broken.
 */
export const PERSONAL_TABLES: readonly PersonalTable[] = [
  { name: 'events', kind: 'event', at: 'occurred_at', key: 'event_id' },
  { name: 'recommendations', kind: 'recommendation', at: 'created_at', key: 'recommendation_id' },
  {
    name: 'dead_letters',
    kind: 'dead-letter',
    // Nobody's clock makes it younger than it is; without a time of sending it counts since it was met first.
    at: 'least(sent_at, first_failed_at)',
    key: `topic || '-' || partition || '-' || "offset"`,
  },
  { name: 'experiment_units', kind: 'experiment', at: 'seen_at', key: "experiment_id || ' ' || unit" },
]

/** What is kept of the id of a user who was erased: bound to the tenant, so that the same user of two can not be told to be the same. */
export const userHash = (tenantId: string, userId: string) =>
  createHash('sha256')
    .update(JSON.stringify([tenantId, userId]))
    .digest()
