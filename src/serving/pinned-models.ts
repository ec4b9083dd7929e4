import type { ExperimentsService } from '../online/experiments.service.js'
import type { Logger } from '../platform/logger.js'
import type { ModelBuilder } from './model-builder.service.js'
import type { ModelCache } from './model-cache.js'
import type { ModelKeeper } from './model-keeper.js'

/** Has the models of the versions at hand that experiments serve beside the promoted ones, and puts away those that none does any more. */
export class PinnedModels {
  /** A build holds a catalogue twice over: one at a time. */
  private isBuilding = false

  constructor(
    private readonly cache: ModelCache,
    private readonly keeper: ModelKeeper,
    private readonly builder: ModelBuilder,
    private readonly experiments: ExperimentsService,
    private readonly logger: Logger,
  ) {}

  /** Looks once, at all tenants in memory. @param usedSince nothing is built for tenants that nobody asked for since, ms since the epoch */
  async follow(usedSince: number): Promise<void> {
    const entries = this.cache.loaded()
    if (entries.length === 0) return
    const pinsOf = await this.experiments.pinsOf([...new Set(entries.map(({ tenantId }) => tenantId))])
    const promoted = new Map(entries.flatMap((entry) => (entry.pinned === null ? [[entry.tenantId, entry]] : [])))
    for (const entry of entries) {
      const { tenantId, pinned } = entry
      if (pinned === null) continue
      if (pinsOf.get(tenantId)?.has(pinned) && promoted.get(tenantId)?.model?.version !== pinned) continue
      this.logger.info({ tenant: tenantId, version: pinned }, 'put a model away: no experiment needs it any more')
      this.cache.drop(entry)
    }
    for (const [tenantId, { usedAt, model }] of promoted) {
      if (usedAt < usedSince) continue
      for (const version of pinsOf.get(tenantId) ?? []) if (version !== model?.version) this.prepare(tenantId, version)
    }
  }

  /** Builds a version's model, unless it is there or another is being built: nobody waits for it, and the next look is soon. */
  private prepare(tenantId: string, version: string): void {
    if (this.isBuilding || this.builder.isGivenUp(tenantId, version)) return
    const entry = this.cache.entryOf(tenantId, version)
    if (entry.model || entry.building) return
    entry.usedAt = Date.now()
    this.isBuilding = true
    this.keeper
      .build(entry)
      .catch((error: unknown) => {
        this.logger.warn({ err: error, tenant: tenantId, version }, 'could not build the model of an experiment')
      })
      .finally(() => (this.isBuilding = false))
  }
}
