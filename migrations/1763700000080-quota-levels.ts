import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** What is left of each tenant's quotas, as far as the instances have told: what they share to hold them together. */
export class QuotaLevels1763700000080 implements MigrationInterface {
  async up(runner: QueryRunner) {
    // Written several times a second and worth nothing after a crash: no log is kept of it. Half of each page is left
    // free, so that a row is changed in its place.
    await runner.query(`CREATE UNLOGGED TABLE quota_levels (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      quota text NOT NULL,
      -- A second.
      rate double precision NOT NULL,
      -- What may be used at the moment \`at\`; below zero where instances let in more before they knew of each other.
      level double precision NOT NULL,
      at timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, quota)
    ) WITH (fillfactor = 50)`)
    await tenantTable(runner, 'quota_levels')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE quota_levels')
  }
}
