import type { QueryRunner } from 'typeorm'

/**
 * Binds a table to the tenant that the transaction names (`attune.tenant`; `*` is the service's own work over all
 * tenants) and gives the service's role the rights it needs.
 */
export async function tenantTable(runner: QueryRunner, table: string, rights = 'SELECT, INSERT, UPDATE, DELETE') {
  await runner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`)
  // The owner of a table is exempt unless forced: nobody but a superuser sees past the policy.
  await runner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`)
  await runner.query(`CREATE POLICY tenant_rows ON ${table} USING (
    tenant_id = current_setting('attune.tenant', true) OR current_setting('attune.tenant', true) = '*')`)
  await runner.query(`GRANT ${rights} ON ${table} TO attune_service`)
}
