import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** What users did. */
export class Events1763700000004 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE events (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      event_id text NOT NULL,
      -- Order of arrival: breaks ties of occurred_at everywhere.
      arrival bigint GENERATED ALWAYS AS IDENTITY,
      user_id text NOT NULL,
      item_id text NOT NULL,
      type text NOT NULL,
      value double precision,
      occurred_at timestamptz NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now(),
      session_id text,
      recommendation_id text,
      properties jsonb,
      written_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
      PRIMARY KEY (tenant_id, event_id)
    )`)
    await runner.query('CREATE INDEX events_of_user ON events (tenant_id, user_id, occurred_at, arrival)')
    await runner.query('CREATE INDEX events_written ON events (tenant_id, written_in)')
    await runner.query('CREATE INDEX events_in_time ON events (tenant_id, occurred_at)')
    await tenantTable(runner, 'events')

    // Proof of an erasure: the user's id is kept only as a hash.
    await runner.query(`CREATE TABLE erasures (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      erasure_id text NOT NULL,
      user_hash bytea NOT NULL,
      state text NOT NULL,
      requested_at timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz,
      removed jsonb NOT NULL DEFAULT '{}',
      -- The transaction that removed the rows: a snapshot that shows it shows none of them.
      done_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
      PRIMARY KEY (tenant_id, erasure_id)
    )`)
    await tenantTable(runner, 'erasures')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE erasures, events')
  }
}
