import { sampleRatio } from './intervals.js'
import { type Comparison, compare, ratioOf, type UserSums } from './sequential.js'
import { isEnough, pooledRate } from './verdict.js'

/** How often a guard may act on chance alone, over all its looks, in either direction. */
const ALPHA = 0.05
const ALARM = 0.001
/** As `minEffect` of a guard's page: it looks for breakage, not for the last percent, and is narrowest at twice this. */
export const GUARD_EFFECT = 0.15

export interface GuardDecision {
  /** worse: by more than is tolerated; better: nobody needs to stay with the old version any longer. */
  decision: 'worse' | 'better' | 'open'
  /** The promoted version's rate less the other's; null while too little is known. */
  comparison: Comparison | null
}

/**
 * Whether a promoted version does worse than what it replaced, at the same time with other users. It may be asked as often
 * as one likes: of versions that do as well, fewer than one in twenty is ever called worse.
 * @param maxDrop what is tolerated, as a share of the old version's rate
 * @param holdback the share of users who stayed
 */
export function guardDecision(promoted: UserSums, old: UserSums, maxDrop: number, holdback: number): GuardDecision {
  const [a, b] = [ratioOf(promoted), ratioOf(old)]
  const open: GuardDecision = { decision: 'open', comparison: null }
  if (!a || !b || !isEnough(promoted, old)) return open
  if (sampleRatio([promoted.users, old.users], [1 - holdback, holdback]) < ALARM) return open
  const pooled = pooledRate(promoted, old)
  const test = (of: number) => compare(a, b, pooled, { alpha: ALPHA, mixture: 2 * GUARD_EFFECT, of })
  const comparison = test(1)
  if (test(1 - maxDrop).high < 0) return { decision: 'worse', comparison }
  return { decision: comparison.low > 0 ? 'better' : 'open', comparison }
}
