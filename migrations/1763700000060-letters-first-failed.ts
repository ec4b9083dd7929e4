import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Since when a letter waits, however often it was sent round: what retention counts from. */
export class LettersFirstFailed1763700000060 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query('ALTER TABLE dead_letters ADD COLUMN first_failed_at timestamptz NOT NULL DEFAULT now()')
    // As far as it is known.
    await runner.query('UPDATE dead_letters SET first_failed_at = failed_at')
    await runner.query('CREATE INDEX dead_letters_longest ON dead_letters (first_failed_at)')
  }

  async down(runner: QueryRunner) {
    await runner.query('ALTER TABLE dead_letters DROP COLUMN first_failed_at')
  }
}
