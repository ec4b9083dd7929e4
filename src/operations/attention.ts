import type { RecentEvents } from '../events/event-counts.service.js'
import type { VersionsOutline } from '../registry/versions-overview.service.js'
import type { QuotaHit } from '../tenants/quota-hits.service.js'
import type { TenantOutline } from '../tenants/tenants.service.js'
import { type Shortage, shortageWords } from '../training/readiness.js'
import type { RunsOutline } from '../training/runs-overview.service.js'

/** What may need a person, gravest first. */
export const ATTENTION_CODES = [
  'RUNS_FAILING',
  'NO_EVENTS',
  'EVENTS_REFUSED',
  'REFUSED_VERSION_SERVED',
  'VERSIONS_REFUSED',
  'RUN_WAITING',
  'QUOTA_REACHED',
  'KEY_EXPIRING',
  'NOT_READY',
  'DRIFTED',
  'AWAITING_PROMOTION',
  'READY_TO_TRAIN',
] as const
export type AttentionCode = (typeof ATTENTION_CODES)[number]

/** error: users get less than they should; warning: they soon may; notice: somebody could do something. */
export const SEVERITIES = ['error', 'warning', 'notice'] as const
export type Severity = (typeof SEVERITIES)[number]

const SEVERITY: Record<AttentionCode, Severity> = {
  RUNS_FAILING: 'error',
  NO_EVENTS: 'error',
  EVENTS_REFUSED: 'warning',
  REFUSED_VERSION_SERVED: 'warning',
  VERSIONS_REFUSED: 'warning',
  RUN_WAITING: 'warning',
  QUOTA_REACHED: 'warning',
  KEY_EXPIRING: 'warning',
  NOT_READY: 'warning',
  DRIFTED: 'notice',
  AWAITING_PROMOTION: 'notice',
  READY_TO_TRAIN: 'notice',
}

export interface Attention {
  code: AttentionCode
  severity: Severity
  /** A sentence for the operator. */
  detail: string
}

/** Everything that tells whether a tenant needs a person. */
export interface TenantFacts {
  tenant: TenantOutline
  events: RecentEvents
  versions: VersionsOutline
  runs: RunsOutline
  /** What a first training lacks; null where it was not asked for. */
  missing: Shortage[] | null
  /** How far it is from what its version was trained on, in words; null: not far, or nobody looked. */
  drift: string | null
  quotaHits: QuotaHit[]
  expiringKeys: { name: string; expiresAt: Date }[]
}

/** One failure is tried again by the schedule; where there is none, nobody does. */
const FAILURES = 2
/** The gate refuses a version now and then for being no better: that often in a row the data or the model is amiss. */
const REFUSALS = 3
/** A trainer that is there takes a run within seconds, unless it works on others. */
const WAITS_MS = 15 * 60_000
/** A tenth of what comes, and not a handful. */
const REFUSED_SHARE = 0.1
const REFUSED_LEAST = 100
/** Six hours without any of what came in the same hours a day before, or a day without what comes on any day. */
const MANY = 100
/** A training of this week had the moved data before it: if its version is not served, another would hardly be. */
const TRIED_MS = 7 * 86_400_000

/** Whether its training is worth asking about: it never had one, and something comes. */
export const mayLackTraining = ({ events, runs, versions }: Pick<TenantFacts, 'events' | 'runs' | 'versions'>) =>
  versions.versionId === null &&
  versions.refusedInARow === 0 &&
  events.lastDay > 0 &&
  (runs.last === null || runs.last.versionId === null)

/** Whether its drift is anybody's business: a trained version serves it, and nothing trains it by itself for drift. */
export const mayHaveDrifted = (
  { tenant, versions, runs: { last } }: Pick<TenantFacts, 'tenant' | 'versions' | 'runs'>,
  now: number,
) =>
  versions.versionId !== null &&
  tenant.onDrift === 'never' &&
  (last === null || now - last.createdAt.getTime() >= TRIED_MS)

/** Gravest first. @param now milliseconds since 1970 */
export function attentionOf(facts: TenantFacts, now: number): Attention[] {
  const found: Partial<Record<AttentionCode, string | false | null | undefined>> = {
    RUNS_FAILING: failing(facts),
    NO_EVENTS: silence(facts.events),
    EVENTS_REFUSED: refusedEvents(facts.events),
    REFUSED_VERSION_SERVED:
      facts.versions.decision === 'rejected' && `${facts.versions.versionId} is served, and the gate had refused it.`,
    VERSIONS_REFUSED:
      facts.versions.refusedInARow >= REFUSALS &&
      `The gate refused the last ${facts.versions.refusedInARow} versions; the newest: ${facts.versions.refusal}`,
    RUN_WAITING: waiting(facts, now),
    QUOTA_REACHED: quotas(facts.quotaHits),
    KEY_EXPIRING: keys(facts.expiringKeys, now),
    NOT_READY: lacking(facts),
    DRIFTED: facts.drift && `Strong ${facts.drift}. No training within a week.`,
    AWAITING_PROMOTION:
      facts.versions.awaiting && `${facts.versions.awaiting} passed the gate and waits to be promoted.`,
    READY_TO_TRAIN: facts.missing?.length === 0 && facts.runs.last === null && untrained(facts.tenant),
  }
  return ATTENTION_CODES.flatMap((code) => {
    const detail = found[code]
    return detail ? [{ code, severity: SEVERITY[code], detail }] : []
  })
}

function failing({ runs: { last, failedInARow }, tenant }: TenantFacts) {
  if (failedInARow < FAILURES && !(failedInARow === 1 && tenant.schedule === null)) return null
  const many = failedInARow === 1 ? 'The last training run failed' : `${failedInARow} training runs in a row failed`
  const error = last?.error
  return error ? `${many}: ${error.code}, ${error.message}` : `${many}.`
}

function silence({ lastHours, sameHoursBefore, lastDay, usualDay, lastEventAt }: RecentEvents) {
  const since = lastEventAt ? `None since ${lastEventAt.toISOString()}.` : ''
  if (lastDay === 0 && usualDay >= MANY) return `No event within a day, of ${round(usualDay)} a day before. ${since}`
  if (lastHours === 0 && sameHoursBefore >= MANY)
    return `No event within six hours, of ${sameHoursBefore} in the same hours a day before. ${since}`
  return null
}

function refusedEvents({ lastHour, rejectedLastHour }: RecentEvents) {
  const share = rejectedLastHour / (lastHour + rejectedLastHour)
  if (rejectedLastHour < REFUSED_LEAST || share < REFUSED_SHARE) return null
  return `${rejectedLastHour} events were refused within the hour, ${round(100 * share)} % of what came.`
}

function waiting({ runs: { last } }: TenantFacts, now: number) {
  if (last?.state !== 'queued' || now - last.createdAt.getTime() < WAITS_MS) return null
  return `${last.id} has waited for a trainer since ${last.createdAt.toISOString()}${last.detail ? `: ${last.detail}` : '.'}`
}

const quotas = (hits: QuotaHit[]) =>
  hits
    .map(
      ({ quota, refused, since, lastAt }) => `${refused} ${quota} refused since ${iso(since)}, last at ${iso(lastAt)}`,
    )
    .join('; ')

const keys = (expiring: TenantFacts['expiringKeys'], now: number) =>
  expiring
    .map(({ name, expiresAt }) => `'${name}' ${expiresAt.getTime() > now ? 'ends' : 'ended'} at ${iso(expiresAt)}`)
    .join('; ')

function lacking({ missing, tenant }: TenantFacts) {
  if (!missing || missing.length === 0) return null
  const kept = tenant.retentionDays === null ? '' : ` Events are deleted after ${tenant.retentionDays} days.`
  return `Events come, and too little is there to train on: ${shortageWords(missing)}.${kept}`
}

const untrained = ({ schedule }: TenantOutline) =>
  `There is enough to train on, and no run yet${schedule === null ? ', nor a schedule for one' : ''}.`

const iso = (at: Date) => at.toISOString()
const round = (value: number) => Math.round(value)

/** The gravest first: what a list is sorted by, 0 to `SEVERITIES.length` (nothing). */
export const rankOf = (attention: Attention[]): number =>
  attention.length === 0
    ? SEVERITIES.length
    : Math.min(...attention.map(({ severity }) => SEVERITIES.indexOf(severity)))
