import { fitConditionalLogit, logitLoss } from './conditional-logit.js'
import { fixedBlend, type Blend } from './ensemble.js'
import { COMPONENTS, dcgOf, noWeights, topK } from './ranking.js'
import type { ComponentName, Eligible, StandardScores, Weights } from './ranking.js'

/** One validation user: the items that any component ranks high, with their standard scores. */
export interface BlendCase {
  /** [candidates, COMPONENTS.length], row-major */
  scores: Float32Array
  /** Rows of `scores` that the user took. */
  targets: number[]
  /** All that the user took, those that no component ranks high included. */
  targetCount: number
  /** What the default blend would weigh for this history. */
  prior: Weights
  /** Rows of items that nobody had before the window. */
  newRows: number[]
  /** How many of all that the user took were such items. */
  newTargets: number
}

export interface BlendChoice {
  blend: Blend
  kind: 'blend' | 'blend without network' | 'default' | ComponentName
  /** A sentence for the operator. */
  reason: string
  /** NDCG@10 on the validation users, of each part by itself and of each way to blend; fitted ones are cross-fitted. */
  validation: Record<string, number>
  /** How much of what tells a user's candidates apart is each part's, adding up to 1. */
  shares: Record<ComponentName, number>
}

const WIDTH = COMPONENTS.length
const SIGNED = COMPONENTS.map((name) => name === 'again')
// Enough that what a blend puts among its first ten is nearly always there; the trial found 100 to 150 alike.
const CANDIDATES = 120
const CUTOFF = 10
// Weight of the default blend beside the users, in users: a handful of them can't pull far away from it.
const PRIOR_USERS = 5
/** The same of last version's blend, which was fitted on the tenant's own users already: the few new ones only correct it. */
export const PRIOR_USERS_OF_LAST = 50
// Fewer users than this can't tell weights from luck.
export const LEAST_CASES = 30
// One-sided 90 % of a normal distribution.
const NOISE = 1.2816

/**
 * The candidates of one user: the union of each component's best. Targets outside it teach no weights (no blend of these
 * parts would show them), but they count as missed.
 */
export function blendCase(
  scores: StandardScores,
  targets: number[],
  prior: Weights,
  eligible: Eligible,
  isNew: (item: number) => boolean = () => false,
): BlendCase {
  const union = new Set<number>()
  for (const name of COMPONENTS) {
    const part = scores[name]
    if (part) for (const item of topK(part, CANDIDATES, eligible)) union.add(item)
  }
  const items = [...union]
  const table = new Float32Array(items.length * WIDTH)
  COMPONENTS.forEach((name, c) => {
    const part = scores[name]
    if (part) items.forEach((item, row) => (table[row * WIDTH + c] = part[item]))
  })
  const wanted = new Set(targets)
  return {
    scores: table,
    targets: [...items.keys()].filter((row) => wanted.has(items[row])),
    targetCount: wanted.size,
    prior,
    newRows: [...items.keys()].filter((row) => isNew(items[row])),
    newTargets: [...wanted].filter(isNew).length,
  }
}

/**
 * The most likely weights under which each user picks the targets among his candidates, drawn towards the mean of the
 * priors. None is negative but that of having had an item: shops are where one buys again, news is not read twice.
 * @param used components that may have a weight
 * @param priorUsers what the priors count for, in users
 */
export function fitWeights(cases: BlendCase[], used: readonly ComponentName[], priorUsers = PRIOR_USERS): Weights {
  const usable = cases.filter((one) => one.targets.length > 0)
  const prior = COMPONENTS.map((name) => (used.includes(name) ? mean(cases.map((one) => one.prior[name])) : 0))
  if (usable.length === 0) return toWeights(prior)
  const choices = usable.map(({ scores, targets }) => ({ features: scores, targets, weight: 1 / usable.length }))
  const allowed = COMPONENTS.map((name) => used.includes(name))
  return toWeights(fitConditionalLogit(choices, { prior, pull: priorUsers / usable.length, allowed, signed: SIGNED }))
}

/**
 * Decides what to serve, on validation users that early stopping did not use. A fitted blend is judged on the half of
 * the users that its weights were not fitted on. The network takes part where what the users took
 * becomes more likely with it by more than one standard error, and their lists no worse by as much; a
 * single part is served where it beats the blend by more than noise.
 * @param without parts that may have no weight; `standard` has none for them
 */
export function chooseBlend(
  cases: BlendCase[],
  standard: Blend,
  without: readonly ComponentName[] = [],
  priorUsers = PRIOR_USERS,
): BlendChoice {
  const says = (c: number) => cases.some((one) => one.scores.some((z, i) => i % WIDTH === c && z !== 0))
  const parts = COMPONENTS.filter((name, c) => !without.includes(name) && says(c))
  const choice = chooseAmong(cases, parts, standard, priorUsers)
  return { ...choice, shares: sharesOf(cases, choice.blend) }
}

/** The mean spread of each part's weighted scores among a user's candidates, as shares of all. */
export function sharesOf(cases: BlendCase[], { dense, sparse }: Blend): Record<ComponentName, number> {
  const spreads = COMPONENTS.map((name, c) => {
    const spread = mean(cases.map(({ scores }) => deviation(scores.filter((_, i) => i % WIDTH === c))))
    return (spread * (Math.abs(dense[name]) + Math.abs(sparse[name]))) / 2
  })
  const all = spreads.reduce((sum, spread) => sum + spread, 0)
  return toWeights(spreads.map((spread) => (all > 0 ? spread / all : 0)))
}

function chooseAmong(
  cases: BlendCase[],
  parts: ComponentName[],
  standard: Blend,
  priorUsers: number,
): Omit<BlendChoice, 'shares'> {
  const values: Record<string, number[]> = { default: cases.map((one) => ndcg(one, one.prior)) }
  let usual = standard
  for (const part of parts) values[part] = cases.map((one) => ndcg(one, { ...noWeights(), [part]: 1 }))
  const withoutNetwork = parts.filter((part) => part !== 'network')
  const hasNetwork = parts.includes('network')
  const [full, without] = [parts, withoutNetwork].map((used) => crossFitted(cases, used, priorUsers))
  if (hasNetwork) values['blend'] = full.ndcg
  values['blend without network'] = without.ndcg
  const validation = Object.fromEntries(Object.entries(values).map(([name, list]) => [name, mean(list)]))
  const say = (name: string) => `${name} ${(100 * validation[name]).toFixed(2)}`
  if (cases.length < LEAST_CASES) {
    const reason = `The default blend is kept: ${cases.length} validation users are too few to fit weights on`
    return { blend: standard, kind: 'default', reason, validation }
  }

  let kind: BlendChoice['kind'] = 'blend without network'
  let reason = `NDCG@10 on ${cases.length} validation users, in %: ${say('blend without network')}`
  if (hasNetwork) {
    // Ten places of a few hundred users say little; how likely the blend finds what they took, place by place, says more.
    const likelihood = difference(without.loss, full.loss)
    const gain = difference(full.ndcg, without.ndcg)
    const worthIt = likelihood.mean > likelihood.error && gain.mean > -gain.error
    if (worthIt) kind = 'blend'
    if (!worthIt) {
      // Nor may the default weights bring it back, which were fitted on others' data or on what was then.
      usual = { ...standard, dense: { ...standard.dense, network: 0 }, sparse: { ...standard.sparse, network: 0 } }
      values['default'] = defaultsWithoutNetwork(cases)
      validation['default'] = mean(values['default'])
    }
    reason += `, ${say('blend')}; the network ${worthIt ? 'adds to the rest' : 'is left out: it adds nothing to the rest beyond noise'}`
  }
  if (validation['default'] > validation[kind]) {
    reason += `; the default weights are better than the fitted ones (${say('default')})`
    kind = 'default'
  }
  const best = parts.reduce((a, b) => (validation[b] > validation[a] ? b : a), parts[0])
  if (best !== undefined) {
    const lead = difference(values[best], values[kind])
    const alone = lead.mean > NOISE * lead.error
    reason += `; best single part: ${say(best)}${alone ? ', better than any blend beyond noise and so served alone' : ''}`
    if (alone) kind = best
  }
  return { blend: blendOf(kind, cases, parts, usual, priorUsers), kind, reason, validation }
}

function blendOf(
  kind: BlendChoice['kind'],
  cases: BlendCase[],
  parts: ComponentName[],
  standard: Blend,
  priorUsers: number,
): Blend {
  if (kind === 'default') return standard
  if (kind === 'blend') return fixedBlend(fitWeights(cases, parts, priorUsers))
  if (kind === 'blend without network') {
    const others = parts.filter((part) => part !== 'network')
    return fixedBlend(fitWeights(cases, others, priorUsers))
  }
  return fixedBlend({ ...noWeights(), [kind]: 1 })
}

/** NDCG@10 and minus the log-likelihood of each case, under weights fitted on the other half of the cases. */
function crossFitted(
  cases: BlendCase[],
  used: ComponentName[],
  priorUsers: number,
): { ndcg: number[]; loss: number[] } {
  const folds = [0, 1].map((fold) => {
    const others = cases.filter((_, i) => i % 2 !== fold)
    return fitWeights(others, used, priorUsers)
  })
  return {
    ndcg: cases.map((one, i) => ndcg(one, folds[i % 2])),
    loss: cases.map((one, i) => loss(one, folds[i % 2])),
  }
}

/** 0 where no component ranks any target high: no weights can tell. */
function loss(one: BlendCase, weights: Weights): number {
  if (one.targets.length === 0) return 0
  const choice = { features: one.scores, targets: one.targets, weight: 1 }
  return logitLoss(
    [choice],
    COMPONENTS.map((name) => weights[name]),
  )
}

/** Mean NDCG@10 of the cases' default blend, with whatever it leaves to a network left out. */
export const defaultNdcg = (cases: BlendCase[]): number => mean(defaultsWithoutNetwork(cases))

const defaultsWithoutNetwork = (cases: BlendCase[]): number[] =>
  cases.map((one) => ndcg(one, { ...one.prior, network: 0 }))

const ndcg = (one: BlendCase, weights: Weights): number => ndcgOf(one, rankedRows(one, weights))

/** NDCG@10 of a case. @param rows the first ten candidates, best first */
export function ndcgOf(one: BlendCase, rows: number[]): number {
  if (one.targetCount === 0) return 0
  const ranks = rows.flatMap((row, rank) => (one.targets.includes(row) ? [rank] : []))
  return dcgOf(ranks) / dcgOf([...Array(Math.min(CUTOFF, one.targetCount)).keys()])
}

/** The first ten candidates, best first. None where nothing is said: the order would be that in which they happened to come. */
export function rankedRows(one: BlendCase, weights: Weights): number[] {
  const scores = scoresOf(
    one,
    COMPONENTS.map((name) => weights[name]),
  )
  return scores.every((score) => score === scores[0]) ? [] : topK(scores, CUTOFF)
}

function scoresOf(one: BlendCase, weights: number[]): Float32Array {
  const scores = new Float32Array(one.scores.length / WIDTH)
  for (let row = 0; row < scores.length; row++) {
    let score = 0
    for (let c = 0; c < WIDTH; c++) score += weights[c] * one.scores[row * WIDTH + c]
    scores[row] = score
  }
  return scores
}

function difference(a: number[], b: number[]): { mean: number; error: number } {
  const gaps = a.map((value, i) => value - b[i])
  const middle = mean(gaps)
  return { mean: middle, error: Math.sqrt(mean(gaps.map((gap) => (gap - middle) ** 2)) / Math.max(1, gaps.length - 1)) }
}

function deviation(values: Float32Array): number {
  const middle = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, values.length))
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

const toWeights = (values: number[]): Weights =>
  Object.fromEntries(COMPONENTS.map((name, c) => [name, values[c]])) as Weights
