import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** Experiments, and what was counted of whom in each. */
export class Experiments1763700000051 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE experiments (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      experiment_id text NOT NULL,
      -- experiment: made by a caller; guard: the users who stay with what was served before a promotion.
      kind text NOT NULL,
      name text NOT NULL,
      -- Null: every request that no experiment of its own scenario takes.
      scenario text,
      metric text NOT NULL,
      min_effect double precision NOT NULL,
      min_days double precision NOT NULL,
      -- Name, model version, scenario and share of each.
      arms jsonb NOT NULL,
      seed text NOT NULL,
      started_at timestamptz NOT NULL DEFAULT now(),
      stopped_at timestamptz,
      winner text,
      end_reason text,
      -- What was known when it was stopped.
      result jsonb,
      -- Of a guard: the promotion that it follows, and its settings at that moment.
      promotion_id bigint,
      guard jsonb,
      PRIMARY KEY (tenant_id, experiment_id)
    )`)
    await runner.query(`CREATE UNIQUE INDEX experiments_running ON experiments (tenant_id, kind, coalesce(scenario, ''))
      WHERE stopped_at IS NULL`)
    await runner.query('CREATE UNIQUE INDEX experiments_of_promotion ON experiments (tenant_id, promotion_id)')
    await runner.query('CREATE INDEX experiments_newest ON experiments (tenant_id, started_at DESC, experiment_id)')
    await tenantTable(runner, 'experiments')

    // Users are what is independent: each counts by himself.
    await runner.query(`CREATE TABLE experiment_units (
      tenant_id text NOT NULL,
      experiment_id text NOT NULL,
      -- A hash of whoever was assigned: it stays when a user is merged into another.
      unit text NOT NULL,
      arm text NOT NULL,
      user_id text,
      seen_at timestamptz NOT NULL,
      impressions bigint NOT NULL,
      clicks bigint NOT NULL,
      conversions bigint NOT NULL,
      PRIMARY KEY (tenant_id, experiment_id, unit),
      FOREIGN KEY (tenant_id, experiment_id) REFERENCES experiments ON DELETE CASCADE
    ) WITH (fillfactor = 80)`)
    await runner.query('CREATE INDEX experiment_units_of_user ON experiment_units (tenant_id, user_id)')
    await tenantTable(runner, 'experiment_units')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE experiment_units, experiments')
  }
}
