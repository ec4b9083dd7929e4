import { setImmediate } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import { ItemsService } from '../catalog/items.service.js'
import { EventsService } from '../events/events.service.js'
import { UsersService } from '../events/users.service.js'
import { Counts } from '../model/counts.js'
import { asks, completeBlend } from '../model/ensemble.js'
import type { EventType } from '../model/history.js'
import { Network } from '../model/network.js'
import { TextMatrix } from '../model/text-matrix.js'
import { TEXT_LENGTH } from '../model/text-encoder.js'
import { decodeVersion } from '../model/version-file.js'
import { Database, type Reads } from '../platform/database.js'
import { isPassing } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Metrics } from '../platform/metrics.js'
import { Tracing } from '../platform/tracing.js'
import { type FreshKind, FreshnessService } from '../monitoring/freshness.service.js'
import { BASE_VERSION, VERSION_ARTIFACT, VersionsService } from '../registry/versions.service.js'
import { eventTypeTable } from '../tenants/settings.js'
import { type Tenant, TenantsService } from '../tenants/tenants.service.js'
import { CatalogMirror } from './catalog-mirror.js'
import { ITEMS_AT_ONCE, readCatalog } from './catalog-reading.js'
import { COUNTED_EVENTS, readEventLog } from './event-reading.js'
import { LiveModel } from './live-model.js'
import { LiveNetwork } from './live-network.js'
import { LiveWords } from './live-words.js'
import { baseKey, type Position, type Version } from './model-position.js'
import { ModelNews } from './model-news.service.js'
import { prepareAside } from './preparation-thread.js'
import { shippedBlend, shippedPrior } from '../registry/shipped-base.js'

/** Live counts are pruned, and never forget: counting anew once a day keeps them what they are meant to be. */
const REBUILD_AFTER_MS = 86_400_000
/** A version that could not be read may have been a moment's trouble after all. */
const GIVEN_UP_MS = 60_000
/** A text space that was fitted to fewer than half of the texts no longer is that of the catalogue. */
const OUTGROWN = 2

/** Makes live models of what is stored, and brings them up to date. */
@Injectable()
export class ModelBuilder {
  private readonly positions = new WeakMap<LiveModel, Position>()
  private readonly givenUp = new Map<string, number>()
  private readonly unusable

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(ItemsService) private readonly items: ItemsService,
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(UsersService) private readonly users: UsersService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(FreshnessService) private readonly freshness: FreshnessService,
    @Inject(ModelNews) private readonly news: ModelNews,
    @Inject(Tracing) private readonly tracing: Tracing,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.unusable = metrics.counter(
      'attune_unusable_versions_total',
      'Attempts to serve a version, promoted or of an experiment, that could not be read',
    )
  }

  /** The version is not to be tried for a while: it can't be read, or there is no memory for it. */
  giveUp(tenantId: string, versionId: string): void {
    this.givenUp.set(keyOf(tenantId, versionId), Date.now() + GIVEN_UP_MS)
  }

  /** Whether this version was tried a moment ago, in vain. */
  isGivenUp(tenantId: string, versionId: string | null): boolean {
    return (this.givenUp.get(keyOf(tenantId, versionId)) ?? 0) > Date.now()
  }

  /**
   * Builds the model that the tenant should be served by now. Reads everything; what takes long runs in another thread.
   * A promoted version that can't be read leaves the tenant with the old model, or with the base where there is none.
   * @param old what serves meanwhile
   * @param pinned another version than the promoted one, or `base`; where it can't be read, there is no model in its place
   * @throws AppError NOT_FOUND where the tenant is gone
   */
  async build(tenantId: string, old: LiveModel | null, pinned: string | null = null): Promise<LiveModel> {
    const tenant = await this.tenants.get(tenantId)
    const chosen = pinned ?? (await this.versions.current(tenantId))?.versionId ?? BASE_VERSION
    const length = tenant.embeddingLength ?? TEXT_LENGTH
    if (chosen !== BASE_VERSION) {
      try {
        return await this.assemble(tenant, length, await this.read(tenantId, chosen, length))
      } catch (error) {
        if (isPassing(error)) throw error
        this.unusable.inc()
        this.giveUp(tenantId, chosen)
        this.logger.error(
          { err: error, tenant: tenantId, version: chosen },
          'A VERSION THAT IS ASKED FOR CAN NOT BE SERVED',
        )
        if (old || pinned !== null) throw error
      }
    }
    // Not the promoted version, and not said to be: it is tried again.
    return this.assemble(tenant, length, null)
  }

  /**
   * Builds a model of a version that nobody is to be served by. @param version null: of the base
   * @throws AppError NOT_FOUND where the tenant or the version is gone, Error where it can't be read
   */
  async buildOf(tenantId: string, version: string | null): Promise<LiveModel> {
    const tenant = await this.tenants.get(tenantId)
    const length = tenant.embeddingLength ?? TEXT_LENGTH
    const isBase = version === null || version === BASE_VERSION
    return this.assemble(tenant, length, isBase ? null : await this.read(tenantId, version, length))
  }

  /**
   * Reads what came since, into the model.
   * @param watchedSince what was accepted since then shows how soon the model takes things in; milliseconds since 1970
   */
  async catchUp(model: LiveModel, watchedSince: number): Promise<void> {
    const position = this.positions.get(model)
    if (!position) throw new Error('a model that was not built here')
    const { tenantId } = model
    // Ages are those of when the page was read.
    const measure = (kind: FreshKind, age: number, readAt: number) => {
      const seconds = age + (performance.now() - readAt) / 1000
      if (seconds * 1000 <= Date.now() - watchedSince) this.freshness.taken(kind, tenantId, seconds)
    }
    const changes = new Map<string, number>()
    position.items = await this.items.changesSince(tenantId, position.items, async (page, accepted) => {
      const readAt = performance.now()
      for (let from = 0; from < page.length; from += ITEMS_AT_ONCE) {
        const part = page.slice(from, from + ITEMS_AT_ONCE)
        model.receiveItems(part)
        for (const [place, { itemId, deleted }] of part.entries()) {
          const { at, age } = accepted[from + place]
          if (!deleted && position.accepted.get(itemId) !== at) measure('item', age, readAt)
          changes.set(itemId, at)
        }
        await setImmediate()
      }
    })
    position.accepted = changes
    const seen = new Set<number>()
    position.events = await this.events.writtenSince(tenantId, position.events, (page) => {
      const readAt = performance.now()
      const fresh = page.filter(({ arrival }) => !position.read.has(Number(arrival)))
      for (const { arrival } of page) seen.add(Number(arrival))
      model.receiveEvents(fresh)
      for (const { age = 0 } of fresh) measure('event', age, readAt)
    })
    position.read = seen
  }

  /** Of these models those that have something to take in, or should be built anew. */
  async withNews(models: LiveModel[]): Promise<Set<LiveModel>> {
    const due = (model: LiveModel) => model.isStale !== null || Date.now() - model.builtAt > REBUILD_AFTER_MS
    const reads = models.map((model) => {
      const { items = '0', events = '0', mark = null } = this.positions.get(model) ?? {}
      return { tenantId: model.tenantId, items, events, mark: due(model) ? null : mark }
    })
    const news = await this.news.since(reads)
    return new Set(models.filter((_, i) => news[i]))
  }

  /** Whether the tenant is as it was when this model was looked at last. */
  isMarked(model: LiveModel, mark: string | null): boolean {
    return mark !== null && this.positions.get(model)?.mark === mark
  }

  /** The model has been looked at. @param mark from before that; null: there is something left to do */
  looked(model: LiveModel, mark: string | null): void {
    const position = this.positions.get(model)
    if (position) position.mark = mark
  }

  /** Of these models those that may count a user who is erased, and for how long, milliseconds. */
  async knowingErased(models: LiveModel[]): Promise<Map<LiveModel, number>> {
    const reads = models.map((model) => ({ tenantId: model.tenantId, moment: this.positions.get(model)?.moment ?? '' }))
    const erased = await this.users.erasedSince(reads)
    return new Map(
      models.flatMap((model, i) => {
        const ago = erased[i]
        return ago === null ? [] : [[model, ago] as const]
      }),
    )
  }

  /** Whether the model is of this very tenant, not of one that had its id before. */
  isOf(model: LiveModel, { createdAt }: Tenant): boolean {
    return this.positions.get(model)?.tenantMade === createdAt.getTime()
  }

  /** Why the model should be built anew, if it should. */
  outdated(model: LiveModel, tenant: Tenant): string | null {
    const position = this.positions.get(model)
    if (!position) return null
    if (model.isStale) return model.isStale
    if ((tenant.embeddingLength ?? TEXT_LENGTH) !== model.catalog.length) return 'the tenant brings vectors of its own'
    if (model.versionId === null && position.settings !== baseKey(tenant)) return 'settings were changed'
    if (model.versionId === null && model.catalog.vectorCount > OUTGROWN * position.fitted)
      return 'the catalogue has outgrown its text space'
    if (model.eventCount > 2 * COUNTED_EVENTS) return 'more events than are counted'
    if (Date.now() - model.builtAt > REBUILD_AFTER_MS) return 'a day has passed'
    return null
  }

  private async read(tenantId: string, id: string, length: number): Promise<Version> {
    const file = decodeVersion(await this.versions.readArtifact(tenantId, id, VERSION_ARTIFACT))
    if (file.textSpace.length !== length)
      throw new Error(`the version is for vectors of ${file.textSpace.length}, the items have ${length}`)
    return { id, file }
  }

  /** By the read replica where it is current: most of what the database has to read is read for this. */
  private async assemble(tenant: Tenant, length: number, version: Version | null): Promise<LiveModel> {
    const replica = this.database.replica()
    if (replica)
      try {
        const model = await this.assembleBy(replica, tenant, length, version)
        // What the replica does not have yet.
        await this.catchUp(model, Infinity).catch((error: unknown) => {
          model.retire()
          throw error
        })
        return model
      } catch (error) {
        if (!isPassing(error)) throw error
        this.logger.warn({ err: error, tenant: tenant.id }, 'could not load a model by the read replica')
      }
    return this.assembleBy(this.database, tenant, length, version)
  }

  private async assembleBy(reads: Reads, tenant: Tenant, length: number, version: Version | null): Promise<LiveModel> {
    const { id: tenantId, baseModel, settings, createdAt } = tenant
    const moment = await this.users.moment(tenantId, reads)
    const file = version?.file
    const types: EventType[] = file?.eventTypes ?? eventTypeTable(settings)
    const blend = file?.blend ?? completeBlend(shippedBlend(baseModel), settings.training.without)
    const catalog = new CatalogMirror(length, file?.itemIds)
    const words = asks(blend, 'lexical') ? new LiveWords() : null
    const { raw, horizon: itemsRead } = await this.tracing.inner('read items', {}, () =>
      readCatalog(this.items, tenantId, catalog, words, reads),
    )
    const { log, arrivals, unknown, horizon } = await this.tracing.inner('read events', {}, () =>
      readEventLog(this.events, tenantId, settings, types, catalog, reads),
    )
    const fitted = catalog.vectorCount
    const preparation = {
      itemCount: catalog.size,
      length,
      vectors: raw.pages,
      space: file?.textSpace ?? null,
      prior: length === TEXT_LENGTH ? shippedPrior() : null,
      tokens: words && words.tokens.toArrays(),
      events: log.columns(),
      userCount: log.userCount,
      types,
      counts: file?.counts ?? null,
    }
    const prepared = await this.tracing.inner('prepare model', {}, () => prepareAside(preparation))
    catalog.text = TextMatrix.fromArrays(prepared.text)
    await setImmediate()
    const counts = Counts.fromArrays(prepared.counts, prepared.countSettings)
    await setImmediate()
    const network = file?.network && Network.fromArrays(file.network.config, file.network.arrays)
    const model = new LiveModel({
      tenantId,
      versionId: version?.id ?? null,
      catalog,
      log,
      counts,
      space: prepared.space,
      types,
      blend,
      network: network ? new LiveNetwork(network, catalog) : null,
      words: prepared.words && LiveWords.fromArrays(prepared.words),
    })
    for (const itemId of unknown) model.await(itemId)
    this.positions.set(model, {
      items: itemsRead,
      events: horizon,
      read: arrivals,
      accepted: new Map(),
      settings: baseKey({ baseModel, settings }),
      fitted,
      mark: this.tenants.markOf(tenant),
      moment,
      tenantMade: createdAt.getTime(),
    })
    return model
  }
}

const keyOf = (tenantId: string, versionId: string | null) => JSON.stringify([tenantId, versionId])
