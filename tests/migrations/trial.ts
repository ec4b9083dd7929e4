import type { MigrationInterface, QueryRunner } from 'typeorm'
import { narrowings, readCatalog, type Run } from './catalog.js'
import { failures, fill, statementsOf } from './statements.js'

/** Reads go on under it, writes wait: what CREATE INDEX holds as long as it takes. */
const BLOCKING_LOCKS = ['ShareLock', 'ExclusiveLock']

/**
 * Runs a migration on the schema as it is, and says what would hurt the build that knows only that: in words, sorted.
 * Empty: both builds can work side by side, during the migration too.
 * @param options.undo leaves the schema as it was
 */
export async function tryMigration(
  runner: QueryRunner,
  migration: MigrationInterface,
  { undo = false } = {},
): Promise<string[]> {
  const run: Run = (text, values) => runner.query(text, values)
  const before = await readCatalog(run)
  await fill(run, before)
  const known = statementsOf(before)
  if (migration.transaction === false)
    return [...(await outside(runner, migration)), ...narrowings(before, await readCatalog(run))]

  await run('BEGIN')
  try {
    const worked = await failures(run, known)
    // A statement that never worked would find nothing out.
    if (worked.size > 0) throw new Error(`the trial is wrong: ${JSON.stringify([...worked])}`)
    await run('COMMIT')
    await run('BEGIN')
    const written = await writes(run)
    await migration.up(runner)
    const found = [
      ...narrowings(before, await readCatalog(run)),
      ...(await waits(run, [...before.tables.keys()], written)),
    ]
    const dropped = found.filter((words) => /^drops \w+$/.test(words)).map((words) => words.slice('drops '.length))
    const rest = known.filter(({ table }) => !dropped.includes(table))
    const broken = await failures(run, rest)
    const tables = new Set(rest.filter(({ text }) => broken.has(text)).map(({ table }) => table))
    found.push(...[...tables].map((table) => `breaks statements on ${table}`))
    await run(undo ? 'ROLLBACK' : 'COMMIT')
    return found.sort()
  } catch (error) {
    await run('ROLLBACK')
    throw error
  }
}

/** Whom the migration keeps waiting for as long as it takes: whoever writes to what it indexes, or to what it updates. */
async function waits(run: Run, tables: string[], before: Map<string, number>): Promise<string[]> {
  const locks = await run<{ table: string }>(
    `SELECT DISTINCT relname AS table FROM pg_locks JOIN pg_class ON pg_class.oid = relation
     WHERE pid = pg_backend_pid() AND granted AND mode = ANY ($1) AND relname = ANY ($2)`,
    [BLOCKING_LOCKS, tables],
  )
  const after = await writes(run)
  return [
    ...locks.map(({ table }) => `keeps writers of ${table} waiting`),
    ...tables.filter((table) => after.get(table) !== before.get(table)).map((table) => `changes the rows of ${table}`),
  ]
}

/** Rows written by this session and not reported yet, by table. */
async function writes(run: Run): Promise<Map<string, number>> {
  const rows = await run<{ table: string; rows: number }>(
    `SELECT relname AS table, (n_tup_ins + n_tup_upd + n_tup_del)::int AS rows FROM pg_stat_xact_user_tables`,
  )
  return new Map(rows.map((row) => [row.table, row.rows]))
}

/** Without a transaction there is nothing to look into: only what waits for nobody may be done so. */
async function outside(runner: QueryRunner, migration: MigrationInterface): Promise<string[]> {
  const said: string[] = []
  const listening = Object.assign(Object.create(runner) as QueryRunner, {
    query: (text: string, values?: unknown[]): Promise<unknown> => {
      said.push(text)
      return runner.query(text, values)
    },
  })
  await migration.up(listening)
  return said
    .filter((text) => !/^\s*((RE)?SET\b|(CREATE|DROP) (UNIQUE )?INDEX CONCURRENTLY\b)/.test(text))
    .map((text) => `outside of a transaction: ${text}`)
}
