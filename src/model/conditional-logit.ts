/** One choice: which of the candidates were taken. */
export interface Choice {
  /** [candidates, features], row-major */
  features: Float32Array
  /** Rows that were taken, at least one; several weigh alike. */
  targets: number[]
  /** How much this choice counts. */
  weight: number
}

export interface LogitOptions {
  /** [features], what the coefficients are drawn towards. */
  prior: number[]
  /** Strength of that pull, on the scale of the choices' weights. */
  pull: number
  /** [features], false: the coefficient stays 0. */
  allowed: boolean[]
  /** [features], true: the coefficient may be negative; none when absent. */
  signed?: boolean[]
}

const MAX_STEPS = 50

/**
 * Coefficients of a conditional logit (McFadden 1974), none of them negative but where that is allowed: the most likely ones under which the targets
 * are chosen among the candidates. Proximal Newton (Lee, Sun and Saunders 2014); the problem is convex.
 * @returns [features]
 */
export function fitConditionalLogit(choices: Choice[], { prior, pull, allowed, signed }: LogitOptions): number[] {
  const width = prior.length
  const loss = (at: number[]) =>
    choices.reduce((sum, one) => sum + one.weight * choose(one, at).loss, 0) +
    (pull / 2) * at.reduce((sum, value, c) => sum + (value - prior[c]) ** 2, 0)

  let at = prior.map((value, c) => (allowed[c] ? value : 0))
  let here = loss(at)
  for (let step = 0; step < MAX_STEPS; step++) {
    const gradient = Float64Array.from(at, (value, c) => pull * (value - prior[c]))
    const curvature = new Float64Array(width * width)
    for (let c = 0; c < width; c++) curvature[c * width + c] = pull
    for (const one of choices) addDerivatives(one, at, gradient, curvature)
    // Newton steps may overshoot far from the answer; a convex loss falls along them if they are short enough.
    let next = quadraticMinimum(at, gradient, curvature, allowed, signed)
    let there = loss(next)
    for (let halving = 0; there > here && halving < 20; halving++) {
      next = next.map((value, c) => (value + at[c]) / 2)
      there = loss(next)
    }
    if (there > here) break
    const change = Math.max(...next.map((value, c) => Math.abs(value - at[c])))
    at = next
    here = there
    if (change < 1e-5) break
  }
  return at
}

/** Weighted mean of minus the log-likelihood of the choices under given coefficients. */
export function logitLoss(choices: Choice[], coefficients: number[]): number {
  let sum = 0
  let total = 0
  for (const one of choices) {
    sum += one.weight * choose(one, coefficients).loss
    total += one.weight
  }
  return total > 0 ? sum / total : 0
}

/** The chance of each candidate, and minus the mean log-likelihood of the targets. */
function choose({ features, targets }: Choice, coefficients: number[]): { chances: Float64Array; loss: number } {
  const width = coefficients.length
  const chances = new Float64Array(features.length / width)
  let highest = -Infinity
  for (let row = 0; row < chances.length; row++) {
    let utility = 0
    for (let c = 0; c < width; c++) utility += coefficients[c] * features[row * width + c]
    chances[row] = utility
    if (utility > highest) highest = utility
  }
  const taken = targets.reduce((sum, row) => sum + chances[row] - highest, 0) / targets.length
  let total = 0
  for (let row = 0; row < chances.length; row++) total += chances[row] = Math.exp(chances[row] - highest)
  for (let row = 0; row < chances.length; row++) chances[row] /= total
  return { chances, loss: Math.log(total) - taken }
}

/** Adds gradient and Hessian of one choice's loss: mean and covariance of the features under its chances. */
function addDerivatives(one: Choice, at: number[], gradient: Float64Array, curvature: Float64Array): void {
  const { features, targets, weight } = one
  const width = at.length
  const { chances } = choose(one, at)
  const expected = new Float64Array(width)
  for (let row = 0, from = 0; row < chances.length; row++, from += width) {
    for (let c = 0; c < width; c++) {
      const part = chances[row] * features[from + c]
      expected[c] += part
      for (let d = 0; d <= c; d++) curvature[c * width + d] += weight * part * features[from + d]
    }
  }
  for (let c = 0; c < width; c++) {
    gradient[c] += weight * expected[c]
    for (const row of targets) gradient[c] -= (weight * features[row * width + c]) / targets.length
    for (let d = 0; d <= c; d++) curvature[c * width + d] -= weight * expected[c] * expected[d]
    for (let d = 0; d < c; d++) curvature[d * width + c] = curvature[c * width + d]
  }
}

/** Lowest point of the quadratic around `from` with no unsigned coefficient below 0, by cyclic coordinate descent. */
function quadraticMinimum(
  from: number[],
  gradient: Float64Array,
  curvature: Float64Array,
  allowed: boolean[],
  signed?: boolean[],
): number[] {
  const width = from.length
  const at = from.slice()
  for (let round = 0; round < 200; round++) {
    let change = 0
    for (let c = 0; c < width; c++) {
      if (!allowed[c] || curvature[c * width + c] <= 0) continue
      let slope = gradient[c]
      for (let d = 0; d < width; d++) slope += curvature[c * width + d] * (at[d] - from[d])
      const lowest = at[c] - slope / curvature[c * width + c]
      const next = signed?.[c] ? lowest : Math.max(0, lowest)
      change = Math.max(change, Math.abs(next - at[c]))
      at[c] = next
    }
    if (change < 1e-9) break
  }
  return at
}
