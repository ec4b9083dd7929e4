import { type Rate, sampleRatio, wilson } from './intervals.js'
import { compare, type Estimate, ratioOf, type UserSums } from './sequential.js'

export interface ArmSums {
  name: string
  share: number
  sums: UserSums
}

/** An arm against another, as shares of the other's rate where they are relative. */
export interface ArmComparison {
  arm: string
  against: string
  /** By how much the rate is higher: 0.1 is 10 %. Null where nothing can be said yet. */
  lift: number | null
  low: number | null
  high: number | null
  pValue: number
}

export interface Judgement {
  rates: Rate[]
  sampleRatio: { pValue: number; alarm: boolean }
  comparisons: ArmComparison[]
  /** `too-early`, `no-difference`, or the name of the arm that won. */
  verdict: string
  /** Why, in words. */
  reason: string
}

export interface JudgementOptions {
  /** A lift that is closer to 0 than this makes no difference. */
  minEffect: number
  minDays: number
  /** For how long the experiment has run. */
  days: number
}

export const TOO_EARLY = 'too-early'
export const NO_DIFFERENCE = 'no-difference'

/** The certainty that a verdict has, over all looks and all pairs of arms. */
const ALPHA = 0.05
/** Users of each arm below which a variance is a guess. */
const MIN_USERS = 100
/** Outcomes that the smallest arm should have had by the rate of all: below, a rate is too lopsided for a normal law. */
const MIN_OUTCOMES = 25
const ALARM = 0.001

/** Whether there is enough of two arms for what is said of them to hold. */
export function isEnough(a: UserSums, b: UserSums): boolean {
  const pooled = pooledRate(a, b)
  return Math.min(a.users, b.users) >= MIN_USERS && Math.min(a.x, b.x) * pooled >= MIN_OUTCOMES
}

export const pooledRate = (a: UserSums, b: UserSums): number => (a.x + b.x > 0 ? (a.y + b.y) / (a.x + b.x) : 0)

/**
 * What can be said of an experiment, whenever and however often it is asked. The winner is the arm that is above every
 * other; `no-difference` is said once every two arms are known to differ by less than `minEffect`. Of several arms each
 * pair gets its part of the error (Bonferroni).
 */
export function judge(arms: ArmSums[], options: JudgementOptions): Judgement {
  const pairs = (arms.length * (arms.length - 1)) / 2
  const alpha = ALPHA / pairs
  const estimates = arms.map(({ sums }) => ratioOf(sums))
  const pValue = sampleRatio(
    arms.map(({ sums }) => sums.users),
    arms.map(({ share }) => share),
  )
  const ratio = { pValue, alarm: pValue < ALARM }
  const looks = arms.flatMap((arm, i) =>
    arms.flatMap((other, j) => (i === j ? [] : [lookAt(arm, other, estimates[i], estimates[j], alpha, options)])),
  )
  const result = decide(arms, looks, ratio.alarm, options)
  return {
    rates: arms.map(({ sums }, i) => armRate(sums, estimates[i])),
    sampleRatio: ratio,
    comparisons: looks.filter(({ against }) => against === arms[0].name).map(({ shown }) => shown),
    ...result,
  }
}

interface Look {
  arm: string
  against: string
  isEnough: boolean
  isAbove: boolean
  isAlike: boolean
  shown: ArmComparison
}

function lookAt(
  arm: ArmSums,
  other: ArmSums,
  a: Estimate | null,
  b: Estimate | null,
  alpha: number,
  { minEffect }: JudgementOptions,
): Look {
  const names = { arm: arm.name, against: other.name }
  const pooled = pooledRate(arm.sums, other.sums)
  if (!a || !b || !isEnough(arm.sums, other.sums)) {
    const lift = a && b && b.value > 0 ? a.value / b.value - 1 : null
    return {
      ...names,
      isEnough: false,
      isAbove: false,
      isAlike: false,
      shown: { ...names, lift, low: null, high: null, pValue: 1 },
    }
  }
  // Narrowest for lifts of twice what matters at all: those that one hopes to see.
  const test = (of?: number) => compare(a, b, pooled, { alpha, mixture: 2 * minEffect, of })
  const plain = test()
  const relative = (value: number) => (b.value > 0 ? value / b.value : null)
  return {
    ...names,
    isEnough: true,
    isAbove: plain.low > 0,
    isAlike: test(1 + minEffect).high < 0 && test(1 - minEffect).low > 0,
    shown: {
      ...names,
      lift: relative(plain.difference),
      low: relative(plain.low),
      high: relative(plain.high),
      pValue: plain.pValue,
    },
  }
}

function decide(arms: ArmSums[], looks: Look[], alarm: boolean, { days, minDays, minEffect }: JudgementOptions) {
  const early = (reason: string) => ({ verdict: TOO_EARLY, reason })
  if (alarm)
    return early(
      'The numbers of users by arm do not fit the shares: something other than chance decides who is counted, so the rates say nothing. Look for an arm whose version or scenario can not be served.',
    )
  if (days < minDays) return early(`It has run for ${days.toFixed(1)} of at least ${minDays} days.`)
  if (looks.some((look) => !look.isEnough))
    return early(
      `An arm has fewer than ${MIN_USERS} users, or less to show than ${MIN_OUTCOMES} outcomes at the rate of all.`,
    )
  const winner = arms.find(({ name }) => looks.every((look) => look.arm !== name || look.isAbove))
  if (winner)
    return { verdict: winner.name, reason: `'${winner.name}' is above every other arm, by more than chance explains.` }
  const percent = `${Number((100 * minEffect).toPrecision(3))} %`
  if (looks.every((look) => look.isAlike))
    return { verdict: NO_DIFFERENCE, reason: `Every two arms differ by less than ${percent} of their rate.` }
  return early(`Neither is an arm known to be above the others, nor are all known to be within ${percent}.`)
}

/** An arm's rate with its interval for this one look. */
function armRate({ x, y }: UserSums, estimate: Estimate | null): Rate {
  if (!estimate) return { value: x > 0 ? y / x : null, low: null, high: null }
  const { value, variance } = estimate
  const spread = 1.959963984540054 * Math.sqrt(variance)
  if (value >= 1) return { value, low: Math.max(0, value - spread), high: value + spread }
  // As many independent trials as would have this variance; with none that succeeded, as many as there were.
  const effective = value > 0 ? (value * (1 - value)) / variance : x
  return { value, ...wilson(value, effective) }
}
