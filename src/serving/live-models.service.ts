import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { AnswersService } from '../online/answers.service.js'
import { ExperimentsService } from '../online/experiments.service.js'
import { CONFIG, type Config } from '../platform/config.js'
import { Database } from '../platform/database.js'
import { AppError } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Metrics } from '../platform/metrics.js'
import { Tracing } from '../platform/tracing.js'
import { PROMOTIONS_CHANNEL, VersionsService } from '../registry/versions.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { ErasureWatch } from './erasure-watch.js'
import type { LiveModel } from './live-model.js'
import { LiveModelMetrics } from './live-model-metrics.js'
import { type Entry, IDLE_AFTER_MS, isIdle, ModelCache } from './model-cache.js'
import { ModelBuilder } from './model-builder.service.js'
import { ModelNews } from './model-news.service.js'
import { ModelKeeper } from './model-keeper.js'
import { PinnedModels } from './pinned-models.js'

/** Between two looks for new items, events and promotions. */
const POLL_EVERY_MS = 700
/** A tenant nobody asks for is polled seldom; whoever asks for it again waits for one look. */
const IDLE_POLL_MS = 15_000
const STALE_AFTER_MS = 3000
/** Looks at the database at a time, so that polling leaves connections to requests. */
const POLLED_AT_ONCE = 4
const WARM_TENANTS = 20
const WARM_MS = 30_000

/** A version other than whatever is promoted. */
export interface Wish {
  /** Its id, or `base` for none. */
  version: string
  /** Whether to wait until its model is built. */
  wait: boolean
}

/**
 * The models in memory: for each tenant that is asked for the promoted one, and those of other versions that an experiment
 * serves. Built on first use, kept current by a poller, replaced by one reference when another version is promoted, put
 * away when memory is short, the experiment is over or the tenant is gone.
 */
@Injectable()
export class LiveModels implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly cache: ModelCache
  private readonly keeper: ModelKeeper
  private readonly pinned: PinnedModels
  private readonly poller: Loop
  private readonly erasures: ErasureWatch
  private listener: { stop: () => Promise<void> } | undefined
  private warming: Promise<void> | undefined
  private stopped = false
  /** Frees what is reserved. */
  private giveBack: () => void = () => undefined
  private readonly metrics

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(AnswersService) private readonly answers: AnswersService,
    @Inject(ExperimentsService) experiments: ExperimentsService,
    @Inject(ModelBuilder) private readonly builder: ModelBuilder,
    @Inject(ModelNews) news: ModelNews,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Tracing) tracing: Tracing,
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
    this.keeper = new ModelKeeper(this.cache, builder, tenants, news, logger, tracing, {
      make: ({ tenantId, model, pinned }) => builder.build(tenantId, model, pinned),
      built: (entry, ms, isFirst) => {
        this.metrics.built(ms, isFirst)
        this.makeRoomFor(entry)
      },
      failed: () => this.metrics.failed(),
    })
    this.pinned = new PinnedModels(this.cache, this.keeper, builder, experiments, logger)
    this.erasures = new ErasureWatch(this.cache, builder, {
      isIdle,
      drop: (entry) => this.cache.drop(entry),
      rebuild: (entry) => this.keeper.rebuild(entry, 'a user was erased'),
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
    for (const entry of this.cache.all()) this.cache.drop(entry)
  }

  /**
   * Runs `work` with the tenant's model, which stays whole until `work` is done, whatever is promoted meanwhile. The first
   * request of a tenant waits for the build; requests at the same time share it.
   * @param wish another version than is promoted; where it can't be served, the promoted one is
   */
  async use<T>(tenantId: string, work: (model: LiveModel) => T | Promise<T>, wish?: Wish): Promise<T> {
    const model = await this.held(tenantId, wish)
    try {
      return await work(model)
    } finally {
      model.release()
    }
  }

  /** The tenant's model is there and current: `use` will not wait. */
  async ready(tenantId: string, wish?: Wish): Promise<void> {
    const model = await this.held(tenantId, wish)
    model.release()
  }

  /** A user's events are gone: what was counted of them goes with the next model. */
  userErased(): void {
    this.erasures.wake()
  }

  /** The version that answers here, null for the base; undefined: no model is in memory, and none is built for the question. */
  servedVersion(tenantId: string): string | null | undefined {
    return this.cache.find(tenantId, null)?.model?.versionId
  }

  /** Whether a model of this version answers here, promoted or of an experiment. */
  isLoaded(tenantId: string, version: string): boolean {
    const isOfExperiment = this.cache.find(tenantId, version)?.model != null
    return isOfExperiment || this.cache.find(tenantId, null)?.model?.version === version
  }

  /** Leaves so many bytes of the budget to models that are not served. @param giveBack frees them, where they are missed */
  reserve(bytes: number, giveBack: () => void): void {
    this.cache.reserved = bytes
    this.giveBack = giveBack
    this.evict()
  }

  /** Forgets a tenant's models; the next request builds a new one from what is stored then. */
  drop(tenantId: string): void {
    for (const entry of this.cache.all()) if (entry.tenantId === tenantId) this.cache.drop(entry)
  }

  /** Builds the models of the tenants that were served last, as far as time and memory go. Never fails. */
  warm(): Promise<void> {
    return (this.warming ??= this.warmUp().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'could not warm up')
    }))
  }

  private async held(tenantId: string, wish?: Wish): Promise<LiveModel> {
    const promoted = await this.current(tenantId, null)
    if (!wish || promoted.version === wish.version) return promoted
    // The poller is at it.
    if (!wish.wait && !this.cache.find(tenantId, wish.version)?.model) return promoted
    try {
      const model = await this.current(tenantId, wish.version)
      promoted.release()
      return model
    } catch {
      // The log has said why where it was tried.
      return promoted
    }
  }

  /** The model of an entry, held: `release` it. @param pinned a version, whatever is promoted; null: the promoted one */
  private async current(tenantId: string, pinned: string | null): Promise<LiveModel> {
    for (;;) {
      if (pinned !== null && this.builder.isGivenUp(tenantId, pinned))
        throw new AppError('VERSION_NOT_SERVED', `The version ${pinned} can not be served.`, { status: 503 })
      const entry = this.cache.entryOf(tenantId, pinned)
      const now = Date.now()
      if (isIdle(entry, now)) entry.watchedSince = now
      entry.usedAt = now
      if (!entry.model) await this.keeper.build(entry)
      else if (!this.stopped && Date.now() - entry.refreshedAt > STALE_AFTER_MS)
        await this.keeper.refreshIfPossible(entry)
      const { model } = entry
      if (model && this.cache.has(entry)) {
        model.retain()
        return model
      }
      // Put away while this waited: memory was short, or its tenant is gone.
      await this.tenants.get(tenantId)
    }
  }

  private async poll(): Promise<void> {
    await this.followPromotions()
    await this.pinned.follow(Date.now() - IDLE_AFTER_MS)
    const now = Date.now()
    const due = this.cache.loaded().filter((entry) => !isIdle(entry, now) || now - entry.refreshedAt > IDLE_POLL_MS)
    // Most have nothing new: that is found out for all of them at once.
    const news = await this.builder.withNews(due.flatMap(({ model }) => model ?? []))
    for (const entry of due) if (entry.model && !news.has(entry.model)) entry.refreshedAt = now
    const next = due.filter(({ model }) => model && news.has(model))[Symbol.iterator]()
    await Promise.all(
      Array.from({ length: POLLED_AT_ONCE }, async () => {
        for (const entry of next) await this.pollOne(entry)
      }),
    )
    this.evict()
  }

  private pollOne(entry: Entry): Promise<void> {
    return this.keeper.refresh(entry).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'NOT_FOUND') this.cache.drop(entry)
      else this.logger.warn({ err: error, tenant: entry.tenantId }, 'could not look for changes')
    })
  }

  /** One query for all tenants, idle ones too: a promotion is served within seconds wherever its tenant is loaded. */
  private async followPromotions(): Promise<void> {
    const loaded = this.cache.loaded().filter(({ pinned }) => pinned === null)
    if (loaded.length === 0) return
    const promoted = await this.versions.currentOf(loaded.map((entry) => entry.tenantId))
    for (const entry of loaded) {
      const versionId = promoted.get(entry.tenantId)?.versionId ?? null
      if (entry.model && versionId !== entry.model.versionId && !this.builder.isGivenUp(entry.tenantId, versionId))
        this.keeper.rebuild(entry, versionId ? `${versionId} was promoted` : 'rolled back to the base')
    }
  }

  /**
   * A model that was promoted takes the place of what was used longest ago. One of an experiment takes only the place of
   * what nobody asks for: else its arms would put each other away with every request.
   */
  private makeRoomFor(entry: Entry): void {
    const { tenantId, pinned } = entry
    if (pinned === null) return this.evict(entry)
    this.evict(entry, Date.now() - IDLE_AFTER_MS)
    if (this.cache.isFull) {
      this.giveBack()
      this.cache.reserved = 0
    }
    if (!this.cache.isFull) return
    this.logger.error({ tenant: tenantId, version: pinned }, 'no memory for the version of an experiment')
    this.builder.giveUp(tenantId, pinned)
    this.cache.drop(entry)
  }

  private evict(keep?: Entry, before?: number): void {
    for (const { tenantId: tenant, pinned } of this.cache.evict(keep, before)) {
      this.metrics.evicted()
      this.logger.info({ tenant, pinned }, 'put a model away: memory is short')
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
