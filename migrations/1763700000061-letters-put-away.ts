import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Whether a letter's value, headers and the rest of its key made room for others: it tells why it waits and no more. */
export class LettersPutAway1763700000061 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query('ALTER TABLE dead_letters ADD COLUMN put_away boolean NOT NULL DEFAULT false')
  }

  async down(runner: QueryRunner) {
    await runner.query('ALTER TABLE dead_letters DROP COLUMN put_away')
  }
}
