import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What was served until a promotion or a rollback, and why it was made where somebody said so. */
export class RollbackReasons1763700000050 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query('ALTER TABLE promotions ADD COLUMN previous_id text, ADD COLUMN reason text')
  }

  async down(runner: QueryRunner) {
    await runner.query('ALTER TABLE promotions DROP COLUMN previous_id, DROP COLUMN reason')
  }
}
