import { type BlendCase, type BlendChoice, LEAST_CASES, ndcgOf, rankedRows, sharesOf } from './blend.js'
import type { ComponentName, Weights } from './ranking.js'

/** What new items have of what validation users took, and of what they are shown. Shares, 0 to 1. */
export interface Newcomers {
  taken: number
  /** By the fitted weights. */
  shownBefore: number
  /** By those that are served. */
  shown: number
  /** What the age of items weighs more than was fitted. */
  lift: number
}

// Of their share of what is taken, what new items are to have of what is shown: half, and something for chance.
const FAIR_SHARE = 0.7
// Fewer new items taken tell no share.
const LEAST_TAKEN = 10
/** Of the quality for validation users, what room for new items may cost. */
const MOST_COST = 0.02
/** More than a blend's weights ever are. */
const MOST_LIFT = 4
// Down to a thousandth of a weight.
const ROUNDS = 12

/** A blend with room for new items. */
export interface RoomyChoice extends BlendChoice {
  /** Null where they are shown enough as it is, too few were taken to tell, or room would cost too much. */
  newcomers: Newcomers | null
}

/**
 * Gives new items room. Counts know nothing of an item that nobody had yet, so that a blend of them shows next to none, and
 * what is never shown is never taken: the loop closes (Chaney et al. 2018). Where validation users take new items that the
 * blend hardly shows, the age of items weighs as much more as it takes to show them about half as often as they are taken,
 * as long as that costs next to nothing.
 * @param without parts that may have no weight
 */
export function withRoom(cases: BlendCase[], choice: BlendChoice, without: readonly ComponentName[] = []): RoomyChoice {
  const { blend, kind } = choice
  const weightsOf = (one: BlendCase) =>
    kind === 'default' ? { ...one.prior, network: blend.dense.network && one.prior.network } : blend.dense
  const newcomers = without.includes('fresh') ? null : liftOf(cases, weightsOf)
  if (!newcomers) return { ...choice, newcomers }
  const { taken, shownBefore, shown, lift } = newcomers
  const share = (value: number) => (100 * value).toFixed(2)
  const reason = `${choice.reason}; new items are ${share(taken)} % of what was taken and were ${share(shownBefore)} % of what is shown: their age weighs ${lift.toFixed(3)} more, so that they are ${share(shown)} %`
  const roomy = { ...blend, dense: lifted(blend.dense, lift), sparse: lifted(blend.sparse, lift) }
  return { ...choice, blend: roomy, reason, newcomers, shares: sharesOf(cases, roomy) }
}

function liftOf(cases: BlendCase[], weightsOf: (one: BlendCase) => Weights): Newcomers | null {
  const takenNew = cases.reduce((sum, one) => sum + one.newTargets, 0)
  if (cases.length < LEAST_CASES || takenNew < LEAST_TAKEN) return null
  const taken = takenNew / cases.reduce((sum, one) => sum + one.targetCount, 0)
  const by = (lift: number) => judged(cases, (one) => lifted(weightsOf(one), lift))
  const { shown: shownBefore, quality: before } = by(0)
  if (shownBefore >= FAIR_SHARE * taken) return null
  // The least lift that gives them enough, or the most that costs no more than it may.
  let [low, high] = [0, MOST_LIFT]
  let found = { lift: 0, shown: shownBefore }
  for (let round = 0; round < ROUNDS; round++) {
    const lift = (low + high) / 2
    const { shown, quality } = by(lift)
    const isEnough = shown >= FAIR_SHARE * taken
    const isTooDear = quality < (1 - MOST_COST) * before
    if (!isTooDear && (shown > found.shown || isEnough)) found = { lift: Number(lift.toFixed(4)), shown }
    if (isEnough || isTooDear) high = lift
    else low = lift
  }
  return found.lift > 0 ? { taken, shownBefore, ...found } : null
}

const lifted = (weights: Weights, lift: number): Weights => ({ ...weights, fresh: weights.fresh + lift })

function judged(cases: BlendCase[], weightsOf: (one: BlendCase) => Weights): { shown: number; quality: number } {
  let shown = 0
  let places = 0
  let quality = 0
  for (const one of cases) {
    const rows = rankedRows(one, weightsOf(one))
    const isNew = new Set(one.newRows)
    shown += rows.filter((row) => isNew.has(row)).length
    places += rows.length
    quality += ndcgOf(one, rows)
  }
  return { shown: shown / Math.max(1, places), quality: quality / Math.max(1, cases.length) }
}
