import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenantTable } from './tenant-table.js'

/** The catalogue. A deleted item stays as a row without content, so that whoever reads by change sees it go. */
export class Items1763700000003 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE items (
      tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
      item_id text NOT NULL,
      title text,
      description text,
      categories text[] NOT NULL DEFAULT '{}',
      attributes jsonb NOT NULL DEFAULT '{}',
      embedding bytea,
      url text,
      image_url text,
      price double precision,
      available boolean NOT NULL DEFAULT true,
      published_at timestamptz,
      expires_at timestamptz,
      -- Raw text vector, float32 little-endian; null where the item has no text.
      vector bytea,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      deleted_at timestamptz,
      -- The transaction that last wrote the row. A reader asks for rows at or past the oldest transaction that was
      -- still open when it last looked: a counter would hide rows that commit late.
      changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
      PRIMARY KEY (tenant_id, item_id)
    )`)
    await runner.query('CREATE INDEX items_changed ON items (tenant_id, changed_in)')
    await tenantTable(runner, 'items')
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE items')
  }
}
