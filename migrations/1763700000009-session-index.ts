import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What was done in a session, the newest first: the history of a visitor without an account. */
export class SessionIndex1763700000009 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(
      'CREATE INDEX events_of_session ON events (tenant_id, session_id, occurred_at, arrival) WHERE session_id IS NOT NULL',
    )
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP INDEX events_of_session')
  }
}
