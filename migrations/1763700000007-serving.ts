import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** What was recommended to whom by which version, and the tenants' named placements. */
export class Serving1763700000007 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE recommendations (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      recommendation_id text NOT NULL,
      user_id text,
      session_id text,
      model_version text NOT NULL,
      source text NOT NULL,
      scenario text,
      items text[] NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, recommendation_id)
    )`)
    await runner.query('CREATE INDEX recommendations_in_time ON recommendations (tenant_id, created_at)')
    await runner.query('CREATE INDEX recommendations_of_user ON recommendations (tenant_id, user_id)')
    await tenantTable(runner, 'recommendations')

    await runner.query(`CREATE TABLE scenarios (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      name text NOT NULL,
      defaults jsonb NOT NULL,
      updated_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, name)
    )`)
    await tenantTable(runner, 'scenarios')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE scenarios, recommendations')
  }
}
