import type { LiveModel } from './live-model.js'

/** A model's place in memory. */
export class Entry {
  model: LiveModel | null = null
  building: Promise<LiveModel> | null = null
  refreshing: Promise<void> | null = null
  usedAt = 0
  refreshedAt = 0
  /** When a rebuild for freshness may come next. */
  restsUntil = 0
  /** Since when the model that is there is asked for: what it takes in of before says nothing of how soon it does. */
  watchedSince = 0

  /** @param pinned the version that it stays at (`base` for that of no version); null: whatever is promoted */
  constructor(
    readonly tenantId: string,
    readonly pinned: string | null,
  ) {}
}

/** A model that nobody has asked for since. */
export const IDLE_AFTER_MS = 60_000

export const isIdle = ({ usedAt }: Entry, now = Date.now()) => now - usedAt > IDLE_AFTER_MS

/** The models in memory by tenant and by the version that is asked for, least recently used first to go. */
export class ModelCache {
  private readonly entries = new Map<string, Entry>()
  /** Bytes of the budget that something else takes. */
  reserved = 0

  /** @param budget bytes that all models together may take */
  constructor(private readonly budget: number) {}

  /** The entry, made where there is none. */
  entryOf(tenantId: string, pinned: string | null = null): Entry {
    const key = keyOf(tenantId, pinned)
    const entry = this.entries.get(key) ?? new Entry(tenantId, pinned)
    this.entries.set(key, entry)
    return entry
  }

  find(tenantId: string, pinned: string | null): Entry | undefined {
    return this.entries.get(keyOf(tenantId, pinned))
  }

  has(entry: Entry): boolean {
    return this.entries.get(keyOf(entry.tenantId, entry.pinned)) === entry
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
    return this.bytes > this.budget - this.reserved
  }

  drop(entry: Entry): void {
    if (!this.has(entry)) return
    this.entries.delete(keyOf(entry.tenantId, entry.pinned))
    entry.model?.retire()
  }

  /**
   * Drops what was used longest ago until the rest fits; never `keep`, never the last one used.
   * @param before nothing that was used since then, ms since the epoch
   * @returns what was dropped
   */
  evict(keep?: Entry, before = Infinity): Entry[] {
    const dropped: Entry[] = []
    let total = this.bytes
    const oldestFirst = this.loaded().sort((a, b) => a.usedAt - b.usedAt)
    for (const entry of oldestFirst.slice(0, -1)) {
      if (total <= this.budget - this.reserved || entry.usedAt >= before) break
      if (entry === keep || entry.building) continue
      total -= entry.model?.bytes ?? 0
      this.drop(entry)
      dropped.push(entry)
    }
    return dropped
  }
}

const keyOf = (tenantId: string, pinned: string | null) => JSON.stringify([tenantId, pinned])
