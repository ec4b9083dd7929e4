import { isPassing } from '../platform/errors.js'
import type { Logger } from '../platform/logger.js'
import type { Tracing } from '../platform/tracing.js'
import type { TenantsService } from '../tenants/tenants.service.js'
import { DROP_ERASED_AFTER_MS } from './erasure-watch.js'
import type { LiveModel } from './live-model.js'
import type { ModelBuilder } from './model-builder.service.js'
import { type Entry, isIdle, type ModelCache } from './model-cache.js'
import type { ModelNews } from './model-news.service.js'

/** After a rebuild for the sake of freshness, this many times its duration passes before the next one. */
const REBUILD_REST = 10

interface Owner {
  /** Builds a model for the entry, whatever is in it. */
  make(entry: Entry): Promise<LiveModel>
  /** @param isFirst whether requests waited for it */
  built(entry: Entry, ms: number, isFirst: boolean): void
  failed(): void
}

/** Builds the model of an entry, aside, and keeps it current. */
export class ModelKeeper {
  constructor(
    private readonly cache: ModelCache,
    private readonly builder: ModelBuilder,
    private readonly tenants: TenantsService,
    private readonly news: ModelNews,
    private readonly logger: Logger,
    private readonly tracing: Tracing,
    private readonly owner: Owner,
  ) {}

  /** Builds aside and swaps one reference. Builds of one entry at the same time are one. */
  build(entry: Entry): Promise<LiveModel> {
    return (entry.building ??= this.buildAside(entry).finally(() => (entry.building = null)))
  }

  /** Builds anew while the old model goes on answering. */
  rebuild(entry: Entry, reason: string): void {
    if (entry.building) return
    this.logger.info({ tenant: entry.tenantId, pinned: entry.pinned, reason }, 'building the model anew')
    this.build(entry).catch((error: unknown) => {
      entry.restsUntil = Date.now() + 10_000
      this.logger.error({ err: error, tenant: entry.tenantId }, 'could not build the model anew: the old one stays')
    })
  }

  refresh(entry: Entry): Promise<void> {
    return (entry.refreshing ??= this.lookForChanges(entry).finally(() => (entry.refreshing = null)))
  }

  /** With the database away for a moment, what was known last is a better answer than none. */
  async refreshIfPossible(entry: Entry): Promise<void> {
    await this.refresh(entry).catch((error: unknown) => {
      if (!isPassing(error)) throw error
    })
  }

  private async buildAside(entry: Entry): Promise<LiveModel> {
    const { tenantId, pinned } = entry
    const started = Date.now()
    try {
      const attributes = { 'attune.tenant.id': tenantId, 'attune.model.load': entry.model ? 'rebuild' : 'cold' }
      const model = await this.tracing.span('load model', { attributes }, () => this.buildWithoutErased(entry))
      if (!this.cache.has(entry)) {
        model.retire()
        return model
      }
      const old = entry.model
      entry.model = model
      entry.refreshedAt = started
      entry.watchedSince = Date.now()
      old?.retire()
      const ms = Date.now() - started
      entry.restsUntil = Date.now() + REBUILD_REST * ms
      const { version, itemCount: items, eventCount: events } = model
      this.logger.info({ tenant: tenantId, version, pinned: pinned !== null, items, events, ms }, 'model is live')
      this.owner.built(entry, ms, !old)
      return model
    } catch (error) {
      if (!entry.model) this.cache.drop(entry)
      this.owner.failed()
      throw error
    }
  }

  /** A build that took long may have read users who have been gone for long by its end. */
  private async buildWithoutErased(entry: Entry): Promise<LiveModel> {
    for (;;) {
      const model = await this.owner.make(entry)
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

  /** Brings new items and events into the model; what they can't mend by themselves is built anew, aside. */
  private async lookForChanges(entry: Entry): Promise<void> {
    const { model, tenantId } = entry
    if (!model) return
    const started = Date.now()
    const mark = await this.news.markOf(tenantId)
    // What is known of it may be from before.
    if (!this.builder.isMarked(model, mark)) this.tenants.forget(tenantId)
    const tenant = await this.tenants.get(tenantId)
    if (!this.builder.isOf(model, tenant)) return void (this.cache.has(entry) && this.cache.drop(entry))
    // What the promoted version takes in is measured once, not again with each further version.
    const isWatched = entry.pinned === null && !isIdle(entry, started)
    await this.builder.catchUp(model, isWatched ? entry.watchedSince : Infinity)
    entry.refreshedAt = started
    const outdated = this.builder.outdated(model, tenant)
    this.builder.looked(model, outdated ? null : mark)
    if (outdated && Date.now() > entry.restsUntil) this.rebuild(entry, outdated)
  }
}
