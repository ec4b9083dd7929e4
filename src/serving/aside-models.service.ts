import { setTimeout as sleep } from 'node:timers/promises'
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { AppError, isPassing } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Tracing } from '../platform/tracing.js'
import { TenantsService } from '../tenants/tenants.service.js'
import type { LiveModel } from './live-model.js'
import { LiveModels } from './live-models.service.js'
import { ModelBuilder } from './model-builder.service.js'
import { type Entry, ModelCache } from './model-cache.js'
import { ModelKeeper } from './model-keeper.js'
import { ModelNews } from './model-news.service.js'

/** People who look inside a version do so for minutes; its memory is worth more to those who are served. */
const IDLE_MS = 120_000
const LOOK_EVERY_MS = 5000
/** What it knows of items and events may be so old. */
const STALE_AFTER_MS = 1000
/** Of the memory for models: what is served has the rest. */
const SHARE = 0.5
/** Each build holds a catalogue twice over: one at a time, and so many wait for their turn. */
const MOST_WAITING = 8
/** A request waits no longer than proxies and people do; the build goes on, and whoever comes back finds it done. */
const PATIENCE_MS = 20_000

/**
 * Models of versions that are not served: for those who want to see how one would do. Built on first use beside what is
 * served, within a share of its memory, and freed soon after.
 */
@Injectable()
export class AsideModels implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly cache: ModelCache
  private readonly keeper: ModelKeeper
  private readonly looking: Loop
  private readonly budget: number
  /** The end of the last build that was asked for. */
  private turn: Promise<unknown> = Promise.resolve()
  private waiting = 0
  private stopped = false

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(LiveModels) private readonly live: LiveModels,
    @Inject(ModelBuilder) private readonly builder: ModelBuilder,
    @Inject(ModelNews) news: ModelNews,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Tracing) tracing: Tracing,
  ) {
    this.budget = SHARE * config.modelMemoryMb * 1024 * 1024
    this.cache = new ModelCache(this.budget)
    this.keeper = new ModelKeeper(this.cache, builder, tenants, news, logger, tracing, {
      make: (entry) => this.inTurn(entry),
      built: (entry) => this.evict(entry),
      failed: () => undefined,
    })
    this.looking = new Loop(
      () => this.look(),
      LOOK_EVERY_MS,
      (error) => logger.warn({ err: error }, 'could not look after the models aside'),
    )
  }

  onApplicationBootstrap() {
    this.looking.start()
  }

  /** Waits for the build that has begun; those that wait for their turn fail. */
  async beforeApplicationShutdown() {
    this.stopped = true
    await this.looking.stop()
    await this.turn
  }

  onApplicationShutdown() {
    for (const entry of this.cache.all()) this.cache.drop(entry)
  }

  /**
   * Runs `work` with a model of this version, whether it is served or not. The model stays whole until `work` is done.
   * @param version its id, or `base` for none
   * @param patience milliseconds that it waits for a build
   * @throws AppError NOT_FOUND, VERSION_UNUSABLE (422), TOO_MANY_VERSIONS, VERSION_LOADING (503)
   */
  async use<T>(
    tenantId: string,
    version: string,
    work: (model: LiveModel) => T | Promise<T>,
    patience = PATIENCE_MS,
  ): Promise<T> {
    if (this.live.isLoaded(tenantId, version)) {
      const wish = { version, wait: false }
      const run = async (model: LiveModel) => (model.version === version ? { done: await work(model) } : null)
      const served = await this.live.use(tenantId, run, wish)
      // Else it was put away meanwhile.
      if (served) return served.done
    }
    const model = await this.held(tenantId, version, patience)
    try {
      return await work(model)
    } finally {
      model.release()
      this.evict()
    }
  }

  /** How many versions of a tenant are in memory for this. */
  loaded(tenantId: string): number {
    return this.cache.loaded().filter((entry) => entry.tenantId === tenantId).length
  }

  /**
   * Frees what nobody has asked for of late, what is of a tenant that is gone, and what knows an erased user: none may be
   * kept in mind for that.
   */
  async look(now = Date.now()): Promise<void> {
    const idle = now - IDLE_MS
    for (const entry of this.cache.loaded()) if (entry.usedAt < idle) this.cache.drop(entry)
    const loaded = this.cache.loaded().flatMap((entry) => (entry.model ? [{ entry, model: entry.model }] : []))
    if (loaded.length > 0) {
      const tenantIds = new Set(loaded.map(({ entry }) => entry.tenantId))
      const there = new Set((await this.tenants.outlines([...tenantIds])).map(({ id }) => id))
      const knowing = await this.builder.knowingErased(loaded.map(({ model }) => model))
      for (const { entry, model } of loaded)
        if (!there.has(entry.tenantId) || (knowing.has(model) && entry.model === model)) this.cache.drop(entry)
    }
    this.evict()
  }

  /** The model of a version, held: `release` it. */
  private async held(tenantId: string, version: string, patience: number): Promise<LiveModel> {
    for (;;) {
      const entry = this.cache.entryOf(tenantId, version)
      entry.usedAt = Date.now()
      if (!entry.model) await withPatience(this.keeper.build(entry), patience)
      else if (entry.usedAt - entry.refreshedAt > STALE_AFTER_MS) await this.keeper.refreshIfPossible(entry)
      const { model } = entry
      if (!model || !this.cache.has(entry)) continue
      model.retain()
      return model
    }
  }

  private inTurn({ tenantId, pinned }: Entry): Promise<LiveModel> {
    if (this.waiting >= MOST_WAITING)
      throw new AppError('TOO_MANY_VERSIONS', 'Too many versions are being loaded to be looked into.', {
        status: 503,
        retryAfter: 5,
      })
    this.waiting++
    const build = this.turn
      .then(() => {
        if (this.stopped) throw new AppError('STOPPING', 'The server is being stopped.', { status: 503, retryAfter: 1 })
        return this.builder.buildOf(tenantId, pinned)
      })
      .catch((error: unknown) => {
        if (error instanceof AppError || isPassing(error)) throw error
        this.logger.warn({ err: error, tenant: tenantId, version: pinned }, 'a version can not be looked into')
        throw new AppError('VERSION_UNUSABLE', 'This version can not be read, or is of other vectors than the items.', {
          status: 422,
          retryable: false,
        })
      })
      .finally(() => this.waiting--)
    this.turn = build.catch(() => undefined)
    return build
  }

  /**
   * What was used longest ago goes until the rest fits its share, but for the one used last: a version that is larger than
   * the share would be built for each question. What is served gives way.
   */
  private evict(keep?: Entry): void {
    this.cache.evict(keep)
    this.live.reserve(Math.min(this.cache.bytes, this.budget), () => this.giveWay())
  }

  /** Frees everything: what an experiment serves has no room beside it. */
  private giveWay(): void {
    for (const entry of this.cache.loaded()) this.cache.drop(entry)
  }
}

/** @throws AppError VERSION_LOADING (503) where it takes longer; it is not ended by that */
async function withPatience(build: Promise<unknown>, patience: number): Promise<void> {
  const over = new AbortController()
  const late = sleep(patience, 'late' as const, { signal: over.signal }).catch(() => undefined)
  try {
    if ((await Promise.race([build, late])) !== 'late') return
  } finally {
    over.abort()
  }
  build.catch(() => undefined)
  throw new AppError('VERSION_LOADING', 'The version is still being loaded: come back in a moment.', {
    status: 503,
    retryAfter: 3,
  })
}
