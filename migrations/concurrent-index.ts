import type { QueryRunner } from 'typeorm'

/**
 * Makes an index while the table is written to. For migrations with `transaction = false` only: one such index each, and
 * nothing else. One that was begun and not finished, as by a process that was killed, is made from the beginning.
 * @param on the table and what is indexed of it, as `events (tenant_id, type)`
 */
export async function concurrentIndex(runner: QueryRunner, name: string, on: string) {
  // It has to wait for every transaction that may not know of it, a training's long read among them: nobody waits behind it.
  await runner.query('SET lock_timeout = 0')
  await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
  await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON ${on}`)
  await runner.query('RESET lock_timeout')
}
