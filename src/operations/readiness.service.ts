import { Inject, Injectable } from '@nestjs/common'
import { ItemsService } from '../catalog/items.service.js'
import { EventsService } from '../events/events.service.js'
import { AppError } from '../platform/errors.js'
import { VersionsService } from '../registry/versions.service.js'
import { LiveModels } from '../serving/live-models.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { EstimatesService } from '../training/estimates.service.js'
import { type Estimate, estimateView } from '../training/run.js'
import { RunsService } from '../training/runs.service.js'
import { nextTick } from '../training/scheduler.js'

/** From so many rows on they are not counted for each request, but at most for this share of the time. */
const MANY_ROWS = 250_000
const COUNTING_SHARE = 0.01
const MOST_REMEMBERED = 10_000

/** What takes a look at every row of a tenant. */
interface Sizes {
  events: number
  /** How many of them are older than what a run reads. */
  eventsOutsideHistory: number
  users: number
  items: number
  itemsWithText: number
  estimate: Omit<Estimate, 'uncorrectedSeconds'> | null
  countedAt: Date
}

/** What a tenant has, what it is served by, and what a training lacks. */
@Injectable()
export class ReadinessService {
  private readonly known = new Map<string, { sizes: Sizes; until: number }>()
  private readonly counting = new Map<string, Promise<Sizes>>()

  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(ItemsService) private readonly items: ItemsService,
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(EstimatesService) private readonly estimates: EstimatesService,
    @Inject(LiveModels) private readonly models: LiveModels,
  ) {}

  /** @throws AppError NOT_FOUND */
  async of(tenantId: string) {
    const [{ settings, createdAt }, missing, serving] = await Promise.all([
      this.tenants.get(tenantId),
      this.runs.missing(tenantId),
      this.serving(tenantId),
    ])
    const { estimate, ...sizes } = await this.sizesOf(tenantId, createdAt, settings.training.historyDays)
    return {
      ...sizes,
      serving,
      missing,
      nextTraining: nextTick(settings.training, new Date()),
      estimate: missing.length > 0 ? null : estimate,
    }
  }

  /** How many there are, counted as all of it is. @throws AppError NOT_FOUND */
  async itemsCounted(tenantId: string): Promise<number> {
    const { settings, createdAt } = await this.tenants.get(tenantId)
    return (await this.sizesOf(tenantId, createdAt, settings.training.historyDays)).items
  }

  /** What answers here, or would: asking must not make a model of a million items be built. */
  private async serving(tenantId: string): Promise<'fine-tuned' | 'base' | 'popular'> {
    const live = this.models.servedVersion(tenantId)
    const version = live === undefined ? (await this.versions.current(tenantId))?.versionId : live
    if (version) return 'fine-tuned'
    const [withVectors, withEvents] = await Promise.all([
      this.items.withVectors([tenantId]),
      this.events.withEvents([tenantId]),
    ])
    return withVectors.has(tenantId) || withEvents.has(tenantId) ? 'base' : 'popular'
  }

  /** Requests at the same time share one count. */
  private sizesOf(tenantId: string, createdAt: Date, historyDays: number): Promise<Sizes> {
    // A tenant may be removed, and another one made under its id.
    const key = JSON.stringify([tenantId, createdAt, historyDays])
    const known = this.known.get(key)
    if (known && known.until > Date.now()) return Promise.resolve(known.sizes)
    const counting = this.counting.get(key)
    if (counting) return counting
    const count = this.count(tenantId, key, historyDays).finally(() => this.counting.delete(key))
    this.counting.set(key, count)
    return count
  }

  private async count(tenantId: string, key: string, historyDays: number): Promise<Sizes> {
    const countedAt = new Date()
    const [items, { events, users }, eventsOutsideHistory, estimate] = await Promise.all([
      this.items.summary(tenantId),
      this.events.summary(tenantId),
      this.events.outsideHistory(tenantId, historyDays),
      this.estimateOf(tenantId),
    ])
    const sizes = { events, eventsOutsideHistory, users, ...items, estimate, countedAt }
    const tookMs = Date.now() - countedAt.getTime()
    if (this.known.size > MOST_REMEMBERED) this.known.clear()
    if (events + items.items >= MANY_ROWS) this.known.set(key, { sizes, until: Date.now() + tookMs / COUNTING_SHARE })
    return sizes
  }

  private async estimateOf(tenantId: string) {
    try {
      return estimateView(await this.estimates.estimate(tenantId))
    } catch (error) {
      if (error instanceof AppError && error.code === 'ENGINE_UNAVAILABLE') return null
      throw error
    }
  }
}
