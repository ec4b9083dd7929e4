import { UsageError } from '../exit.js'
import { plain } from '../output.js'
import { converted, type Field, fieldOf, type Kind, SHAPES } from './fields.js'
import type { Problem, Row } from './row.js'

export interface MappingOptions {
  kind: Kind
  /** `field=column`, as `userId=customer`. */
  map: string[]
  /** `field=value` for every row, as `type=purchase`. */
  set: string[]
}

export type Made = { value: Record<string, unknown>; lane: string } | { problem: Problem }

interface Bound {
  column: string
  field: Field
}

/**
 * Makes events or items of rows. A column is a field where a flag says so, or where it has the field's name, however that
 * is written: `user_id` and `USERID` are `userId`. Other columns are left out.
 */
export class Mapping {
  private readonly bound: (Bound | undefined)[]
  private readonly byColumn = new Map<string, Bound | undefined>()
  private readonly byField = new Map<string, string>()
  private readonly constants: Record<string, unknown> = {}
  private readonly wanted = new Map<string, Field>()
  private readonly required: string[]
  private readonly lane: string

  /**
   * @param columns of a CSV or Parquet input; undefined where each row names its own
   * @throws UsageError where a flag names what is not there, or a field that is needed has no column
   */
  constructor(
    private readonly options: MappingOptions,
    private readonly columns: readonly string[] | undefined,
  ) {
    const { kind, map, set } = options
    this.required = SHAPES[kind].required
    this.lane = SHAPES[kind].lane
    for (const [name, written] of set.map((pair) => cut(pair, '--set'))) {
      const field = this.fieldNamed(name)
      const made = converted(field, written)
      if (!('value' in made)) throw new UsageError(`--set ${name}: ${made.reason}`)
      put(this.constants, field, made.value)
      this.byField.set(name, `--set ${name}`)
    }
    for (const [name, column] of map.map((pair) => cut(pair, '--map'))) {
      if (columns && !columns.includes(column))
        throw new UsageError(`--map ${name}: there is no column ${column}. ${this.listing()}`)
      this.wanted.set(column, this.fieldNamed(name))
      this.byField.set(name, column)
    }
    this.bound = (columns ?? []).map((column) => this.bindingOf(column))
    this.checkColumns()
  }

  /** Columns that become nothing. */
  get unused(): string[] {
    return (this.columns ?? []).filter((_, i) => this.bound[i] === undefined)
  }

  /** What a person should know before anything is sent. */
  get remarks(): string[] {
    const { unused } = this
    // An event that is stored keeps its time: the same file sent again with another mapping would change nothing.
    const undated = this.options.kind === 'events' && this.columns !== undefined && !this.byField.has('occurredAt')
    return [
      ...(unused.length > 0 ? [`not imported: ${unused.join(', ')} (--map takes a column)`] : []),
      ...(undated ? ['no column for occurredAt: all events count as of now (--map occurredAt=<column>)'] : []),
    ].map(plain)
  }

  /** The column that a field of the contract came from. @param path as `attributes.brand` */
  columnOf(path: string): string | undefined {
    const parts = path.split('.')
    for (let length = parts.length; length > 0; length--) {
      const column = this.byField.get(parts.slice(0, length).join('.'))
      if (column !== undefined) return column
    }
    return undefined
  }

  make({ cells }: Row): Made {
    const value: Record<string, unknown> = { ...this.constants }
    const problem = Array.isArray(cells)
      ? this.fillInOrder(value, cells as unknown[])
      : this.fillByName(value, cells as Record<string, unknown>)
    if (problem) return { problem }
    for (const name of this.required)
      if (value[name] === undefined) {
        const column = this.byField.get(name)
        return { problem: { code: 'MISSING_VALUE', reason: `has no ${name}`, ...(column && { column }) } }
      }
    return { value, lane: value[this.lane] as string }
  }

  private fillInOrder(value: Record<string, unknown>, cells: unknown[]): Problem | undefined {
    for (let i = 0; i < this.bound.length; i++) {
      const bound = this.bound[i]
      const problem = bound && fill(value, bound, cells[i])
      if (problem) return problem
    }
    return undefined
  }

  private fillByName(value: Record<string, unknown>, cells: Record<string, unknown>): Problem | undefined {
    for (const [column, cell] of Object.entries(cells)) {
      if (!this.byColumn.has(column)) {
        // Rows may name anything; what they name is remembered only as far as that stays little.
        if (this.byColumn.size > 10_000) this.byColumn.clear()
        this.byColumn.set(column, this.bindingOf(column))
      }
      const bound = this.byColumn.get(column)
      const problem = bound && fill(value, bound, cell)
      if (problem) return problem
    }
    return undefined
  }

  private bindingOf(column: string): Bound | undefined {
    const wanted = this.wanted.get(column)
    if (wanted) return { column, field: wanted }
    const name = Object.keys(SHAPES[this.options.kind].fields).find((field) => bare(field) === bare(column)) ?? column
    const field = fieldOf(this.options.kind, name)
    // A flag said where this field comes from.
    const source = this.byField.get(name)
    if (!field || (source !== undefined && source !== column)) return undefined
    this.byField.set(name.replace(/:\w+$/, ''), column)
    return { column, field }
  }

  private fieldNamed(name: string): Field {
    const field = fieldOf(this.options.kind, name)
    if (field) return field
    const { fields, open } = SHAPES[this.options.kind]
    throw new UsageError(`There is no field ${name}: use ${Object.keys(fields).join(', ')} or ${open}.<name>`)
  }

  private checkColumns() {
    if (!this.columns) return
    const twice = this.columns.find((column, i) => this.bound[i] && this.columns?.indexOf(column) !== i)
    if (twice !== undefined) throw new UsageError(`Two columns are named ${twice}.`)
    const missing = this.required.filter((name) => !this.byField.has(name))
    if (missing.length === 0) return
    const example = `--map ${missing[0]}=<column>${missing[0] === 'type' ? ' or --set type=purchase' : ''}`
    throw new UsageError(`No column for ${missing.join(', ')}: say which by ${example}. ${this.listing()}`)
  }

  private listing() {
    return `The columns are: ${(this.columns ?? []).join(', ')}`
  }
}

/** An empty cell is no value; so is null where the input has types. */
function fill(value: Record<string, unknown>, { column, field }: Bound, cell: unknown): Problem | undefined {
  if (cell === undefined || cell === null || cell === '') return undefined
  const made = converted(field, cell)
  if (!('value' in made)) return { ...made, column }
  put(value, field, made.value)
  return undefined
}

function put(value: Record<string, unknown>, { name, inner }: Field, entry: unknown) {
  if (inner === undefined) value[name] = entry
  else value[name] = { ...(value[name] as object | undefined), [inner]: entry }
}

function cut(pair: string, flag: string): [string, string] {
  const at = pair.indexOf('=')
  if (at < 1 || at === pair.length - 1)
    throw new UsageError(`${flag} ${pair}: has to be field=${flag === '--map' ? 'column' : 'value'}`)
  return [pair.slice(0, at), pair.slice(at + 1)]
}

const bare = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
