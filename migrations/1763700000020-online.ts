import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** What came of answers: how each is counted, the counts by hour, and which events were attributed. */
export class Online1763700000020 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`ALTER TABLE recommendations
      ADD COLUMN kind text NOT NULL DEFAULT 'recommendations',
      -- What counts as an impression of its items: served (the answer itself) or explicit (events). Null: made before
      -- impressions were counted, so that nothing may be attributed to it either.
      ADD COLUMN impressions text,
      ADD COLUMN user_group smallint,
      ADD COLUMN experiment_id text,
      ADD COLUMN arm text,
      -- Who was assigned to the arm, as a hash.
      ADD COLUMN unit text`)

    // Counts of the answers of an hour, whenever what came of them came. '' stands for none: a key can not be null.
    const answers = `tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      hour timestamptz NOT NULL,
      model_version text NOT NULL,
      kind text NOT NULL,
      scenario text NOT NULL,
      experiment_id text NOT NULL,
      arm text NOT NULL`
    const counts = `impressions bigint NOT NULL,
      clicks bigint NOT NULL,
      conversions bigint NOT NULL`
    // Each row is updated many times within its hour: room in its page lets that touch no index.
    await runner.query(`CREATE TABLE online_positions (${answers},
      -- The first place of a band of places.
      position smallint NOT NULL,
      ${counts},
      PRIMARY KEY (tenant_id, hour, model_version, kind, scenario, experiment_id, arm, position)
    ) WITH (fillfactor = 70)`)
    await tenantTable(runner, 'online_positions')
    // The same by groups of users, which are what intervals are made of.
    await runner.query(`CREATE TABLE online_groups (${answers},
      user_group smallint NOT NULL,
      ${counts},
      PRIMARY KEY (tenant_id, hour, model_version, kind, scenario, experiment_id, arm, user_group)
    ) WITH (fillfactor = 70)`)
    await tenantTable(runner, 'online_groups')

    // What has been counted already, once and for all.
    await runner.query(`CREATE TABLE attributions (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      recommendation_id text NOT NULL,
      item_id text NOT NULL,
      -- impression, click or conversion
      outcome text NOT NULL,
      served_at timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, recommendation_id, item_id, outcome)
    )`)
    await runner.query('CREATE INDEX attributions_in_time ON attributions (tenant_id, served_at)')
    await tenantTable(runner, 'attributions')

    // Up to where a tenant's events have been read.
    await runner.query(`CREATE TABLE attribution_progress (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      written_in xid8 NOT NULL,
      event_id text NOT NULL,
      PRIMARY KEY (tenant_id)
    )`)
    await tenantTable(runner, 'attribution_progress')
    // Events that came before the row of the answer that they name.
    await runner.query(`CREATE TABLE attribution_waiting (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      event_id text NOT NULL,
      received_at timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, event_id)
    )`)
    await tenantTable(runner, 'attribution_waiting')

    await runner.query(
      'CREATE INDEX events_attributed ON events (tenant_id, written_in, event_id) WHERE recommendation_id IS NOT NULL',
    )
    // Nothing that was written before has an answer to be attributed to.
    await runner.query(`SELECT set_config('attune.tenant', '*', true)`)
    await runner.query(
      `INSERT INTO attribution_progress SELECT tenant_id, pg_snapshot_xmin(pg_current_snapshot()), '' FROM tenants`,
    )
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP INDEX events_attributed')
    await runner.query(
      'DROP TABLE attribution_waiting, attribution_progress, attributions, online_groups, online_positions',
    )
    await runner.query(`ALTER TABLE recommendations DROP COLUMN kind, DROP COLUMN impressions, DROP COLUMN user_group,
      DROP COLUMN experiment_id, DROP COLUMN arm, DROP COLUMN unit`)
  }
}
