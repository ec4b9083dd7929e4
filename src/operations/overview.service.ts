import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { ItemsService } from '../catalog/items.service.js'
import { type ConsumerLag, ConsumerLagService } from '../events/consumer-lag.service.js'
import { EventCountsService } from '../events/event-counts.service.js'
import { EventsService } from '../events/events.service.js'
import { notFound } from '../platform/errors.js'
import { decodeCursor, toPage } from '../platform/schema.js'
import { VersionsOverview } from '../registry/versions-overview.service.js'
import { KeysService } from '../tenants/keys.service.js'
import { QuotaHits } from '../tenants/quota-hits.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { type RunOutline, RunsOverview } from '../training/runs-overview.service.js'
import { nextTick } from '../training/scheduler.js'
import {
  type Attention,
  type AttentionCode,
  attentionOf,
  mayHaveDrifted,
  mayLackTraining,
  rankOf,
  type TenantFacts,
} from './attention.js'
import { DriftedTenants } from './drifted-tenants.js'

const KEYS_AHEAD_MS = 14 * 86_400_000

export interface TenantOverview {
  id: string
  name: string
  createdAt: Date
  eventsPerMinute: number
  eventsLastDay: number
  lastEventAt: Date | null
  serving: 'fine-tuned' | 'base' | 'popular'
  modelVersion: string | null
  quality: { ndcg: Figure; base: Figure | null; popular: Figure | null } | null
  lastRun: RunOutline | null
  nextTraining: Date | null
  attention: Attention[]
}
type Figure = { mean: number; low: number; high: number }

export interface OverviewQuery {
  limit: number
  cursor?: string
  /** Only tenants with anything, with nothing, or with this. */
  attention?: 'any' | 'none' | AttentionCode
  /** A part of the name or the id, in any case. */
  search?: string
}

interface Judged {
  facts: TenantFacts
  attention: Attention[]
}

/** Of more tenants than this, what was found is told again for a moment: the pages of a list, and consoles that look at once, share it. */
const MANY_TENANTS = 200
const TOLD_AGAIN_MS = 2000

/** Where in the list a page ended: rank, name, id. */
const Position = z.tuple([z.number().int(), z.string(), z.string()])

/** What an operator sees of all tenants at a glance. A handful of statements, whatever the number of tenants. */
@Injectable()
export class OverviewService {
  private judging: Promise<Judged[]> | undefined

  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(KeysService) private readonly keys: KeysService,
    @Inject(QuotaHits) private readonly quotaHits: QuotaHits,
    @Inject(ItemsService) private readonly items: ItemsService,
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(EventCountsService) private readonly counts: EventCountsService,
    @Inject(ConsumerLagService) private readonly lag: ConsumerLagService,
    @Inject(VersionsOverview) private readonly versions: VersionsOverview,
    @Inject(RunsOverview) private readonly runs: RunsOverview,
    @Inject(DriftedTenants) private readonly drifted: DriftedTenants,
  ) {}

  /** All tenants, those first that need a person most, then by name. */
  async list({ limit, cursor, attention, search }: OverviewQuery) {
    const after = decodeCursor(cursor, Position)
    const now = Date.now()
    const [all, consumerLag] = await Promise.all([this.all(now), this.lag.current()])
    const wanted = search?.toLowerCase()
    const chosen = all
      .filter((one) => isAsked(one.attention, attention))
      .filter(({ facts: { tenant } }) => !wanted || `${tenant.name}\n${tenant.id}`.toLowerCase().includes(wanted))
      .map((one) => ({ ...one, position: positionOf(one) }))
      .sort((a, b) => inOrder(a.position, b.position))
    const rest = after ? chosen.filter(({ position }) => inOrder(position, after) > 0) : chosen
    const { data, nextCursor } = toPage(rest.slice(0, limit + 1), limit, ({ position }) => position)
    return { data: await this.told(data, now), nextCursor, totals: totalsOf(all), consumerLag }
  }

  /** @throws AppError NOT_FOUND */
  async get(tenantId: string): Promise<TenantOverview & { consumerLag: ConsumerLag | null }> {
    const now = Date.now()
    const [judged, consumerLag] = await Promise.all([this.judge([tenantId], now), this.lag.current()])
    const [told] = await this.told(judged, now)
    if (!told) throw notFound('tenant', tenantId)
    return { ...told, consumerLag }
  }

  private all(now: number): Promise<Judged[]> {
    return (this.judging ??= this.judge(null, now)
      .then((all) => {
        if (all.length > MANY_TENANTS) setTimeout(() => (this.judging = undefined), TOLD_AGAIN_MS).unref()
        else this.judging = undefined
        return all
      })
      .catch((error: unknown) => {
        this.judging = undefined
        throw error
      }))
  }

  /** What is known of each tenant, and what of it needs a person. */
  private async judge(tenantIds: string[] | null, now: number): Promise<Judged[]> {
    const tenants = await this.tenants.outlines(tenantIds)
    const ids = tenants.map(({ id }) => id)
    const [events, versions, runs, quotaHits, expiring] = await Promise.all([
      this.counts.recent(ids, now),
      this.versions.of(ids),
      this.runs.of(ids),
      this.quotaHits.of(ids),
      this.keys.expiring(ids, new Date(now + KEYS_AHEAD_MS)),
    ])
    const hitsOf = byTenant(quotaHits)
    const keysOf = byTenant(expiring)
    const known = tenants.map((tenant) => ({
      tenant,
      events: events.get(tenant.id)!,
      versions: versions.get(tenant.id)!,
      runs: runs.get(tenant.id)!,
      quotaHits: hitsOf.get(tenant.id) ?? [],
      expiringKeys: keysOf.get(tenant.id) ?? [],
    }))
    const served = known
      .filter((one) => mayHaveDrifted(one, now))
      .map(({ tenant, versions: { versionId } }) => ({ tenantId: tenant.id, versionId }))
    const [missing, drift] = await Promise.all([
      this.runs.missing(known.filter(mayLackTraining).map(({ tenant }) => tenant)),
      this.drifted.of(served, now),
    ])
    return known.map((one) => {
      const { id } = one.tenant
      const facts = { ...one, missing: missing.get(id) ?? null, drift: drift.get(id) ?? null }
      return { facts, attention: attentionOf(facts, now) }
    })
  }

  private async told(page: Judged[], now: number): Promise<TenantOverview[]> {
    const onBase = page.flatMap(({ facts }) => (facts.versions.versionId === null ? [facts.tenant.id] : []))
    const [withVectors, withEvents] = await Promise.all([
      this.items.withVectors(onBase),
      this.events.withEvents(onBase),
    ])
    const servedByBase = (id: string) => (withVectors.has(id) || withEvents.has(id) ? 'base' : 'popular')
    return page.map(({ facts: { tenant, events, versions, runs }, attention }) => ({
      id: tenant.id,
      name: tenant.name,
      createdAt: tenant.createdAt,
      eventsPerMinute: events.eventsPerMinute,
      eventsLastDay: events.lastDay,
      lastEventAt: events.lastEventAt,
      serving: versions.versionId !== null ? 'fine-tuned' : servedByBase(tenant.id),
      modelVersion: versions.versionId,
      quality: versions.ndcg && { ndcg: versions.ndcg, base: versions.baseNdcg, popular: versions.popularNdcg },
      lastRun: runs.last,
      nextTraining: nextTick({ schedule: tenant.schedule, minIntervalMinutes: 0 }, new Date(now)),
      attention,
    }))
  }
}

const positionOf = ({ facts: { tenant }, attention }: Judged): z.infer<typeof Position> => [
  rankOf(attention),
  tenant.name,
  tenant.id,
]

const compare = <T extends string | number>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0)
const inOrder = (a: z.infer<typeof Position>, b: z.infer<typeof Position>) =>
  compare(a[0], b[0]) || compare(a[1], b[1]) || compare(a[2], b[2])

function isAsked(attention: Attention[], asked: OverviewQuery['attention']): boolean {
  if (asked === undefined) return true
  if (asked === 'any' || asked === 'none') return attention.length > 0 === (asked === 'any')
  return attention.some(({ code }) => code === asked)
}

/** Over all tenants, whatever was asked for. */
function totalsOf(all: Judged[]) {
  const byCode: Partial<Record<AttentionCode, number>> = {}
  for (const { attention } of all) for (const { code } of attention) byCode[code] = (byCode[code] ?? 0) + 1
  return {
    tenants: all.length,
    needAttention: all.filter(({ attention }) => attention.length > 0).length,
    eventsPerMinute: all.reduce((sum, { facts }) => sum + facts.events.eventsPerMinute, 0),
    byCode,
  }
}

function byTenant<T extends { tenantId: string }>(rows: T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) groups.set(row.tenantId, [...(groups.get(row.tenantId) ?? []), row])
  return groups
}
