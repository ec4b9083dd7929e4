import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** Tenants, their keys (hashes only), and who did what. */
export class Tenants1763700000002 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE tenants (
      tenant_id text PRIMARY KEY,
      name text NOT NULL,
      base_model text NOT NULL,
      settings jsonb NOT NULL,
      embedding_length integer,
      created_at timestamptz NOT NULL DEFAULT now(),
      deleted_at timestamptz
    )`)
    await tenantTable(runner, 'tenants')

    await runner.query(`CREATE TABLE api_keys (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      key_id text NOT NULL,
      name text NOT NULL,
      secret_hash bytea NOT NULL,
      scopes text[] NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz,
      PRIMARY KEY (tenant_id, key_id)
    )`)
    await tenantTable(runner, 'api_keys')

    await runner.query(`CREATE TABLE audit_log (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      entry_id bigint GENERATED ALWAYS AS IDENTITY,
      at timestamptz NOT NULL DEFAULT now(),
      actor text NOT NULL,
      action text NOT NULL,
      target text NOT NULL,
      detail jsonb NOT NULL DEFAULT '{}',
      PRIMARY KEY (tenant_id, entry_id)
    )`)
    await tenantTable(runner, 'audit_log', 'SELECT, INSERT, DELETE')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE audit_log, api_keys, tenants')
  }
}
