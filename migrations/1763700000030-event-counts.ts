import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** How many events came, by when they came and by type: what would take a scan of the events otherwise. */
export class EventCounts1763700000030 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE event_counts (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      -- minute, hour or day: each is kept for a time of its own.
      grain text NOT NULL,
      -- Its beginning.
      at timestamptz NOT NULL,
      type text NOT NULL,
      accepted bigint NOT NULL,
      duplicates bigint NOT NULL,
      rejected bigint NOT NULL,
      PRIMARY KEY (tenant_id, grain, at, type)
    -- The newest rows are written again every few seconds: with room in their page no index entry is made for that.
    ) WITH (fillfactor = 60)`)
    await tenantTable(runner, 'event_counts')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE event_counts')
  }
}
