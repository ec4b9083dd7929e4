import { beats, type Check, figuresOf, notWorse, percent, signed, wholePercent } from './check.js'
import type { EpochResult } from './fit-watch.js'
import { type Judged, mean, pairedDifference, type Slice, SLICE_WORDS, SLICES } from './metrics.js'

/** What is told of a version's network and decides nothing. */
interface Learning {
  /** Losses of the network by epoch; empty where none was trained. */
  networkCurve: EpochResult[]
  bestEpoch?: number
  /** The version without its network; null where it has none. */
  withoutNetwork?: Judged | null
}

/** With what is told of the candidate's network. */
export interface GateInput extends Learning {
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
  /** What is told of the twin's network where that is served. */
  twin?: Learning | null
  slices: Record<Slice, Uint32Array>
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

export interface Decision {
  promote: boolean
  /** Which one to serve from now on. */
  serve: 'candidate' | 'scratch' | 'current'
  /** A sentence for the operator. */
  reason: string
  /** Of what is served: the twin's where it is served in the candidate's place, else the candidate's. */
  checks: Check[]
}

/**
 * Whether a version is served from now on. All methods were judged on the same users of one test window. A lead counts
 * when it is above zero and its one-sided 90 % interval (paired bootstrap over users) excludes a loss. It has to lead
 * before everything that it is compared with, so that many comparisons make it harder to pass by chance, not easier.
 */
export function decide(input: GateInput, thresholds: Thresholds = DEFAULT_THRESHOLDS): Decision {
  const current = input.champion ? 'the champion' : 'the base'
  const checks = [...checksOf(input.candidate, input, thresholds), ...told(input.candidate, input), twin(input)]
  const failed = failures(checks)
  const twinWins = checks.some((check) => check.name === 'from-scratch twin' && !check.passed)
  if (input.scratch && twinWins) {
    const twinChecks = checksOf(input.scratch, input, thresholds)
    const twinFailed = failures(twinChecks)
    const comparison = `NDCG@10 ${percent(mean(input.scratch.ndcg))} against ${percent(mean(input.candidate.ndcg))}`
    const warning = `WARNING: fine-tuning did harm: the twin trained from scratch beats the candidate beyond noise (${comparison})`
    if (twinFailed.length === 0) {
      const lead = beats('beats the candidate', input.scratch, input.candidate, 'the fine-tuned candidate')
      const refused = failed.length > 0 ? `, where the candidate would have been refused: ${details(failed)}` : ''
      return {
        promote: true,
        serve: 'scratch',
        reason: `${warning}; the twin passes the gate and is served${refused}.`,
        checks: [...twinChecks, ...told(input.scratch, input.twin ?? { networkCurve: [] }), lead],
      }
    }
    if (failed.length === 0) {
      const reason = `${warning}, but the twin may not be served: ${details(twinFailed)}.`
      return { promote: true, serve: 'candidate', reason, checks }
    }
    return { promote: false, serve: 'current', reason: `Rejected: ${details(failed)}. ${warning}.`, checks }
  }
  if (failed.length > 0) return { promote: false, serve: 'current', reason: `Rejected: ${details(failed)}.`, checks }
  const gain = checks.find((check) => check.name === 'beats what is served')!
  const notes = checks.filter((check) => !check.passed).map((check) => `; note: ${check.detail}`)
  const reason = `Promoted: ${gain.detail}, beats popularity, and no kind of users loses more than it may against ${current}${notes.join('')}.`
  return { promote: true, serve: 'candidate', reason, checks }
}

const failures = (checks: Check[]) => checks.filter(({ required, passed }) => required && !passed)
const details = (checks: Check[]) => checks.map(({ detail }) => detail).join('; ')

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

const told = (judged: Judged, learning: Learning): Check[] => [overfitting(learning), network(judged, learning)]

/** Training goes on getting better while validation gets worse: harmless, as the best epoch is restored, but worth telling. */
function overfitting({ networkCurve, bestEpoch }: Learning): Check {
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

function network(judged: Judged, { withoutNetwork }: Learning): Check {
  const base = { name: 'network adds', required: false }
  if (!withoutNetwork)
    return { ...base, passed: true, asked: false, detail: 'its blend does without a network', figures: {} }
  const lead = pairedDifference(judged.ndcg, withoutNetwork.ndcg)
  const passed = lead.mean > 0
  const figures = `NDCG@10 in %: ${percent(mean(judged.ndcg))} with it, ${percent(mean(withoutNetwork.ndcg))} without`
  const detail = `the network ${passed ? 'adds' : 'does not add'} to the other parts (${figures})`
  return { ...base, passed, detail, figures: figuresOf(judged, withoutNetwork, lead) }
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
