import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** Who is signed in to the console: the cookie is kept as a hash only. */
export class ConsoleSessions1763700000033 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE console_sessions (
      -- '*' where the operator is signed in.
      tenant_id text NOT NULL,
      session_hash bytea NOT NULL,
      -- The key that it was opened with: of the operator's, a hash of its hash. Without that key it ends.
      key_id text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, session_hash)
    )`)
    await tenantTable(runner, 'console_sessions')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE console_sessions')
  }
}
