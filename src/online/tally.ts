import { createHash } from 'node:crypto'
import type { Outcome } from './attribution-rule.js'

/** What is counted of an answer, and under what. */
export interface CountedAnswer {
  servedAt: Date
  modelVersion: string
  kind: string
  scenario: string | null
  experimentId: string | null
  arm: string | null
  /** Who was assigned to the arm, as a hash; null outside of experiments. */
  unit: string | null
  userId: string | null
  userGroup: number
}

export interface Counts {
  impressions: number
  clicks: number
  conversions: number
}

export interface UnitCounts extends Counts {
  experimentId: string
  unit: string
  arm: string
  userId: string | null
  seenAt: string
}

/** Where each band of places begins, and the last ends: further down, one place more or less is all the same. */
const BANDS = [...Array.from({ length: 20 }, (_, i) => i + 1), 21, 51, 101]
const LAST_PLACE = 1000
/** Groups of users that intervals are made of: with 19 degrees of freedom they are 7 % wider than with any number. */
export const USER_GROUPS = 20
const HOUR_MS = 3_600_000

const COUNT_OF = { impression: 'impressions', click: 'clicks', conversion: 'conversions' } as const

/** The band of a place. @param place 1 is the top of the list */
export const bandOf = (place: number): number => BANDS.findLast((from) => from <= place) ?? 1
/** The last place of a band. */
export const endOfBand = (from: number): number => (BANDS[BANDS.indexOf(from) + 1] ?? LAST_PLACE + 1) - 1

/**
 * The group of whoever an answer is for: all answers to one user fall into one group, as long as the tenant lives. Where
 * nobody is known each answer is one by itself.
 */
export function userGroupOf(tenantId: string, who: string): number {
  return (
    createHash('sha256')
      .update(JSON.stringify([tenantId, who]))
      .digest()
      .readUInt32BE(0) % USER_GROUPS
  )
}

/** A row of counts with what it is of. */
type Row = Record<string, string | number> & Counts

/** Counts of many answers, added up in memory before they are written: one row for each combination. */
export class Tally {
  readonly positions = new Map<string, Row>()
  readonly groups = new Map<string, Row>()
  readonly units = new Map<string, UnitCounts>()

  /** One outcome of the item at a place. */
  add(answer: CountedAnswer, place: number, outcome: Outcome): void {
    this.count(answer, bandOf(place), COUNT_OF[outcome], 1)
  }

  /** An answer with that many items, each of which was seen. */
  addImpressions(answer: CountedAnswer, items: number): void {
    for (const from of BANDS) {
      const places = Math.min(endOfBand(from), items) - from + 1
      if (places <= 0) break
      this.count(answer, from, 'impressions', places)
    }
  }

  /** An answer of an experiment, whether or not anything of it was seen. */
  addUnit(answer: CountedAnswer): void {
    this.unitOf(answer)
  }

  private count(answer: CountedAnswer, position: number, name: keyof Counts, times: number): void {
    const { modelVersion, kind, userGroup } = answer
    const cell = {
      hour: new Date(Math.floor(answer.servedAt.getTime() / HOUR_MS) * HOUR_MS).toISOString(),
      modelVersion,
      kind,
      scenario: answer.scenario ?? '',
      experimentId: answer.experimentId ?? '',
      arm: answer.arm ?? '',
    }
    rowOf(this.positions, { ...cell, position })[name] += times
    rowOf(this.groups, { ...cell, userGroup })[name] += times
    const unit = this.unitOf(answer)
    if (unit) unit[name] += times
  }

  private unitOf({ experimentId, unit, arm, userId, servedAt }: CountedAnswer): UnitCounts | undefined {
    if (experimentId === null || unit === null || arm === null) return undefined
    const key = JSON.stringify([experimentId, unit])
    const seenAt = servedAt.toISOString()
    const known = this.units.get(key)
    const row = known ?? { experimentId, unit, arm, userId, seenAt, impressions: 0, clicks: 0, conversions: 0 }
    if (seenAt > row.seenAt) row.seenAt = seenAt
    this.units.set(key, row)
    return row
  }
}

function rowOf(rows: Map<string, Row>, cell: Record<string, string | number>): Row {
  const key = JSON.stringify(Object.values(cell))
  const row = rows.get(key) ?? { ...cell, impressions: 0, clicks: 0, conversions: 0 }
  rows.set(key, row)
  return row
}
