import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { AnswersService } from '../online/answers.service.js'
import { CONFIG, type Config } from '../platform/config.js'
import { Database } from '../platform/database.js'
import { AppError, isPassing } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Metrics } from '../platform/metrics.js'
import { PROMOTIONS_CHANNEL, VersionsService } from '../registry/versions.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { DROP_ERASED_AFTER_MS, ErasureWatch } from './erasure-watch.js'
import type { LiveModel } from './live-model.js'
import { LiveModelMetrics } from './live-model-metrics.js'
import { type Entry, ModelCache } from './model-cache.js'
import { ModelBuilder } from './model-builder.service.js'

/** Between two looks for new items, events and promotions. */
const POLL_EVERY_MS = 700
/** A tenant nobody asks for is polled seldom; whoever asks for it again waits for one look. */
const IDLE_AFTER_MS = 60_000
const IDLE_POLL_MS = 15_000
const STALE_AFTER_MS = 3000
/** Looks at the database at a time, so that polling leaves connections to requests. */
const POLLED_AT_ONCE = 4
/** After a rebuild for the sake of freshness, this many times its duration passes before the next one. */
const REBUILD_REST = 10
const WARM_TENANTS = 20
const WARM_MS = 30_000

/**
 * The models in memory, one for each tenant that is asked for. Built on first use, kept current by a poller, replaced by one
 * reference when another version is promoted, put away when memory is short or the tenant is gone.
 */
@Injectable()
export class LiveModels implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly cache: ModelCache
  private readonly poller: Loop
  private readonly erasures: ErasureWatch
  private listener: { stop: () => Promise<void> } | undefined
  private warming: Promise<void> | undefined
  private stopped = false
  private readonly metrics

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(AnswersService) private readonly answers: AnswersService,
    @Inject(ModelBuilder) private readonly builder: ModelBuilder,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    const budget = config.modelMemoryMb * 1024 * 1024
    this.cache = new ModelCache(budget)
    this.metrics = new LiveModelMetrics(metrics, this.cache, budget)
    this.poller = new Loop(
      () => this.poll(),
      POLL_EVERY_MS,
      (error) => this.logger.warn({ err: error }, 'could not look for changes'),
    )
    this.erasures = new ErasureWatch(this.cache, builder, {
      isIdle: ({ usedAt }) => Date.now() - usedAt > IDLE_AFTER_MS,
      drop: ({ tenantId }) => this.drop(tenantId),
      rebuild: (entry) => this.rebuild(entry, 'a user was erased'),
      failed: (error) => this.logger.warn({ err: error }, 'could not look for erasures'),
    })
  }

  onApplicationBootstrap() {
    this.poller.start()
    this.erasures.start()
    this.listener = this.database.listen(PROMOTIONS_CHANNEL, () => this.poller.wake())
    void this.warm()
  }

  async beforeApplicationShutdown() {
    this.stopped = true
    await Promise.all([this.poller.stop(), this.erasures.stop(), this.listener?.stop()])
    const busy = this.cache.all().flatMap(({ building, refreshing }) => [building, refreshing])
    await Promise.allSettled(busy.filter((work) => work !== null))
  }

  /** The last requests have been answered by now. */
  onApplicationShutdown() {
    for (const { tenantId } of this.cache.all()) this.drop(tenantId)
  }

  /**
   * Runs `work` with the tenant's model, which stays whole until `work` is done, whatever is promoted meanwhile. The first
   * request of a tenant waits for the build; requests at the same time share it.
   */
  async use<T>(tenantId: string, work: (model: LiveModel) => T | Promise<T>): Promise<T> {
    const model = await this.current(tenantId)
    model.retain()
    try {
      return await work(model)
    } finally {
      model.release()
    }
  }

  /** The tenant's model is there and current: `use` will not wait. */
  async ready(tenantId: string): Promise<void> {
    await this.current(tenantId)
  }

  /** A user's events are gone: what was counted of them goes with the next model. */
  userErased(): void {
    this.erasures.wake()
  }

  /** What a tenant is served by at this moment. */
  servingState(tenantId: string): Promise<'fine-tuned' | 'base' | 'popular'> {
    return this.use(tenantId, (model) => {
      if (model.versionId !== null) return 'fine-tuned'
      return model.catalog.vectorCount > 0 || model.eventCount > 0 ? 'base' : 'popular'
    })
  }

  /** Forgets a tenant's model; the next request builds a new one from what is stored then. */
  drop(tenantId: string): void {
    this.cache.drop(tenantId)
  }

  /** Builds the models of the tenants that were served last, as far as time and memory go. Never fails. */
  warm(): Promise<void> {
    return (this.warming ??= this.warmUp().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'could not warm up')
    }))
  }

  private async current(tenantId: string): Promise<LiveModel> {
    for (;;) {
      const entry = this.cache.entryOf(tenantId)
      entry.usedAt = Date.now()
      if (!entry.model) await this.build(entry)
      else if (!this.stopped && Date.now() - entry.refreshedAt > STALE_AFTER_MS) await this.refreshIfPossible(entry)
      const { model } = entry
      if (model && this.cache.has(entry)) return model
      // Put away while this waited: memory was short, or its tenant is gone.
      await this.tenants.get(tenantId)
    }
  }

  /** Builds aside and swaps one reference. Builds of one tenant at the same time are one. */
  private build(entry: Entry): Promise<LiveModel> {
    return (entry.building ??= this.buildAside(entry).finally(() => (entry.building = null)))
  }

  private async buildAside(entry: Entry): Promise<LiveModel> {
    const { tenantId } = entry
    const started = Date.now()
    try {
      const model = await this.buildWithoutErased(entry)
      if (!this.cache.has(entry)) {
        model.retire()
        return model
      }
      const old = entry.model
      entry.model = model
      entry.refreshedAt = started
      old?.retire()
      const ms = Date.now() - started
      entry.restsUntil = Date.now() + REBUILD_REST * ms
      this.metrics.built(ms, !old)
      const { version, itemCount: items, eventCount: events } = model
      this.logger.info({ tenant: tenantId, version, items, events, ms }, 'model is live')
      this.evict(entry)
      return model
    } catch (error) {
      if (!entry.model) this.drop(tenantId)
      this.metrics.failed()
      throw error
    }
  }

  /** A build that took long may have read users who have been gone for long by its end. */
  private async buildWithoutErased(entry: Entry): Promise<LiveModel> {
    for (;;) {
      const model = await this.builder.build(entry.tenantId, entry.model)
      try {
        const ago = (await this.builder.knowingErased([model])).get(model) ?? 0
        if (ago < DROP_ERASED_AFTER_MS || !this.cache.has(entry)) return model
        model.retire()
      } catch (error) {
        model.retire()
        throw error
      }
    }
  }

  private refresh(entry: Entry): Promise<void> {
    return (entry.refreshing ??= this.lookForChanges(entry).finally(() => (entry.refreshing = null)))
  }

  /** With the database away for a moment, what was known last is a better answer than none. */
  private async refreshIfPossible(entry: Entry): Promise<void> {
    await this.refresh(entry).catch((error: unknown) => {
      if (!isPassing(error)) throw error
    })
  }

  /** Brings new items and events into the model; what they can't mend by themselves is built anew, aside. */
  private async lookForChanges(entry: Entry): Promise<void> {
    const { model, tenantId } = entry
    if (!model) return
    const started = Date.now()
    const tenant = await this.tenants.get(tenantId)
    if (!this.builder.isOf(model, tenant)) return void (this.cache.has(entry) && this.drop(tenantId))
    await this.builder.catchUp(model)
    entry.refreshedAt = started
    const outdated = this.builder.outdated(model, tenant)
    if (outdated && Date.now() > entry.restsUntil) this.rebuild(entry, outdated)
  }

  private rebuild(entry: Entry, reason: string) {
    if (entry.building) return
    this.logger.info({ tenant: entry.tenantId, reason }, 'building the model anew')
    this.build(entry).catch((error: unknown) => {
      entry.restsUntil = Date.now() + 10_000
      this.logger.error({ err: error, tenant: entry.tenantId }, 'could not build the model anew: the old one stays')
    })
  }

  private async poll(): Promise<void> {
    await this.followPromotions()
    const now = Date.now()
    const due = this.cache
      .loaded()
      .filter((entry) => now - entry.usedAt < IDLE_AFTER_MS || now - entry.refreshedAt > IDLE_POLL_MS)
    const next = due[Symbol.iterator]()
    await Promise.all(
      Array.from({ length: POLLED_AT_ONCE }, async () => {
        for (const entry of next) await this.pollOne(entry)
      }),
    )
    this.evict()
  }

  private pollOne(entry: Entry): Promise<void> {
    return this.refresh(entry).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'NOT_FOUND') this.drop(entry.tenantId)
      else this.logger.warn({ err: error, tenant: entry.tenantId }, 'could not look for changes')
    })
  }

  /** One query for all tenants, idle ones too: a promotion is served within seconds wherever its tenant is loaded. */
  private async followPromotions(): Promise<void> {
    const loaded = this.cache.loaded()
    if (loaded.length === 0) return
    const promoted = await this.versions.currentOf(loaded.map((entry) => entry.tenantId))
    for (const entry of loaded) {
      const versionId = promoted.get(entry.tenantId)?.versionId ?? null
      if (entry.model && versionId !== entry.model.versionId && !this.builder.isGivenUp(entry.tenantId, versionId))
        this.rebuild(entry, versionId ? `${versionId} was promoted` : 'rolled back to the base')
    }
  }

  private evict(keep?: Entry): void {
    for (const tenant of this.cache.evict(keep)) {
      this.metrics.evicted()
      this.logger.info({ tenant }, 'put a model away: memory is short')
    }
  }

  private async warmUp(): Promise<void> {
    const { data } = await this.tenants.list(1000)
    const ids = data.map((tenant) => tenant.id)
    const until = Date.now() + WARM_MS
    for (const id of await this.answers.servedLast(ids, WARM_TENANTS)) {
      if (this.stopped || Date.now() > until || this.cache.isFull) return
      await this.use(id, () => undefined).catch((error: unknown) => {
        this.logger.warn({ err: error, tenant: id }, 'could not warm a tenant')
      })
    }
  }
}
