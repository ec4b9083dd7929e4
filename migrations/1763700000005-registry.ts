import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** Model versions, their artifacts in parts, and the history of what was promoted. */
export class Registry1763700000005 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE model_versions (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      version_id text NOT NULL,
      run_id text,
      parent_id text,
      base_model text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- The gate's decision when the version was made: passed or rejected. What is served now is in promotions.
      decision text NOT NULL,
      reason text NOT NULL,
      -- Data window and counts, recipe, curves, metrics beside those of the others, gate's checks.
      report jsonb NOT NULL,
      -- By name: bytes, number of parts, SHA-256.
      artifacts jsonb NOT NULL,
      size_bytes bigint NOT NULL,
      PRIMARY KEY (tenant_id, version_id)
    )`)
    await runner.query('CREATE INDEX model_versions_newest ON model_versions (tenant_id, created_at DESC, version_id)')
    // No right to update: a version never changes.
    await tenantTable(runner, 'model_versions', 'SELECT, INSERT, DELETE')

    await runner.query(`CREATE TABLE model_artifacts (
      tenant_id text NOT NULL,
      version_id text NOT NULL,
      name text NOT NULL,
      part integer NOT NULL,
      bytes bytea NOT NULL,
      PRIMARY KEY (tenant_id, version_id, name, part),
      FOREIGN KEY (tenant_id, version_id) REFERENCES model_versions ON DELETE CASCADE
    )`)
    // Weights are noise to a compressor: don't spend time on trying.
    await runner.query('ALTER TABLE model_artifacts ALTER COLUMN bytes SET STORAGE EXTERNAL')
    await tenantTable(runner, 'model_artifacts', 'SELECT, INSERT, DELETE')

    await runner.query(`CREATE TABLE promotions (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      promotion_id bigint GENERATED ALWAYS AS IDENTITY,
      -- Null: back to the base.
      version_id text,
      kind text NOT NULL,
      actor text NOT NULL,
      promoted_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, promotion_id),
      FOREIGN KEY (tenant_id, version_id) REFERENCES model_versions ON DELETE CASCADE
    )`)
    await tenantTable(runner, 'promotions', 'SELECT, INSERT, DELETE')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE promotions, model_artifacts, model_versions')
  }
}
