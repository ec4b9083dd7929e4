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
}

export interface BlendChoice {
  blend: Blend
  kind: 'blend' | 'blend without network' | 'default' | ComponentName
  /** A sentence for the operator. */
  reason: string
  /** NDCG@10 on the validation users, of each part by itself and of each way to blend; fitted ones are cross-fitted. */
  validation: Record<string, number>
}

const WIDTH = COMPONENTS.length
// Enough that what a blend puts among its first ten is nearly always there; the trial found 100 to 150 alike.
const CANDIDATES = 120
const CUTOFF = 10
// Weight of the default blend beside the users, in users: a handful of them can't pull far away from it.
const PRIOR_USERS = 5
// Fewer users than this can't tell weights from luck.
const LEAST_CASES = 30
const MAX_STEPS = 50
// One-sided 90 % of a normal distribution.
const NOISE = 1.2816

/**
 * The candidates of one user: the union of each component's best. Targets outside it teach no weights (no blend of these
 * parts would show them), but they count as missed.
 */
export function blendCase(scores: StandardScores, targets: number[], prior: Weights, eligible: Eligible): BlendCase {
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
  }
}

/**
 * Weights by conditional logit (McFadden 1974): the most likely ones under which each user picks the targets among his
 * candidates, none negative, drawn towards the mean of the priors. Proximal Newton (Lee, Sun and Saunders 2014); the
 * problem is convex.
 * @param used components that may have a weight
 */
export function fitWeights(cases: BlendCase[], used: readonly ComponentName[]): Weights {
  const usable = cases.filter((one) => one.targets.length > 0)
  const allowed = COMPONENTS.map((name) => used.includes(name))
  const prior = COMPONENTS.map((name, c) => (allowed[c] ? mean(cases.map((one) => one.prior[name])) : 0))
  if (usable.length === 0) return toWeights(prior)
  const pull = PRIOR_USERS / usable.length
  const loss = (weights: number[]) =>
    mean(usable.map((one) => choiceLoss(one, weights))) +
    (pull / 2) * weights.reduce((sum, weight, c) => sum + (weight - prior[c]) ** 2, 0)

  let weights = prior
  let here = loss(weights)
  for (let step = 0; step < MAX_STEPS; step++) {
    const gradient = Float64Array.from(weights, (weight, c) => pull * (weight - prior[c]))
    const curvature = new Float64Array(WIDTH * WIDTH)
    for (let c = 0; c < WIDTH; c++) curvature[c * WIDTH + c] = pull
    for (const one of usable) addDerivatives(one, weights, 1 / usable.length, gradient, curvature)
    const goal = quadraticMinimum(weights, gradient, curvature, allowed)
    // Newton steps may overshoot far from the answer; a convex loss falls along them if they are short enough.
    let next = goal
    let there = loss(next)
    for (let halving = 0; there > here && halving < 20; halving++) {
      next = next.map((weight, c) => (weight + weights[c]) / 2)
      there = loss(next)
    }
    if (there > here) break
    const change = Math.max(...next.map((weight, c) => Math.abs(weight - weights[c])))
    weights = next
    here = there
    if (change < 1e-5) break
  }
  return toWeights(weights)
}

/**
 * Decides what to serve, on validation users that early stopping did not use. A fitted blend is judged on the half of
 * the users that its weights were not fitted on. The network stays out unless it gains more than one standard error; a
 * single part is served where it beats the blend by more than noise.
 */
export function chooseBlend(cases: BlendCase[], standard: Blend): BlendChoice {
  const parts = COMPONENTS.filter((_, c) => cases.some((one) => one.scores.some((z, i) => i % WIDTH === c && z !== 0)))
  const values: Record<string, number[]> = { default: cases.map((one) => ndcg(one, one.prior)) }
  for (const part of parts) values[part] = cases.map((one) => ndcg(one, { ...noWeights(), [part]: 1 }))
  const withoutNetwork = parts.filter((part) => part !== 'network')
  const hasNetwork = parts.includes('network')
  if (hasNetwork) values['blend'] = crossFitted(cases, parts)
  values['blend without network'] = crossFitted(cases, withoutNetwork)
  const validation = Object.fromEntries(Object.entries(values).map(([name, list]) => [name, mean(list)]))
  const say = (name: string) => `${name} ${(100 * validation[name]).toFixed(2)}`
  if (cases.length < LEAST_CASES) {
    const reason = `The default blend is kept: ${cases.length} validation users are too few to fit weights on`
    return { blend: standard, kind: 'default', reason, validation }
  }

  let kind: BlendChoice['kind'] = 'blend without network'
  let reason = `NDCG@10 on ${cases.length} validation users, in %: ${say('blend without network')}`
  if (hasNetwork) {
    const gain = difference(values['blend'], values['blend without network'])
    const worthIt = gain.mean > gain.error
    if (worthIt) kind = 'blend'
    reason += `, ${say('blend')}; the network ${worthIt ? 'adds' : 'is left out, it does not add'} to the rest beyond noise`
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
  return { blend: blendOf(kind, cases, parts, standard), kind, reason, validation }
}

function blendOf(kind: BlendChoice['kind'], cases: BlendCase[], parts: ComponentName[], standard: Blend): Blend {
  if (kind === 'default') return standard
  if (kind === 'blend') return fixedBlend(fitWeights(cases, parts))
  if (kind === 'blend without network') {
    return fixedBlend(
      fitWeights(
        cases,
        parts.filter((part) => part !== 'network'),
      ),
    )
  }
  return fixedBlend({ ...noWeights(), [kind]: 1 })
}

/** NDCG@10 of each case under weights fitted on the other half of the cases. */
function crossFitted(cases: BlendCase[], used: ComponentName[]): number[] {
  const folds = [0, 1].map((fold) =>
    fitWeights(
      cases.filter((_, i) => i % 2 !== fold),
      used,
    ),
  )
  return cases.map((one, i) => ndcg(one, folds[i % 2]))
}

function ndcg(one: BlendCase, weights: Weights): number {
  if (one.targetCount === 0) return 0
  const scores = scoresOf(
    one,
    COMPONENTS.map((name) => weights[name]),
  )
  const ranks = topK(scores, CUTOFF).flatMap((row, rank) => (one.targets.includes(row) ? [rank] : []))
  return dcgOf(ranks) / dcgOf([...Array(Math.min(CUTOFF, one.targetCount)).keys()])
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

/** The part of each candidate in the user's choice, and minus the mean log-likelihood of his targets. */
function choices(one: BlendCase, weights: number[]): { chances: Float64Array; loss: number } {
  const chances = Float64Array.from(scoresOf(one, weights))
  const highest = chances.reduce((a, b) => Math.max(a, b), -Infinity)
  const taken = one.targets.reduce((sum, row) => sum + chances[row] - highest, 0) / one.targets.length
  let total = 0
  for (let row = 0; row < chances.length; row++) total += chances[row] = Math.exp(chances[row] - highest)
  for (let row = 0; row < chances.length; row++) chances[row] /= total
  return { chances, loss: Math.log(total) - taken }
}

const choiceLoss = (one: BlendCase, weights: number[]): number => choices(one, weights).loss

/** Adds gradient and Hessian of one user's loss, times `share`: mean and covariance of the scores under his choice. */
function addDerivatives(
  one: BlendCase,
  weights: number[],
  share: number,
  gradient: Float64Array,
  curvature: Float64Array,
): void {
  const { chances } = choices(one, weights)
  const expected = new Float64Array(WIDTH)
  for (let row = 0, at = 0; row < chances.length; row++, at += WIDTH) {
    for (let c = 0; c < WIDTH; c++) {
      const part = chances[row] * one.scores[at + c]
      expected[c] += part
      for (let d = 0; d <= c; d++) curvature[c * WIDTH + d] += share * part * one.scores[at + d]
    }
  }
  for (let c = 0; c < WIDTH; c++) {
    gradient[c] += share * expected[c]
    for (const row of one.targets) gradient[c] -= (share * one.scores[row * WIDTH + c]) / one.targets.length
    for (let d = 0; d <= c; d++) curvature[c * WIDTH + d] -= share * expected[c] * expected[d]
    for (let d = 0; d < c; d++) curvature[d * WIDTH + c] = curvature[c * WIDTH + d]
  }
}

/** Lowest point of the quadratic around `from` with no weight below 0, by cyclic coordinate descent. */
function quadraticMinimum(
  from: number[],
  gradient: Float64Array,
  curvature: Float64Array,
  allowed: boolean[],
): number[] {
  const at = from.slice()
  for (let round = 0; round < 200; round++) {
    let change = 0
    for (let c = 0; c < WIDTH; c++) {
      if (!allowed[c]) continue
      let slope = gradient[c]
      for (let d = 0; d < WIDTH; d++) slope += curvature[c * WIDTH + d] * (at[d] - from[d])
      const next = Math.max(0, at[c] - slope / curvature[c * WIDTH + c])
      change = Math.max(change, Math.abs(next - at[c]))
      at[c] = next
    }
    if (change < 1e-9) break
  }
  return at
}

function difference(a: number[], b: number[]): { mean: number; error: number } {
  const gaps = a.map((value, i) => value - b[i])
  const middle = mean(gaps)
  return { mean: middle, error: Math.sqrt(mean(gaps.map((gap) => (gap - middle) ** 2)) / Math.max(1, gaps.length - 1)) }
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

const toWeights = (values: number[]): Weights =>
  Object.fromEntries(COMPONENTS.map((name, c) => [name, values[c]])) as Weights
