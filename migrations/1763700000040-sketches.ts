import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** Distributions of what was measured of a tenant, as counts by bin: small, and added up over instances. */
export class Sketches1763700000040 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE sketches (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      -- What was measured.
      name text NOT NULL,
      -- The model version that it is of; empty where it is of none.
      version_id text NOT NULL,
      -- The hour or day, its beginning by the database's clock.
      at timestamptz NOT NULL,
      -- How many fell into each bin; the name decides what the bins are.
      counts integer[] NOT NULL,
      PRIMARY KEY (tenant_id, name, at, version_id)
    )`)
    await tenantTable(runner, 'sketches')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE sketches')
  }
}
