import { SERVICE_ROLE } from '../../src/platform/transactions.js'

/** Runs SQL on one connection, so that what a transaction holds can be looked at from within. */
export type Run = <T extends object>(text: string, values?: unknown[]) => Promise<T[]>

interface Column {
  table: string
  name: string
  type: string
  notNull: boolean
  /** Has a default, or numbers itself. */
  filled: boolean
  /** Nobody may give it a value. */
  computed: boolean
}
interface Index {
  table: string
  unique: boolean
  /** Without its name. */
  definition: string
  /** What an `ON CONFLICT` has to say to mean it. */
  target: string
}
interface Piece {
  table: string
  definition: string
}

/** All of a schema that a build which knows it may rely on. */
export interface Catalog {
  tables: Map<string, { file: string }>
  columns: Column[]
  indexes: Index[]
  /** Foreign keys, checks and exclusions; unique ones are indexes too. */
  constraints: Piece[]
  policies: Piece[]
  triggers: Piece[]
  /** What the service's role may do, as `SELECT on events`. */
  rights: Set<string>
}

const IN_PUBLIC = `relnamespace = 'public'::regnamespace AND relname <> 'migrations'`

export async function readCatalog(run: Run): Promise<Catalog> {
  const tables = await run<{ name: string; file: string }>(
    `SELECT relname AS name, pg_relation_filenode(oid)::text AS file FROM pg_class WHERE relkind = 'r' AND ${IN_PUBLIC}`,
  )
  const rights = await run<{ right: string }>(
    `SELECT p.name || ' on ' || relname AS right FROM pg_class CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS p (name)
     WHERE relkind = 'r' AND ${IN_PUBLIC} AND to_regrole($1) IS NOT NULL AND has_table_privilege(to_regrole($1), pg_class.oid, p.name)
     UNION ALL SELECT 'USAGE on ' || relname FROM pg_class
     WHERE relkind = 'S' AND ${IN_PUBLIC} AND to_regrole($1) IS NOT NULL AND has_sequence_privilege(to_regrole($1), pg_class.oid, 'USAGE')`,
    [SERVICE_ROLE],
  )
  return {
    tables: new Map(tables.map(({ name, file }) => [name, { file }])),
    columns: await run<Column>(
      `SELECT relname AS table, attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS "notNull",
         atthasdef OR attidentity <> '' AS filled, attgenerated <> '' OR attidentity = 'a' AS computed
       FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
       WHERE relkind = 'r' AND ${IN_PUBLIC} AND attnum > 0 AND NOT attisdropped ORDER BY relname, attnum`,
    ),
    indexes: await run<Index>(
      `SELECT t.relname AS table, indisunique AS unique,
         regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \\S+ ON', 'INDEX ON') AS definition,
         '(' || (SELECT string_agg(pg_get_indexdef(indexrelid, k, false), ', ' ORDER BY k)
           FROM generate_series(1, indnkeyatts) AS k) || ')' || coalesce(' WHERE ' || pg_get_expr(indpred, indrelid), '') AS target
       FROM pg_index JOIN pg_class t ON t.oid = indrelid
       WHERE indisvalid AND t.relnamespace = 'public'::regnamespace AND t.relname <> 'migrations' AND t.relkind = 'r'`,
    ),
    constraints: await run<Piece>(
      `SELECT relname AS table, pg_get_constraintdef(pg_constraint.oid) AS definition
       FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid WHERE ${IN_PUBLIC} AND contype IN ('c', 'f', 'x', 't')`,
    ),
    policies: await run<Piece>(
      `SELECT relname AS table, concat_ws(' ', polcmd, polpermissive, polroles::text, pg_get_expr(polqual, polrelid),
         pg_get_expr(polwithcheck, polrelid)) AS definition
       FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid WHERE ${IN_PUBLIC}`,
    ),
    triggers: await run<Piece>(
      `SELECT relname AS table, pg_get_triggerdef(pg_trigger.oid) AS definition
       FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE ${IN_PUBLIC} AND NOT tgisinternal`,
    ),
    rights: new Set(rights.map(({ right }) => right)),
  }
}

/** What a build that knows `before` loses, or has to do and does not know, with `after`. In words that stay the same. */
export function narrowings(before: Catalog, after: Catalog): string[] {
  const found: string[] = []
  for (const [table, { file }] of before.tables) {
    const now = after.tables.get(table)
    if (!now) found.push(`drops ${table}`)
    else if (now.file !== file) found.push(`writes ${table} anew`)
  }
  const stays = (table: string) => before.tables.has(table) && after.tables.has(table)
  for (const old of before.columns.filter(({ table }) => stays(table))) {
    const place = `${old.table}.${old.name}`
    const now = after.columns.find(({ table, name }) => table === old.table && name === old.name)
    if (!now) found.push(`drops ${place}`)
    else {
      if (now.type !== old.type) found.push(`makes ${place} ${now.type}: it was ${old.type}`)
      if (now.notNull && !old.notNull) found.push(`makes ${place} NOT NULL`)
      if (now.notNull && old.filled && !now.filled) found.push(`takes the default of ${place} away`)
      if (now.computed && !old.computed) found.push(`lets nobody write ${place} any more`)
    }
  }
  for (const now of after.columns.filter(({ table }) => stays(table))) {
    const isNew = !before.columns.some(({ table, name }) => table === now.table && name === now.name)
    if (isNew && now.notNull && !now.filled && !now.computed)
      found.push(`adds ${now.table}.${now.name}, which has to be given`)
  }
  const keys = (catalog: Catalog) => catalog.indexes.filter(({ table, unique }) => unique && stays(table))
  found.push(
    ...added(keys(before), keys(after)).map(({ definition }) => `allows less: ${definition}`),
    ...added(keys(after), keys(before)).map(({ definition }) => `drops what ON CONFLICT needs: ${definition}`),
  )
  for (const kind of ['constraints', 'triggers', 'policies'] as const) {
    const own = (catalog: Catalog) => catalog[kind].filter(({ table }) => stays(table))
    const news = added(own(before), own(after))
    found.push(...news.map(({ table, definition }) => `adds to ${kind} of ${table}: ${definition}`))
  }
  for (const right of before.rights) {
    const [, name] = right.split(' on ')
    if (!after.rights.has(right) && (after.tables.has(name) || !before.tables.has(name)))
      found.push(`takes away ${right}`)
  }
  return found
}

const added = <T extends Piece>(before: T[], after: T[]): T[] =>
  after.filter((now) => !before.some((old) => old.table === now.table && old.definition === now.definition))
