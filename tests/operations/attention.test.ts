import { describe, expect, it } from 'vitest'
import {
  attentionOf,
  mayHaveDrifted,
  mayLackTraining,
  rankOf,
  type TenantFacts,
} from '../../src/operations/attention.js'
import { shortages } from '../../src/training/readiness.js'
import type { RunOutline } from '../../src/training/runs-overview.service.js'

const NOW = Date.UTC(2026, 2, 10, 12)
const HOUR_MS = 3_600_000

/** A tenant that needs nobody. */
const content: TenantFacts = {
  tenant: {
    id: 't',
    name: 'T',
    createdAt: new Date(0),
    schedule: '0 3 * * *',
    historyDays: 730,
    retentionDays: null,
    onDrift: 'never',
  },
  events: {
    tenantId: 't',
    eventsPerMinute: 10,
    lastHour: 600,
    rejectedLastHour: 3,
    lastHours: 3600,
    sameHoursBefore: 3000,
    lastDay: 14_000,
    usualDay: 12_000,
    lastEventAt: new Date(NOW),
  },
  versions: {
    tenantId: 't',
    versionId: 'v-1',
    decision: 'passed',
    ndcg: null,
    baseNdcg: null,
    popularNdcg: null,
    refusedInARow: 2,
    refusal: 'no better',
    awaiting: null,
  },
  runs: { tenantId: 't', last: run({ state: 'rejected', outcome: 'rejected', versionId: 'v-3' }), failedInARow: 1 },
  missing: null,
  drift: null,
  quotaHits: [],
  expiringKeys: [],
}

function run(fields: Partial<RunOutline>): RunOutline {
  const none = { id: 'r-1', outcome: null, reason: null, detail: null, progress: null, error: null }
  return {
    ...none,
    versionId: null,
    servedAt: null,
    state: 'queued',
    createdAt: new Date(NOW),
    finishedAt: null,
    ...fields,
  }
}

type Parts = {
  [K in keyof TenantFacts]?: TenantFacts[K] extends unknown[] | null ? TenantFacts[K] : Partial<TenantFacts[K]>
}
const of = (parts: Parts) => {
  const facts = { ...content }
  for (const [name, part] of Object.entries(parts) as [keyof TenantFacts, object | null][])
    Object.assign(facts, {
      [name]: part === null || Array.isArray(part) ? part : { ...(content[name] as object), ...part },
    })
  return attentionOf(facts, NOW)
}
const codes = (parts: Parts) => of(parts).map(({ code }) => code)

describe('attention', () => {
  it('is not asked for where all is well', () => {
    expect(of({})).toEqual([])
    expect(of({ events: { lastHours: 0, sameHoursBefore: 99, lastDay: 0, usualDay: 99 } })).toEqual([])
    expect(codes({ missing: [] })).toEqual([])
  })

  it('comes gravest first, each with a sentence', () => {
    const found = of({
      runs: { failedInARow: 3, last: run({ outcome: 'failed', error: { code: 'TOO_LARGE', message: 'too large' } }) },
      versions: { decision: 'rejected', refusedInARow: 3, awaiting: 'v-9' },
      events: { rejectedLastHour: 200, lastHour: 600 },
      quotaHits: [
        { tenantId: 't', quota: 'requests', refused: 12, since: new Date(NOW - HOUR_MS), lastAt: new Date(NOW) },
        { tenantId: 't', quota: 'items', refused: 5, since: new Date(NOW), lastAt: new Date(NOW) },
      ],
      expiringKeys: [
        { name: 'web', expiresAt: new Date(NOW + HOUR_MS) },
        { name: 'app', expiresAt: new Date(NOW - HOUR_MS) },
      ],
    })
    expect(found.map(({ code, severity }) => `${code} ${severity}`)).toEqual([
      'RUNS_FAILING error',
      'EVENTS_REFUSED warning',
      'REFUSED_VERSION_SERVED warning',
      'VERSIONS_REFUSED warning',
      'QUOTA_REACHED warning',
      'KEY_EXPIRING warning',
      'AWAITING_PROMOTION notice',
    ])
    const details = Object.fromEntries(found.map(({ code, detail }) => [code, detail]))
    expect(details.RUNS_FAILING).toBe('3 training runs in a row failed: TOO_LARGE, too large')
    expect(details.EVENTS_REFUSED).toBe('200 events were refused within the hour, 25 % of what came.')
    expect(details.VERSIONS_REFUSED).toBe('The gate refused the last 3 versions; the newest: no better')
    expect(details.QUOTA_REACHED).toMatch(/^12 requests refused since .*11:00.*; 5 items refused/)
    expect(details.KEY_EXPIRING).toMatch(/^'web' ends at .*13:00.*; 'app' ended at .*11:00/)
    expect(details.AWAITING_PROMOTION).toContain('v-9')
    expect(rankOf(found)).toBe(0)
    expect(rankOf(found.slice(1))).toBe(1)
    expect(rankOf([])).toBe(3)
  })

  it('takes one failure for enough where no schedule tries again', () => {
    expect(codes({ tenant: { schedule: null } })).toEqual(['RUNS_FAILING'])
    expect(codes({ runs: { failedInARow: 0 }, tenant: { schedule: null } })).toEqual([])
  })

  it('misses events where there were many, and not in the night', () => {
    expect(of({ events: { lastHours: 0, lastEventAt: new Date(NOW - 7 * HOUR_MS) } })).toMatchObject([
      { code: 'NO_EVENTS', detail: expect.stringContaining('None since 2026-03-10T05:00') as string },
    ])
    expect(codes({ events: { lastHours: 0, sameHoursBefore: 0 } })).toEqual([])
    expect(codes({ events: { lastHours: 0, sameHoursBefore: 0, lastDay: 0, lastEventAt: null } })).toEqual([
      'NO_EVENTS',
    ])
  })

  it('sees a run that no trainer takes', () => {
    const waits = (ms: number) => codes({ runs: { last: run({ createdAt: new Date(NOW - ms) }) } })
    expect(waits(10 * 60_000)).toEqual([])
    expect(waits(20 * 60_000)).toEqual(['RUN_WAITING'])
  })

  it('says what a first training lacks, or that nothing does', () => {
    const missing = shortages({ events: 120, usersWithHistory: 40, items: 3 })
    expect(of({ missing, tenant: { retentionDays: 7 } })).toMatchObject([
      { code: 'NOT_READY', detail: expect.stringMatching(/events 120 of 200, items 3 of 20.*after 7 days/) as string },
    ])
    expect(codes({ missing: [], runs: { last: null, failedInARow: 0 } })).toEqual(['READY_TO_TRAIN'])
  })

  it('tells strong drift where nothing trains for it, and nobody did within a week', () => {
    const drift = 'drift from the training window of v-1: event mix strong (0.31)'
    expect(attentionOf({ ...content, drift }, NOW)).toEqual([
      { code: 'DRIFTED', severity: 'notice', detail: `Strong ${drift}. No training within a week.` },
    ])
    const week = 7 * 24 * HOUR_MS
    const asked = (days: number) => ({ ...content.runs, last: run({ createdAt: new Date(NOW - days * 24 * HOUR_MS) }) })
    expect(mayHaveDrifted({ ...content, runs: asked(7) }, NOW)).toBe(true)
    expect(mayHaveDrifted({ ...content, runs: asked(6.9) }, NOW)).toBe(false)
    expect(mayHaveDrifted({ ...content, runs: { ...content.runs, last: null } }, NOW)).toBe(true)
    const { runs } = { runs: asked(7) }
    expect(mayHaveDrifted({ ...content, runs, tenant: { ...content.tenant, onDrift: 'strong' } }, NOW + week)).toBe(
      false,
    )
    expect(mayHaveDrifted({ ...content, runs, versions: { ...content.versions, versionId: null } }, NOW)).toBe(false)
  })

  it('is asked about a first training only where one may be due', () => {
    const base = { ...content.versions, versionId: null, decision: null, refusedInARow: 0 }
    expect(mayLackTraining({ ...content, versions: base, runs: { ...content.runs, last: null } })).toBe(true)
    expect(mayLackTraining({ ...content, versions: base })).toBe(false)
    expect(mayLackTraining({ ...content, runs: { ...content.runs, last: null } })).toBe(false)
    const silent = { ...content.events, lastDay: 0 }
    expect(mayLackTraining({ events: silent, versions: base, runs: { ...content.runs, last: null } })).toBe(false)
  })
})
