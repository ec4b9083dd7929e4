import type pg from 'pg'
import { DataSource } from 'typeorm'

/** One tenant's transaction, or one over all of them. */
export type Scope = 'tenant' | 'fleet'

/** From here on, every statement that services in this process send in a transaction, with the scopes that it was sent in. */
export function recordStatements(): { seen: Map<string, Set<Scope>>; stop(): void } {
  const seen = new Map<string, Set<Scope>>()
  const create = Object.getOwnPropertyDescriptor(DataSource.prototype, 'createQueryRunner')
  if (!create) throw new Error('there is nothing to record')
  DataSource.prototype.createQueryRunner = function (this: DataSource, mode) {
    const runner = (create.value as DataSource['createQueryRunner']).call(this, mode)
    const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>
    let scope: Scope | undefined
    const recorded = (...args: unknown[]) => {
      const text = String(args[0])
      const tenant = /^BEGIN.*SET LOCAL attune\.tenant = *'([^']*)'$/s.exec(text)?.[1]
      if (tenant !== undefined) scope = tenant === '*' ? 'fleet' : 'tenant'
      else if (scope && !/^(COMMIT|ROLLBACK|FETCH|CLOSE)\b/.test(text))
        seen.set(text, (seen.get(text) ?? new Set()).add(scope))
      return query(...args)
    }
    return Object.assign(runner, { query: recorded })
  }
  return { seen, stop: () => Object.defineProperty(DataSource.prototype, 'createQueryRunner', create) }
}

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  Alias?: string
  Operation?: string
  'CTE Name'?: string
  'Subplan Name'?: string
  Output?: string[]
  Plans?: PlanNode[]
  [key: string]: unknown
}

const CONDITIONS = ['Index Cond', 'Recheck Cond', 'Filter', 'Hash Cond', 'Merge Cond', 'Join Filter']
/** One side of an equality, as EXPLAIN prints it. */
const SIDE = String.raw`(\$\d+|'[^']*'::text|ANY \([^)]*\)|\((?:hashed )?\w+ \w+\)\.col\d+|(?:"[^"]+"|\w+)\.(?:"[^"]+"|\w+))`
const EQUALITY = new RegExp(`${SIDE} = ${SIDE}`, 'g')
/** A column of another part of the statement, by the part's name. */
const OF_PART = /^\((?:hashed )?(\w+ \w+)\)\.col(\d+)$/
const COLUMN = /^("[^"]+"|\w+)\.("[^"]+"|\w+)$/

/** What a statement reads of the tables that have a tenant, and by what. */
export interface Reach {
  /** Scans, as `table alias`, that are held to the tenants that the statement is given. */
  bound: string[]
  /** The others, in groups that are joined to one another by tenant. */
  loose: string[][]
}

/** By the plan that the server makes of a statement without its values. The client must not be bound by row-level security. */
export async function reachOf(client: pg.Client, statement: string, tables: Set<string>): Promise<Reach> {
  const text = statement.replace(/^DECLARE \w+ NO SCROLL CURSOR FOR/, '')
  const { rows } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
    `EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) ${text}`,
  )
  const nodes = [...walk(rows[0]['QUERY PLAN'][0].Plan)]
  const groups = new Groups()
  const meant = (side: string) => {
    const [, part, place] = OF_PART.exec(side) ?? []
    return nodes.find((node) => node['Subplan Name'] === part && part)?.Output?.[Number(place) - 1] ?? side
  }
  for (const node of nodes)
    for (const condition of CONDITIONS.flatMap((name) => (typeof node[name] === 'string' ? [node[name]] : [])))
      for (const [, left, right] of condition.matchAll(EQUALITY))
        if (isTenant(left) || isTenant(right)) groups.join(meant(left), meant(right))
  // A scan of what another part of the statement made goes by the columns of that part.
  for (const node of nodes) {
    const alias = node.Alias
    const made =
      node['Node Type'] === 'CTE Scan'
        ? nodes.find((one) => one['Subplan Name'] === `CTE ${node['CTE Name']}`)
        : node['Node Type'] === 'Subquery Scan'
          ? node.Plans?.[0]
          : undefined
    for (const column of made?.Output ?? []) if (alias && isTenant(column)) groups.join(`${alias}.tenant_id`, column)
  }
  // What is written names its tenant itself: row-level security takes no other.
  for (const { 'Node Type': type, Operation: operation, Alias: alias } of nodes)
    if (type === 'ModifyTable' && operation === 'Insert') groups.join(`${alias}.tenant_id`, 'what is written')
  const given = nodes.filter(({ 'Node Type': type }) => type === 'Function Scan').map(({ Alias }) => Alias ?? '')
  const scans = nodes.filter((node) => /Scan$/.test(node['Node Type']) && tables.has(node['Relation Name'] ?? ''))
  const bound: string[] = []
  const loose = new Map<string, string[]>()
  for (const scan of scans) {
    const name = `${scan['Relation Name']} ${scan.Alias}`
    const group = groups.of(`${scan.Alias}.tenant_id`)
    if (group.some((side) => !COLUMN.test(side) || given.includes(COLUMN.exec(side)?.[1] ?? ''))) bound.push(name)
    else loose.set(group.join(), [...(loose.get(group.join()) ?? []), name])
  }
  return { bound, loose: [...loose.values()] }
}

const isTenant = (side: string) => COLUMN.exec(side)?.[2] === 'tenant_id'

function* walk(node: PlanNode): Generator<PlanNode> {
  yield node
  for (const child of node.Plans ?? []) yield* walk(child)
}

/** Things that are equal to each other. */
class Groups {
  private readonly groups = new Map<string, Set<string>>()

  of(name: string): string[] {
    return [...(this.groups.get(name) ?? [name])].sort()
  }

  join(one: string, other: string): void {
    const all = new Set([...this.of(one), ...this.of(other)])
    for (const name of all) this.groups.set(name, all)
  }
}
