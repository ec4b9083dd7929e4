import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** Queue and history of training runs at once, and what each run reported on its way. */
export class TrainingRuns1763700000006 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE training_runs (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      run_id text NOT NULL,
      state text NOT NULL,
      start_from text NOT NULL,
      reason text,
      requested_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      started_at timestamptz,
      finished_at timestamptz,
      -- Who works on it, and until when without a further heartbeat.
      lease_owner text,
      lease_until timestamptz,
      attempt integer NOT NULL DEFAULT 0,
      cancel_requested boolean NOT NULL DEFAULT false,
      -- Progress, epoch, step, rates and loss: the newest of what the run said.
      status jsonb NOT NULL DEFAULT '{}',
      -- Data-quality report.
      quality jsonb,
      -- The snapshot (pg_snapshot) that the run's data were read in: what it does not show is new.
      data_snapshot text,
      error jsonb,
      outcome text,
      version_id text,
      PRIMARY KEY (tenant_id, run_id)
    )`)
    await runner.query(`CREATE UNIQUE INDEX training_runs_one_live ON training_runs (tenant_id)
      WHERE state IN ('queued', 'preparing', 'training', 'evaluating')`)
    await runner.query('CREATE INDEX training_runs_newest ON training_runs (tenant_id, created_at DESC, run_id)')
    await tenantTable(runner, 'training_runs')

    await runner.query(`CREATE TABLE training_run_events (
      tenant_id text NOT NULL,
      run_id text NOT NULL,
      number integer NOT NULL,
      at timestamptz NOT NULL DEFAULT now(),
      kind text NOT NULL,
      data jsonb NOT NULL,
      PRIMARY KEY (tenant_id, run_id, number),
      FOREIGN KEY (tenant_id, run_id) REFERENCES training_runs ON DELETE CASCADE
    )`)
    await tenantTable(runner, 'training_run_events', 'SELECT, INSERT, DELETE')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE training_run_events, training_runs')
  }
}
