import type { LiveModel } from './live-model.js'

/** A tenant's place among the models in memory. */
export class Entry {
  model: LiveModel | null = null
  building: Promise<LiveModel> | null = null
  refreshing: Promise<void> | null = null
  usedAt = 0
  refreshedAt = 0
  /** When a rebuild for freshness may come next. */
  restsUntil = 0

  constructor(readonly tenantId: string) {}
}

/** The models in memory by tenant, least recently used first to go. */
export class ModelCache {
  private readonly entries = new Map<string, Entry>()

  /** @param budget bytes that all models together may take */
  constructor(private readonly budget: number) {}

  /** The tenant's entry, made where there is none. */
  entryOf(tenantId: string): Entry {
    const entry = this.entries.get(tenantId) ?? new Entry(tenantId)
    this.entries.set(tenantId, entry)
    return entry
  }

  has(entry: Entry): boolean {
    return this.entries.get(entry.tenantId) === entry
  }

  get(tenantId: string): Entry | undefined {
    return this.entries.get(tenantId)
  }

  all(): Entry[] {
    return [...this.entries.values()]
  }

  /** Entries that have a model. */
  loaded(): Entry[] {
    return this.all().filter((entry) => entry.model)
  }

  /** Estimated memory of all models. */
  get bytes(): number {
    return this.loaded().reduce((sum, { model }) => sum + (model?.bytes ?? 0), 0)
  }

  get isFull(): boolean {
    return this.bytes > this.budget
  }

  drop(tenantId: string): void {
    const entry = this.entries.get(tenantId)
    this.entries.delete(tenantId)
    entry?.model?.retire()
  }

  /**
   * Drops what was used longest ago until the rest fits; never `keep`, never the last one used.
   * @returns the tenants that were dropped
   */
  evict(keep?: Entry): string[] {
    const dropped: string[] = []
    let total = this.bytes
    const oldestFirst = this.loaded().sort((a, b) => a.usedAt - b.usedAt)
    for (const entry of oldestFirst.slice(0, -1)) {
      if (total <= this.budget) break
      if (entry === keep || entry.building) continue
      total -= entry.model?.bytes ?? 0
      this.drop(entry.tenantId)
      dropped.push(entry.tenantId)
    }
    return dropped
  }
}
