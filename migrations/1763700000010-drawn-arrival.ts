import type { MigrationInterface, QueryRunner } from 'typeorm'

/** A batch draws its numbers of arrival itself, in another order than that in which its rows are written. */
export class DrawnArrival1763700000010 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query('GRANT USAGE ON SEQUENCE events_arrival_seq TO attune_service')
  }

  async down(runner: QueryRunner) {
    await runner.query('REVOKE USAGE ON SEQUENCE events_arrival_seq FROM attune_service')
  }
}
