import type { EpochResult } from './fit-watch.js'
import { type Judged, mean, pairedDifference, type Slice, SLICE_WORDS, SLICES } from './metrics.js'

export interface GateInput {
  candidate: Judged
  /** What is promoted today; null where the tenant is served by the base. */
  champion: Judged | null
  /** The base with its default blend. */
  base: Judged
  popular: Judged
  recent: Judged
  /** The candidate's twin trained from a random start; null where there is none, or none to compare. */
  scratch: Judged | null
  /** Why there is none, in words. */
  withoutTwin?: string
  /** The candidate without its network; null where it has none. */
  withoutNetwork?: Judged | null
  slices: Record<Slice, Uint32Array>
  /** Losses of the candidate's network by epoch; empty where none was trained. */
  networkCurve: EpochResult[]
  bestEpoch?: number
}

export interface Thresholds {
  /** Fewer judged users than this decide nothing. */
  leastUsers: number
  /** Of the quality of what is served, the least lead over it that is one: a version that changes next to nothing is none. */
  leastLead: number
  /** Share of its quality that a slice may lose. */
  sliceTolerance: number
  /** How often any slice at all may seem to lose where none does. */
  sliceChance: number
  /** Users who may do without the lead, as a share of all. */
  withoutLead: number
  /** A slice of fewer users than this is looked at, but decides nothing. */
  leastSliceUsers: number
}

// 50 users leave an interval of about a third of a figure on each side: less than that is a guess. A slice may be smaller,
// since it can only refuse, and only for a loss beyond noise.
export const DEFAULT_THRESHOLDS: Thresholds = {
  leastUsers: 50,
  leastLead: 0.0025,
  sliceTolerance: 0.1,
  sliceChance: 0.1,
  withoutLead: 0.25,
  leastSliceUsers: 30,
}

export interface Check {
  name: string
  /** For people, where the name has a word of the code in it. */
  title?: string
  passed: boolean
  /** There was too little to ask it of: it passes, and says nothing. */
  asked?: false
  /** A failed check that is not required is told, and stops nothing. */
  required: boolean
  detail: string
  figures: Record<string, number>
}

export interface Decision {
  promote: boolean
  /** Which one to serve from now on. */
  serve: 'candidate' | 'scratch' | 'current'
  /** A sentence for the operator. */
  reason: string
  checks: Check[]
}

/**
 * Whether a version is served from now on. All methods were judged on the same users of one test window. A lead counts
 * when it is above zero and its one-sided 90 % interval (paired bootstrap over users) excludes a loss. It has to lead
 * before everything that it is compared with, so that many comparisons make it harder to pass by chance, not easier.
 */
export function decide(input: GateInput, thresholds: Thresholds = DEFAULT_THRESHOLDS): Decision {
  const current = input.champion ? 'the champion' : 'the base'
  const checks = [...checksOf(input.candidate, input, thresholds), overfitting(input), network(input), twin(input)]
  const failed = checks.filter((check) => check.required && !check.passed)
  const twinWins = checks.some((check) => check.name === 'from-scratch twin' && !check.passed)
  if (input.scratch && twinWins) {
    const twinFailed = checksOf(input.scratch, input, thresholds).filter((check) => check.required && !check.passed)
    const comparison = `NDCG@10 ${percent(mean(input.scratch.ndcg))} against ${percent(mean(input.candidate.ndcg))}`
    const warning = `WARNING: fine-tuning did harm: the twin trained from scratch beats the candidate beyond noise (${comparison})`
    if (twinFailed.length === 0) {
      return { promote: true, serve: 'scratch', reason: `${warning}; the twin passes the gate and is served.`, checks }
    }
    if (failed.length === 0) {
      const why = twinFailed.map((check) => check.detail).join('; ')
      return {
        promote: true,
        serve: 'candidate',
        reason: `${warning}, but the twin may not be served: ${why}.`,
        checks,
      }
    }
    const why = failed.map((check) => check.detail).join('; ')
    return { promote: false, serve: 'current', reason: `Rejected: ${why}. ${warning}.`, checks }
  }
  if (failed.length > 0) {
    const why = failed.map((check) => check.detail).join('; ')
    return { promote: false, serve: 'current', reason: `Rejected: ${why}.`, checks }
  }
  const gain = checks.find((check) => check.name === 'beats what is served')!
  const told = checks.filter((check) => !check.passed).map((check) => `; note: ${check.detail}`)
  const reason = `Promoted: ${gain.detail}, beats popularity, and no kind of users loses more than it may against ${current}${told.join('')}.`
  return { promote: true, serve: 'candidate', reason, checks }
}

/** What anything has to pass that is to be served. */
function checksOf(judged: Judged, input: GateInput, thresholds: Thresholds): Check[] {
  const served = input.champion ?? input.base
  const checks = [
    enoughUsers(judged, thresholds),
    beats('beats what is served', judged, served, input.champion ? 'the champion' : 'the base', thresholds.leastLead),
    beats('beats recent popularity', judged, input.recent, 'recent popularity'),
    beats('beats popularity', judged, input.popular, 'popularity'),
  ]
  if (input.champion) checks.push(notWorse('holds the base', judged, input.base, 'the base'))
  checks.push(shared(judged, served, input.slices, thresholds))
  return [...checks, ...forgetting(judged, served, input.slices, thresholds)]
}

function enoughUsers(judged: Judged, { leastUsers }: Thresholds): Check {
  const users = judged.ndcg.length
  const passed = users >= leastUsers
  const detail = passed
    ? `${users} users were judged`
    : `only ${users} users have something in the test window to judge by, ${leastUsers} are needed`
  return { name: 'enough users', passed, required: true, detail, figures: { users, leastUsers } }
}

/** @param least of the other's quality, the least lead that counts */
function beats(name: string, judged: Judged, other: Judged, who: string, least = 0): Check {
  const lead = pairedDifference(judged.ndcg, other.ndcg)
  const isBeyondNoise = lead.mean > 0 && lead.lowOneSided90 >= 0
  const passed = isBeyondNoise && lead.mean >= least * mean(other.ndcg)
  const comparison = compare(judged, other, who)
  const detail = passed
    ? `it beats ${comparison}, beyond noise`
    : isBeyondNoise
      ? `it hardly differs from ${comparison}: its lead is below ${percent(least)} % of that`
      : lead.mean > 0
        ? `its lead over ${comparison} may be noise`
        : `it does not beat ${comparison}`
  return { name, passed, required: true, detail, figures: figuresOf(judged, other, lead) }
}

/** Holds unless it is worse beyond noise. */
function notWorse(name: string, judged: Judged, other: Judged, who: string): Check {
  const loss = pairedDifference(other.ndcg, judged.ndcg)
  const passed = !(loss.mean > 0 && loss.lowOneSided90 > 0)
  const detail = `it is ${passed ? 'not ' : ''}worse, beyond noise, than ${compare(judged, other, who)}`
  return { name, passed, required: true, detail, figures: figuresOf(judged, other, loss) }
}

// It lies within `newUsers`, which guards it: two guards of the same users would refuse twice as often by chance.
const TOLD_ONLY: ReadonlySet<Slice> = new Set<Slice>(['oneEvent'])

/**
 * The forgetting guard: no kind of user or item may pay for the others' gain. A slice falls where it loses more than the
 * tolerance, and that is no chance. All slices are asked at once, and the small ones swing widely: were each asked by
 * itself, a candidate that loses nothing would be refused for one or another of them far too often (Holm 1979).
 */
function forgetting(judged: Judged, served: Judged, slices: GateInput['slices'], thresholds: Thresholds): Check[] {
  const { leastSliceUsers, sliceTolerance, sliceChance } = thresholds
  const losses = SLICES.map((slice) => {
    const own = Float32Array.from(slices[slice], (at) => judged.ndcg[at])
    const before = Float32Array.from(slices[slice], (at) => served.ndcg[at])
    const loss = pairedDifference(before, own)
    return { slice, users: own.length, own: mean(own), before: mean(before), p: loss.p, loss: loss.mean }
  })
  const guards = losses.filter(({ slice, users }) => users >= leastSliceUsers && !TOLD_ONLY.has(slice))
  const certain = beyondChance(
    guards.map(({ p }) => p),
    sliceChance,
  )
  return losses.map((found) => {
    const { slice, users, own, before, loss, p } = found
    const share = before > 0 ? loss / before : 0
    const large = users >= leastSliceUsers
    const guard = guards.indexOf(found)
    const falls = large && share > sliceTolerance && (guard >= 0 ? certain[guard] : p <= sliceChance)
    const tolerated = `the ${wholePercent(sliceTolerance)} % that a slice may lose`
    const comparison = `NDCG@10 in %: ${percent(own)} against ${percent(before)}, ${wholePercent(share)} % of it lost`
    const size = `${SLICE_WORDS[slice]} (${users})`
    const detail = !large
      ? `${size} are too few to judge: ${leastSliceUsers} are needed`
      : falls
        ? `${size} lose more than ${tolerated}, and not by chance (${comparison})`
        : share > sliceTolerance
          ? `${size} may have lost by chance (${comparison}, more than ${tolerated})`
          : loss > 0
            ? `${size} stay within ${tolerated} (${comparison})`
            : `${size} lose nothing (NDCG@10 in %: ${percent(own)} against ${percent(before)})`
    const figures = { users, own, served: before, lossShare: share, p, tolerance: sliceTolerance }
    const title = `keeps ${SLICE_WORDS[slice]}`
    const required = !TOLD_ONLY.has(slice)
    return {
      name: `keeps ${slice}`,
      title,
      passed: !falls,
      ...(!large && { asked: false as const }),
      required,
      detail,
      figures,
    }
  })
}

/**
 * The lead has to be there without any one kind of user, too. A bot farm that clicked in the weeks before is in the test window
 * as well, and whatever learned its clicks ranks them best: so large a lead on so many users would hide that nobody else
 * gained. What is alike about them is how much they have done. A few may do without: the forgetting guard looks after those.
 */
function shared(judged: Judged, served: Judged, slices: GateInput['slices'], thresholds: Thresholds): Check {
  const { leastUsers, leastSliceUsers, withoutLead } = thresholds
  const kindOf = new Map<number, Kind>()
  for (const slice of ['newUsers', 'lightUsers'] as const) for (const at of slices[slice]) kindOf.set(at, slice)
  const all = Array.from(judged.ndcg.keys())
  const leads = KINDS.flatMap((kind) => {
    const others = all.filter((at) => (kindOf.get(at) ?? 'regular') !== kind)
    if (others.length < Math.max(leastUsers, withoutLead * all.length)) return []
    if (all.length - others.length < leastSliceUsers) return []
    const lead = mean(others.map((at) => judged.ndcg[at])) - mean(others.map((at) => served.ndcg[at]))
    return [{ kind, lead, users: others.length }]
  })
  const base = { name: 'leads beyond one kind of user', required: true }
  if (leads.length === 0)
    return { ...base, passed: true, asked: false, detail: 'nearly all users are of one kind', figures: {} }
  // What refuses it then is that it leads nowhere, which another check says.
  if (mean(judged.ndcg) <= mean(served.ndcg))
    return { ...base, passed: false, required: false, detail: 'there is no lead to look into', figures: {} }
  const { kind, lead, users } = leads.reduce((a, b) => (b.lead < a.lead ? b : a))
  const passed = lead > 0
  const detail = passed
    ? `it leads without any one kind of user, too (without ${KIND_WORDS[kind]}: ${signed(lead)} points of NDCG@10 in % for the other ${users})`
    : `all of its lead comes from ${KIND_WORDS[kind]}: for the other ${users} users it does not lead (${signed(lead)} points of NDCG@10 in %)`
  return { ...base, passed, detail, figures: { users, lead } }
}
const KINDS = ['newUsers', 'lightUsers', 'regular'] as const
type Kind = (typeof KINDS)[number]
const KIND_WORDS: Record<Kind, string> = {
  newUsers: SLICE_WORDS.newUsers,
  lightUsers: SLICE_WORDS.lightUsers,
  regular: 'regular users',
}

/** Which of several findings are none of chance, where even one false one is as rare as `chance` (Holm 1979). */
function beyondChance(ps: number[], chance: number): boolean[] {
  const order = [...ps.keys()].sort((a, b) => ps[a] - ps[b])
  const chanced = order.findIndex((place, rank) => ps[place] > chance / (ps.length - rank))
  const certain = new Set(order.slice(0, chanced < 0 ? order.length : chanced))
  return ps.map((_, place) => certain.has(place))
}

/** Training goes on getting better while validation gets worse: harmless, as the best epoch is restored, but worth telling. */
function overfitting({ networkCurve, bestEpoch }: GateInput): Check {
  const trained = networkCurve.filter((epoch) => epoch.trainLoss !== null && epoch.validationLoss !== null)
  const base = { name: 'overfitting', required: false }
  if (trained.length < 2) return { ...base, passed: true, asked: false, detail: 'too few epochs to tell', figures: {} }
  const lowest = trained.reduce((a, b) => (b.validationLoss! < a.validationLoss! ? b : a))
  const last = trained[trained.length - 1]
  const kept = trained.find((epoch) => epoch.epoch === bestEpoch) ?? lowest
  const overfits = last.trainLoss! < lowest.trainLoss! && last.validationLoss! > lowest.validationLoss!
  const figures = {
    bestEpoch: kept.epoch,
    lastEpoch: last.epoch,
    trainLoss: kept.trainLoss!,
    validationLoss: kept.validationLoss!,
    gap: kept.validationLoss! - kept.trainLoss!,
  }
  const detail = overfits
    ? `validation loss rose from ${lowest.validationLoss!.toFixed(3)} to ${last.validationLoss!.toFixed(3)} after epoch ${lowest.epoch} while training loss fell; epoch ${kept.epoch} was kept`
    : `validation loss did not rise while training loss fell; epoch ${kept.epoch} was kept`
  return { ...base, passed: !overfits, detail, figures }
}

function network({ candidate, withoutNetwork }: GateInput): Check {
  const base = { name: 'network adds', required: false }
  if (!withoutNetwork)
    return { ...base, passed: true, asked: false, detail: 'its blend does without a network', figures: {} }
  const lead = pairedDifference(candidate.ndcg, withoutNetwork.ndcg)
  const passed = lead.mean > 0
  const figures = `NDCG@10 in %: ${percent(mean(candidate.ndcg))} with it, ${percent(mean(withoutNetwork.ndcg))} without`
  const detail = `the network ${passed ? 'adds' : 'does not add'} to the other parts (${figures})`
  return { ...base, passed, detail, figures: figuresOf(candidate, withoutNetwork, lead) }
}

function twin({ candidate, scratch, withoutTwin }: GateInput): Check {
  const base = { name: 'from-scratch twin', required: false }
  if (!scratch)
    return {
      ...base,
      passed: true,
      asked: false,
      detail: `not compared: ${withoutTwin ?? 'there is none'}`,
      figures: {},
    }
  const check = notWorse(base.name, candidate, scratch, 'the from-scratch twin')
  return { ...check, ...base }
}

function figuresOf(judged: Judged, other: Judged, difference: { mean: number; low: number; high: number }) {
  const { mean: middle, low, high } = difference
  return { own: mean(judged.ndcg), other: mean(other.ndcg), difference: middle, low, high }
}

const percent = (value: number): string => (100 * value).toFixed(2)
const wholePercent = (share: number): string => (100 * share).toFixed(share > 0 && share < 0.095 ? 1 : 0)
const signed = (value: number): string => `${value > 0 ? '+' : ''}${percent(value)}`

const compare = (judged: Judged, other: Judged, who: string): string =>
  `${who} (NDCG@10 in %: ${percent(mean(judged.ndcg))} against ${percent(mean(other.ndcg))})`
