import { SERVICE_ROLE } from '../../src/platform/transactions.js'
import type { Catalog, Run } from './catalog.js'

/** A value of each type that tables have; all texts are the same, so that foreign keys find what they mean. */
const VALUES: Record<string, string> = {
  text: `'x'`,
  'text[]': `'{x}'`,
  integer: '1',
  smallint: '1',
  bigint: '1',
  'integer[]': `'{1}'`,
  'double precision': '1',
  boolean: 'true',
  bytea: `'\\x01'`,
  jsonb: `'{}'`,
  'timestamp with time zone': `'2026-01-01'`,
  xid8: `'1'`,
}

const columnsOf = ({ columns }: Catalog, table: string) =>
  columns.filter((column) => column.table === table && !column.computed)

function insert(catalog: Catalog, table: string, every: boolean): string {
  const columns = columnsOf(catalog, table).filter(({ notNull, filled }) => every || (notNull && !filled))
  const values = columns.map(({ type, name }) => {
    const value = VALUES[type]
    if (value === undefined) throw new Error(`no value for ${table}.${name}: give VALUES one of ${type}`)
    return value
  })
  return `INSERT INTO ${table} (${columns.map(({ name }) => `"${name}"`).join(', ')}) VALUES (${values.join(', ')})`
}

/** One row in each table, whatever refers to what. */
export async function fill(run: Run, catalog: Catalog): Promise<void> {
  await run(`SET session_replication_role = replica`)
  for (const table of catalog.tables.keys()) await run(`${insert(catalog, table, true)} ON CONFLICT DO NOTHING`)
  await run(`SET session_replication_role = origin`)
}

/** What a build that knows this schema may do with each table of it, as far as its role may. */
export function statementsOf(catalog: Catalog): { table: string; text: string }[] {
  return [...catalog.tables.keys()].flatMap((table) => {
    const names = columnsOf(catalog, table).map(({ name }) => `"${name}"`)
    const may = (right: string) => catalog.rights.has(`${right} on ${table}`)
    const all = catalog.columns.filter((column) => column.table === table).map(({ name }) => `"${name}"`)
    const arbiters = catalog.indexes.filter((index) => index.table === table && index.unique)
    const texts = [
      ...(may('SELECT') ? [`SELECT ${all.join(', ')} FROM ${table}`] : []),
      ...(may('INSERT') ? [insert(catalog, table, true), insert(catalog, table, false)] : []),
      ...(may('INSERT')
        ? arbiters.map(({ target }) => `${insert(catalog, table, true)} ON CONFLICT ${target} DO NOTHING`)
        : []),
      ...(may('UPDATE') ? [`UPDATE ${table} SET ${names.map((name) => `${name} = ${name}`).join(', ')}`] : []),
      ...(may('DELETE') ? [`DELETE FROM ${table}`] : []),
    ]
    return texts.map((text) => ({ table, text }))
  })
}

/** Why statements fail, by statement; each is tried by itself, by the service's role, and undone. In a transaction. */
export async function failures(run: Run, statements: { table: string; text: string }[]): Promise<Map<string, string>> {
  const failed = new Map<string, string>()
  for (const { table, text } of statements) {
    await run('SAVEPOINT statement')
    try {
      if (text.startsWith('INSERT')) {
        // The row that it would meet; nothing that refers to it goes along.
        await run('SET LOCAL session_replication_role = replica')
        await run(`DELETE FROM ${table}`)
        await run('SET LOCAL session_replication_role = origin')
      }
      await run(`SELECT set_config('attune.tenant', 'x', true)`)
      await run(`SET LOCAL ROLE ${SERVICE_ROLE}`)
      await run(text)
    } catch (error) {
      failed.set(text, (error as Error).message)
    }
    await run('ROLLBACK TO SAVEPOINT statement')
  }
  return failed
}
