import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** What the overview of all tenants reads, so that it need not read reports, events or refused requests. */
export class Overview1763700000031 implements MigrationInterface {
  async up(runner: QueryRunner) {
    // What a quota refused lately, by kind.
    await runner.query(`CREATE TABLE quota_hits (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      quota text NOT NULL,
      refused bigint NOT NULL,
      since timestamptz NOT NULL DEFAULT now(),
      last_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, quota)
    )`)
    await tenantTable(runner, 'quota_hits')

    // The tenant is '*': a consumer group works for all of them.
    await runner.query(`CREATE TABLE consumer_lag (
      tenant_id text NOT NULL,
      consumer_group text NOT NULL,
      messages bigint NOT NULL,
      measured_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tenant_id, consumer_group)
    )`)
    await tenantTable(runner, 'consumer_lag')

    // A report has some hundred kilobytes: what is shown of a thousand tenants at once lies beside it.
    const own = `CASE report #>> '{recipe,served}' WHEN 'from-scratch' THEN report #> '{metrics,from-scratch,ndcg}'
      ELSE report #> '{metrics,candidate,ndcg}' END`
    await runner.query(`ALTER TABLE model_versions
      ADD COLUMN ndcg jsonb GENERATED ALWAYS AS (${own}) STORED,
      ADD COLUMN base_ndcg jsonb GENERATED ALWAYS AS (report #> '{metrics,base,ndcg}') STORED,
      ADD COLUMN popular_ndcg jsonb GENERATED ALWAYS AS (report #> '{metrics,popular,ndcg}') STORED`)
    // Whether a version was ever promoted.
    await runner.query('CREATE INDEX promotions_of_version ON promotions (tenant_id, version_id)')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP INDEX promotions_of_version')
    await runner.query('ALTER TABLE model_versions DROP COLUMN ndcg, DROP COLUMN base_ndcg, DROP COLUMN popular_ndcg')
    await runner.query('DROP TABLE consumer_lag, quota_hits')
  }
}
