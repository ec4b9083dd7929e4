import type { Baseline } from '../registry/version-report.js'
import { addCounts, binAmong, quantile, type SketchKind, total } from './sketch.js'
import { chanceIndex, type DriftState, evenGroups, LEAST_COUNTED, stabilityIndex, stateOf } from './stability.js'

const DAY_MS = 86_400_000
/** What comes now is that of a week: days of the week differ by themselves. */
export const NOW_DAYS = 7
/**
 * Events and answers are not drawn one by one: those of one user are alike, and by chance the mix of few users is another
 * than that of others. Ten of one user say about as much as one of each of ten would.
 */
const ALIKE = 10
/** Of the first days of a version so many are looked at for answers to compare with. */
export const FIRST_DAYS = 14
/** Stands for the types that a baseline does not name; no tenant can name one so. */
const OTHER_TYPES = '*'

// Quarters of a doubling: a blend's scores are sums of standard scores, mostly of some units, now and then of hundreds.
const SCORE_BOUNDS = Array.from({ length: 41 }, (_, k) => 2 ** (k / 4) - 1)

/** The model's score of the first item of an answer, by version and day. */
export const SCORES: SketchKind = {
  name: 'drift.score',
  grain: 'day',
  // A version that serves for longer is compared with the oldest days that are left.
  keptDays: 92,
  bins: SCORE_BOUNDS.length + 1,
  binOf: binAmong(SCORE_BOUNDS),
}

export interface Measure {
  /** Null: nothing can be said yet, and `missing` says why. */
  state: DriftState | null
  /** Population stability index, or of a catalogue the larger share. */
  value: number | null
  /** What the value reaches once in a thousand times without any drift; null where it is no sample. */
  chance: number | null
  missing: string | null
}

export interface EventMixDrift extends Measure {
  /** Since when events are counted as those of now. */
  from: Date | null
  before: number
  now: number
  /** Shares, the most frequent types first; `*` stands for all that the training window did not have. */
  types: { type: string; before: number; now: number }[]
}

export interface CatalogueDrift extends Measure {
  /** Items at training. */
  before: number
  added: number
  gone: number
}

export interface Spread {
  from: Date
  to: Date
  answers: number
  median: number | null
  p90: number | null
}

export interface ScoreDrift extends Measure {
  /** The first answers of the version. */
  before: Spread | null
  /** Its answers of the last week. */
  now: Spread | null
}

const NO_BASELINE = 'The version was made before its training window was kept.'
const unknown = (missing: string): Measure => ({ state: null, value: null, chance: null, missing })

/**
 * The mix of events by type against the newest four weeks that the version was trained on.
 * @param from beginning of the first day that counts as now @param counts since then, by type
 */
export function eventMixDrift(
  baseline: Baseline | null,
  from: Date,
  counts: ReadonlyMap<string, number> = new Map(),
  now: Date,
): EventMixDrift {
  const nothing = { from: null, before: 0, now: 0, types: [] }
  if (!baseline) return { ...unknown(NO_BASELINE), ...nothing }
  const names = [...Object.keys(baseline.eventTypes).filter((type) => type !== OTHER_TYPES), OTHER_TYPES]
  const known = new Map(Object.entries(baseline.eventTypes))
  const before = names.map((type) => known.get(type) ?? 0)
  const after = names.map((type) => counts.get(type) ?? 0)
  for (const [type, count] of counts) if (!names.includes(type)) after[names.length - 1] += count
  const [all, allNow] = [total(before), total(after)]
  const share = (count: number, of: number) => (of > 0 ? count / of : 0)
  const types = names
    .map((type, bin) => ({ type, before: share(before[bin], all), now: share(after[bin], allNow) }))
    .filter((row) => row.before + row.now > 0)
    .sort((a, b) => b.before - a.before || b.now - a.now)
  const told = { from, before: all, now: allNow, types }
  if (now.getTime() - from.getTime() < DAY_MS)
    return { ...unknown('No whole day has passed since the first training.'), ...told }
  if (Math.min(all, allNow) < LEAST_COUNTED)
    return { ...unknown(`It takes ${LEAST_COUNTED} events in the training window and as many of now.`), ...told }
  const value = stabilityIndex(before, after)
  const chance = chanceIndex(before, after, ALIKE)
  return { state: stateOf(value, chance), value, chance, missing: null, ...told }
}

/** Items that came and went since training: the larger of the shares that are new among those of now, and gone of those of then. */
export function catalogueDrift(
  baseline: Baseline | null,
  { added, gone }: { added: number; gone: number },
): CatalogueDrift {
  if (!baseline) return { ...unknown(NO_BASELINE), before: 0, added: 0, gone: 0 }
  const before = baseline.items
  const kept = Math.max(0, before - gone)
  const value = Math.max(added / Math.max(1, kept + added), Math.min(1, gone / Math.max(1, before)))
  return { state: stateOf(value), value, chance: null, missing: null, before, added, gone }
}

/**
 * Scores of the version's answers in the last week against those of its first days: right after the training window, and of
 * the very visitors that it serves. Those of the test window are of other ones, and would differ from the first answer on.
 * @param days counts of the bins of `SCORES` by day, oldest first
 */
export function scoreDrift(days: { at: Date; counts: number[] }[], now: Date): ScoreDrift {
  let answers = 0
  const enough = days.findIndex(({ counts }) => (answers += total(counts)) >= LEAST_COUNTED)
  const first = enough < 0 ? days : days.slice(0, enough + 1)
  const since = now.getTime() - NOW_DAYS * DAY_MS
  const last = days.slice(first.length).filter(({ at }) => at.getTime() >= since)
  const [before, after] = [first, last].map((some) =>
    some.reduce((sum, { counts }) => addCounts(sum, counts), new Array<number>(SCORES.bins).fill(0)),
  )
  const told = { before: spreadOf(first, before), now: spreadOf(last, after) }
  if (Math.min(total(before), total(after)) < LEAST_COUNTED)
    return {
      ...unknown(`It takes ${LEAST_COUNTED} answers of the version's first days and as many on days after them.`),
      ...told,
    }
  const groups = evenGroups(before, after)
  const value = stabilityIndex(groups.before, groups.after)
  const chance = chanceIndex(groups.before, groups.after, ALIKE)
  return { state: stateOf(value, chance), value, chance, missing: null, ...told }
}

function spreadOf(days: { at: Date }[], counts: number[]): Spread | null {
  if (days.length === 0) return null
  return {
    from: days[0].at,
    to: new Date(days[days.length - 1].at.getTime() + DAY_MS),
    answers: total(counts),
    median: quantile(SCORE_BOUNDS, counts, 0.5),
    p90: quantile(SCORE_BOUNDS, counts, 0.9),
  }
}
