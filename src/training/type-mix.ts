import { OTHER_TYPES } from '../events/event-tally.js'

const DAY_MS = 86_400_000
/** Whole weeks, and lately: what a tenant's events were like a year ago is no measure of what they should be now. */
export const MIX_DAYS = 28
/** Types are the clients' own words. */
const MOST_TYPES = 100

/** Counts the events of the newest weeks by type, while they are read in the order of time. */
export class TypeMix {
  private readonly days = new Map<number, Map<string, number>>()
  private readonly types = new Set<string>()

  /** @param at when it happened; milliseconds since 1970 */
  add(type: string, at: number): void {
    const day = Math.floor(at / DAY_MS)
    let counts = this.days.get(day)
    if (!counts) {
      this.days.set(day, (counts = new Map<string, number>()))
      for (const old of this.days.keys()) if (old <= day - MIX_DAYS) this.days.delete(old)
    }
    const told = this.types.has(type) || this.types.size < MOST_TYPES ? type : OTHER_TYPES
    this.types.add(told)
    counts.set(told, (counts.get(told) ?? 0) + 1)
  }

  /** Events by type. */
  newest(): Record<string, number> {
    // Not into an object at once: types are named by clients, and one may be `constructor`.
    const all = new Map<string, number>()
    for (const counts of this.days.values())
      for (const [type, count] of counts) all.set(type, (all.get(type) ?? 0) + count)
    return Object.fromEntries(all)
  }
}
