import type { MigrationInterface, QueryRunner } from 'typeorm'

/** To count a tenant's items, and those without a vector, without reading the items: their vectors make them large. */
export class LiveItems1763700000032 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query('CREATE INDEX items_live ON items (tenant_id) WHERE deleted_at IS NULL')
    await runner.query(`CREATE INDEX items_without_vector ON items (tenant_id)
      WHERE deleted_at IS NULL AND vector IS NULL AND embedding IS NULL`)
  }

  async down(runner: QueryRunner) {
    await runner.query('DROP INDEX items_live, items_without_vector')
  }
}
