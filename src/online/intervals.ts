/** A rate with the interval in which it lies with 95 % certainty; null where too little is known to say. */
export interface Rate {
  value: number | null
  low: number | null
  high: number | null
}

/** Outcomes of one group of users. */
export interface GroupSums {
  impressions: number
  outcomes: number
}

const Z95 = 1.959963984540054
/** Between fewer groups there is no spread to speak of. */
const LEAST_GROUPS = 5

/**
 * Wilson's score interval of a share, 95 %: never outside [0, 1], and sensible where nothing or everything succeeded.
 * E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference. JASA 22.
 * @param trials may be a fraction: an effective number of independent trials
 */
export function wilson(share: number, trials: number, z = Z95): { low: number; high: number } {
  const square = z * z
  const center = (share + square / (2 * trials)) / (1 + square / trials)
  const half = (z / (1 + square / trials)) * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials * trials))
  return { low: share === 0 ? 0 : Math.max(0, center - half), high: share === 1 ? 1 : Math.min(1, center + half) }
}

/** Student's t at 0.975 by its Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5): within 0.5 % from 4 degrees on. */
export function t975(degrees: number): number {
  const z = Z95
  const g1 = (z ** 3 + z) / 4
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96
  const g3 = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384
  const g4 = (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160
  return z + g1 / degrees + g2 / degrees ** 2 + g3 / degrees ** 3 + g4 / degrees ** 4
}

/**
 * How much wider a rate's variance is than that of independent impressions, by the spread between groups of users (at
 * least 1), and Student's t for as many groups; null where there are too few groups. Users are independent, their
 * impressions are not: groups of users by hash carry the difference at the price of a few counters.
 *
 * The delete-a-group jackknife (P. S. Kott 2001, J. Official Statistics 17; for counters of web traffic N. Chamandy et al.
 * 2012, Estimating uncertainty for massive data streams), linearised.
 */
export function designEffect(groups: GroupSums[]): { effect: number; t: number } | null {
  const seen = groups.filter(({ impressions }) => impressions > 0)
  if (seen.length < LEAST_GROUPS) return null
  const { impressions, outcomes } = sumOf(seen)
  const rate = Math.min(1, outcomes / impressions)
  const independent = (rate * (1 - rate)) / impressions
  const t = t975(seen.length - 1)
  if (independent === 0) return { effect: 1, t }
  const squares = seen.reduce((sum, group) => sum + (group.outcomes - rate * group.impressions) ** 2, 0)
  const variance = (seen.length / (seen.length - 1)) * (squares / impressions ** 2)
  return { effect: Math.max(1, variance / independent), t }
}

/**
 * Outcomes per impression: Wilson's interval for the effective number of impressions. Of the intervals for clustered shares
 * this one keeps its word best (N. Dean and M. Pagano 2015, J. Survey Statistics and Methodology 3).
 * @param design of these very impressions, or of more that they are a part of
 */
export function rateOf({ impressions, outcomes }: GroupSums, design: ReturnType<typeof designEffect>): Rate {
  if (impressions === 0) return { value: null, low: null, high: null }
  const value = Math.min(1, outcomes / impressions)
  if (!design) return { value, low: null, high: null }
  const interval = wilson(value, impressions / design.effect, design.t)
  return { value, ...interval }
}

const sumOf = (groups: GroupSums[]): GroupSums => ({
  impressions: groups.reduce((sum, group) => sum + group.impressions, 0),
  outcomes: groups.reduce((sum, group) => sum + group.outcomes, 0),
})

/**
 * How likely the numbers of users by arm are if each user was assigned by the arms' shares: Pearson's chi-square. Small
 * where something other than chance decides who is counted, and then nothing else about the arms can be believed.
 * A. Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments. KDD.
 * @returns the p value; 1 where there is nobody yet
 */
export function sampleRatio(users: number[], shares: number[]): number {
  const total = users.reduce((sum, count) => sum + count, 0)
  if (total === 0) return 1
  const statistic = users.reduce((sum, count, arm) => {
    const expected = total * shares[arm]
    return sum + (count - expected) ** 2 / expected
  }, 0)
  return chiSquareTail(statistic, users.length - 1)
}

/** The chance of a chi-square above `x`, in closed form for whole degrees of freedom (Abramowitz and Stegun 26.4.4-5). */
export function chiSquareTail(x: number, degrees: number): number {
  const half = x / 2
  const even = degrees % 2 === 0
  let tail = even ? Math.exp(-half) : erfc(Math.sqrt(half))
  let term = even ? Math.exp(-half) : 2 * Math.sqrt(half / Math.PI) * Math.exp(-half)
  for (let done = even ? 2 : 1; done < degrees; done += 2) {
    tail += term * (even ? half / (done / 2) : 1)
    term *= even ? half / (done / 2) : x / (done + 2)
  }
  return Math.min(1, tail)
}

/** The complementary error function of a number from 0 on, within 1.2e-7 of its value (Numerical Recipes, 6.2). */
function erfc(x: number): number {
  const t = 1 / (1 + x / 2)
  const series = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ].reduceRight((sum, coefficient) => coefficient + t * sum, 0)
  return t * Math.exp(-x * x + series)
}
