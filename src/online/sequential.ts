/**
 * What is kept of the users of an arm, each a pair of x (what he was shown, or 1) and y (what came of it): how many there
 * are, and the sums of x, y and their products.
 */
export interface UserSums {
  users: number
  x: number
  y: number
  xx: number
  xy: number
  yy: number
}

export interface Estimate {
  value: number
  variance: number
}

/** One arm against another. */
export interface Comparison {
  /** The arm's rate less the other's. */
  difference: number
  /** In this interval at every look at once, with the certainty that was asked for. */
  low: number
  high: number
  /** May be looked at any number of times: below a level by chance, ever, no more often than the level says. */
  pValue: number
}

export interface SequentialOptions {
  /** How often an interval may miss the difference, at any look. */
  alpha: number
  /** Standard deviation of the differences that are looked for, as a share of the rate. The interval is narrowest about there. */
  mixture: number
  /** What is subtracted of the other arm's rate: 0.9 asks whether the arm is above nine tenths of it. */
  of?: number
}

/**
 * The ratio of sums y / x and its variance, users being independent and what one user does not (the delta method).
 * A. Deng, U. Knoblich, J. Lu (2018), Applying the delta method in metric analytics. KDD. The variance is never taken for
 * less than that of independent outcomes, so that an arm without any does not look certain.
 * @returns null for fewer than two users, or where nothing was shown
 */
export function ratioOf({ users, x, y, xx, xy, yy }: UserSums): Estimate | null {
  if (users < 2 || x <= 0) return null
  const value = y / x
  const residuals = Math.max(0, yy - 2 * value * xy + value * value * xx)
  const variance = (users / (users - 1)) * (residuals / (x * x))
  const smoothed = (y + 0.5) / (x + 1)
  const independent = (smoothed * (smoothed < 1 ? 1 - smoothed : 1)) / x
  return { value, variance: Math.max(variance, independent) }
}

/**
 * The difference of two rates with an interval and a p value that hold however often and whenever one looks: the mixture
 * sequential probability ratio test with a normal mixture, which as an interval is the asymptotic confidence sequence.
 * R. Johari, P. Koomen, L. Pekelis, D. Walsh (2022), Always valid inference: continuous monitoring of A/B tests. Operations
 * Research 70. I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas (2024), Time-uniform central limit theory and
 * asymptotic confidence sequences. Annals of Statistics 52.
 * @param pooled the rate of both together, which says how much a share of it is
 */
export function compare(arm: Estimate, other: Estimate, pooled: number, options: SequentialOptions): Comparison {
  const { alpha, mixture, of = 1 } = options
  const difference = arm.value - of * other.value
  const variance = arm.variance + of * of * other.variance
  const prior = (mixture * pooled) ** 2
  if (!(prior > 0)) return { difference, low: -Infinity, high: Infinity, pValue: 1 }
  const total = variance + prior
  const half = Math.sqrt(((variance * total) / prior) * (Math.log(total / variance) - 2 * Math.log(alpha)))
  const likelihood = 0.5 * Math.log(variance / total) + (prior * difference * difference) / (2 * variance * total)
  return { difference, low: difference - half, high: difference + half, pValue: Math.min(1, Math.exp(-likelihood)) }
}
