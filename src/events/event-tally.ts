/** What became of events that came. */
export interface Tally {
  accepted: number
  duplicates: number
  rejected: number
}

export const GRAINS = ['minute', 'hour', 'day'] as const
export type Grain = (typeof GRAINS)[number]
export const GRAIN_MS: Record<Grain, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** A row of the rollup. */
export interface CountRow extends Tally {
  tenantId: string
  grain: Grain
  /** Its beginning, in milliseconds since 1970, UTC. */
  at: number
  type: string
}

/** Stands for types that are not told apart. No tenant can name a type so. */
export const OTHER_TYPES = '*'
/** Types are the clients' own words: without a bound one of them could fill the table. */
const MOST_TYPES = 100

/**
 * Events counted in memory until they are written. Adding is a few map look-ups a batch, whatever the number of events.
 */
export class EventTally {
  private counts = new Map<string, CountRow>()
  /** By tenant, the types told apart on this day. */
  private types = new Map<string, Set<string>>()
  private day = 0

  /** Rows by minute that wait. */
  get size(): number {
    return this.counts.size
  }

  /** @param now milliseconds since 1970 */
  add(tenantId: string, type: string, tally: Partial<Tally>, now: number): void {
    const { accepted = 0, duplicates = 0, rejected = 0 } = tally
    if (accepted + duplicates + rejected === 0) return
    const at = now - (now % GRAIN_MS.minute)
    const told = this.toldApart(tenantId, type, now)
    const key = JSON.stringify([tenantId, at, told])
    const row = this.counts.get(key)
    if (!row) {
      this.counts.set(key, { tenantId, grain: 'minute', at, type: told, accepted, duplicates, rejected })
      return
    }
    row.accepted += accepted
    row.duplicates += duplicates
    row.rejected += rejected
  }

  /** What was counted since the last call, by minute. */
  take(): CountRow[] {
    const rows = [...this.counts.values()]
    this.counts = new Map()
    return rows
  }

  /** Takes back what could not be written. */
  putBack(rows: CountRow[]): void {
    for (const row of rows) this.add(row.tenantId, row.type, row, row.at)
  }

  private toldApart(tenantId: string, type: string, now: number): string {
    const day = Math.floor(now / GRAIN_MS.day)
    if (day > this.day) {
      this.day = day
      this.types = new Map()
    }
    const known = this.types.get(tenantId) ?? new Set<string>()
    if (known.has(type)) return type
    if (known.size >= MOST_TYPES) return OTHER_TYPES
    this.types.set(tenantId, known.add(type))
    return type
  }
}

/**
 * The rows of every grain that counts by minute add to, in the order of the table's key: whoever writes them so never
 * waits for a writer that waits for him.
 */
export function rollUp(minutes: CountRow[]): CountRow[] {
  const rows = new Map<string, CountRow>()
  for (const minute of minutes) {
    for (const grain of GRAINS) {
      const at = minute.at - (minute.at % GRAIN_MS[grain])
      const key = JSON.stringify([minute.tenantId, grain, at, minute.type])
      const row = rows.get(key)
      if (!row) {
        rows.set(key, { ...minute, grain, at })
        continue
      }
      row.accepted += minute.accepted
      row.duplicates += minute.duplicates
      row.rejected += minute.rejected
    }
  }
  const byKey = (a: CountRow, b: CountRow) =>
    order(a.tenantId, b.tenantId) || order(a.grain, b.grain) || a.at - b.at || order(a.type, b.type)
  return [...rows.values()].sort(byKey)
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
