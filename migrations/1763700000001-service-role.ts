import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The role that the service takes on: it owns nothing, so row-level security binds it. */
export class ServiceRole1763700000001 implements MigrationInterface {
  async up(runner: QueryRunner) {
    // Roles belong to the whole server: another database of it may have made this one, even at this moment.
    await runner.query(`DO $$ BEGIN
      CREATE ROLE attune_service NOLOGIN NOSUPERUSER NOBYPASSRLS;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
    await runner.query(`DO $$ BEGIN
      EXECUTE format('GRANT attune_service TO %I', current_user);
    EXCEPTION WHEN unique_violation THEN NULL; END $$`)
    await runner.query(`GRANT USAGE ON SCHEMA public TO attune_service`)
  }

  async down(runner: QueryRunner) {
    await runner.query(`REVOKE USAGE ON SCHEMA public FROM attune_service`)
  }
}
