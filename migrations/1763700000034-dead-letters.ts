import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** Messages that wait for somebody to send them round again or to drop them: those of the topic, where each can be reached. */
export class DeadLetters1763700000034 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE dead_letters (
      -- What the message says of itself, true or not; '*' where it names no tenant.
      tenant_id text NOT NULL,
      -- Where it was first met.
      topic text NOT NULL,
      partition integer NOT NULL,
      "offset" bigint NOT NULL,
      -- Where it was met last: elsewhere once it was sent round.
      met_at text NOT NULL,
      user_id text,
      code text NOT NULL,
      reason text NOT NULL,
      sent_at timestamptz,
      key bytea,
      -- Null: there was none, or it was too large to be kept here.
      value bytea,
      value_bytes integer NOT NULL,
      -- JSON: by name, base64 or a list of it. As text, since names may hold what jsonb does not take.
      headers text NOT NULL,
      attempts integer NOT NULL,
      failed_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, topic, partition, "offset")
    )`)
    await runner.query('CREATE INDEX dead_letters_newest ON dead_letters (failed_at, topic, partition, "offset")')
    await runner.query('CREATE INDEX dead_letters_by_origin ON dead_letters (topic, partition, "offset")')
    await runner.query('CREATE INDEX dead_letters_by_code ON dead_letters (code, tenant_id)')
    await runner.query('CREATE INDEX dead_letters_of_user ON dead_letters (tenant_id, user_id)')
    await tenantTable(runner, 'dead_letters')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE dead_letters')
  }
}
