import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What a run was expected to take before it started. */
export class RunEstimates1763700000008 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query('ALTER TABLE training_runs ADD COLUMN estimate jsonb')
  }

  async down(runner: QueryRunner) {
    await runner.query('ALTER TABLE training_runs DROP COLUMN estimate')
  }
}
