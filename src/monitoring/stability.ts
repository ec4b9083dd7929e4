/** How far something has moved. */
export const DRIFT_STATES = ['stable', 'moderate', 'strong'] as const
export type DriftState = (typeof DRIFT_STATES)[number]

/**
 * From where on a drift is moderate, and strong: the customary bounds of the population stability index (Siddiqi, Credit
 * Risk Scorecards, 2006). Shares of a catalogue are held to the same numbers.
 */
export const THRESHOLDS = { moderate: 0.1, strong: 0.25 } as const

/** With fewer on either side nothing is said. */
export const LEAST_COUNTED = 500

/** Of the standard normal distribution: one in a thousand lies above. */
const RARE = 3.09

/**
 * Population stability index of counts over the same bins: Σ (q − p) · ln(q / p), 0 for equal shares. Every bin is taken to
 * hold half a one more, so that what was never seen is rare and not impossible. Bins that are empty on both sides say nothing.
 */
export function stabilityIndex(before: number[], after: number[]): number {
  const bins = before.map((count, bin) => [count + 0.5, after[bin] + 0.5]).filter(([p, q]) => p + q > 1)
  const [all, allAfter] = [0, 1].map((side) => bins.reduce((sum, bin) => sum + bin[side], 0))
  return bins.reduce((sum, [p, q]) => sum + (q / allAfter - p / all) * Math.log(q / allAfter / (p / all)), 0)
}

/**
 * What the index reaches once in a thousand times where nothing has moved: it is distributed as chi-squared of bins − 1
 * degrees of freedom, times 1/n + 1/m (Yurdakul, Statistical Properties of Population Stability Index, 2018). The quantile
 * is that of Wilson and Hilferty.
 * @param alike so many of those counted tell about as much as one would by itself
 */
export function chanceIndex(before: number[], after: number[], alike = 1): number {
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0)
  const freedom = before.filter((count, bin) => count + after[bin] > 0).length - 1
  if (freedom < 1) return 0
  const part = 2 / (9 * freedom)
  return freedom * (1 - part + RARE * Math.sqrt(part)) ** 3 * alike * (1 / sum(before) + 1 / sum(after))
}

/** @param chance what the value reaches without any drift */
export function stateOf(value: number, chance = 0): DriftState {
  if (value < Math.max(THRESHOLDS.moderate, chance)) return 'stable'
  return value < Math.max(THRESHOLDS.strong, chance) ? 'moderate' : 'strong'
}

/** The graver of the states; null where nothing is known. */
export const worstOf = (states: (DriftState | null)[]): DriftState | null =>
  DRIFT_STATES.findLast((state) => states.includes(state)) ?? null

/**
 * Neighbouring bins put together until each group holds about the same share of what was before: an index over many thin
 * bins would be mostly noise.
 * @returns the same groups of both
 */
export function evenGroups(before: number[], after: number[], most = 10): { before: number[]; after: number[] } {
  const each = before.reduce((sum, count) => sum + count, 0) / most
  const groups = { before: [0], after: [0] }
  before.forEach((count, bin) => {
    const last = groups.before.length - 1
    if (groups.before[last] >= each && groups.before.length < most) {
      groups.before.push(count)
      groups.after.push(after[bin])
    } else {
      groups.before[last] += count
      groups.after[last] += after[bin]
    }
  })
  return groups
}
