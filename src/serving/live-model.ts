import type { CatalogItem } from '../catalog/item.js'
import type { WrittenEvent } from '../events/event.js'
import type { Counts } from '../model/counts.js'
import { type Blend, type Contribution, Ensemble } from '../model/ensemble.js'
import { evidenceOf, type EventType, type Interaction } from '../model/history.js'
import { type TextSpace, whiten } from '../model/text-space.js'
import { BASE_VERSION } from '../registry/versions.service.js'
import { typeReader } from '../tenants/settings.js'
import { type Availability, availabilityAt } from './availability.js'
import type { CatalogMirror } from './catalog-mirror.js'
import type { EventLog } from './event-log.js'
import type { LiveNetwork } from './live-network.js'
import type { LiveWords } from './live-words.js'
import type { Source } from './recommend.schema.js'
import type { PastEvent, Scored } from './scored.js'
import { demandScores, largestOf, recencyOf } from './rules.js'

export interface ModelParts {
  tenantId: string
  /** Null: the base. */
  versionId: string | null
  catalog: CatalogMirror
  log: EventLog
  counts: Counts
  space: TextSpace
  types: EventType[]
  blend: Blend
  network: LiveNetwork | null
  /** Null: the blend does not ask for them. */
  words: LiveWords | null
}

/** Events that a user is scored by, the newest: as many as in evaluation. */
const SCORED_BACK = 200
/** Events that a live count looks back on. */
const COUNTED_BACK = 250
/** Of the largest decayed count. */
const TREND_SHARE = 0.01
const UNKNOWN: Availability = { items: new Uint32Array(), from: 0, until: 0 }
const nothing = (items: number[]): Contribution[][] => items.map(() => [])

/**
 * A tenant's recommender in memory: the catalogue, the counts and one model version, all in the index space of that
 * version. What is not of the version (items, events) is kept current from outside; the version itself never changes.
 */
export class LiveModel {
  readonly tenantId: string
  readonly versionId: string | null
  readonly catalog: CatalogMirror
  readonly builtAt = Date.now()
  private readonly placeOf: ReturnType<typeof typeReader>
  private readonly evidence: Uint8Array
  private readonly evidenceWeights: number[]
  /** Items that events named before the catalogue did. */
  private readonly awaited = new Set<string>()
  private staleBecause: string | null = null
  private ensemble: Ensemble | null = null
  private availability = UNKNOWN
  private users = 0
  private retired = false

  constructor(private readonly parts: ModelParts) {
    const { tenantId, versionId, catalog, types, counts } = parts
    this.tenantId = tenantId
    this.versionId = versionId
    this.catalog = catalog
    this.placeOf = typeReader(types)
    this.evidence = evidenceOf(types)
    this.evidenceWeights = counts.settings.types.map(({ weight }, index) => (this.evidence[index] ? weight : 0))
  }

  /** As answers name it. */
  get version(): string {
    return this.versionId ?? BASE_VERSION
  }

  get itemCount(): number {
    return this.catalog.size
  }

  get eventCount(): number {
    return this.parts.log.size
  }

  get types(): EventType[] {
    return this.parts.types
  }

  /** Why what was counted is no longer what is stored, so that only a new model is right; null: it is right. */
  get isStale(): string | null {
    return this.staleBecause
  }

  /** The model should be built anew. */
  markStale(reason: string): void {
    this.staleBecause = reason
  }

  /** Estimated memory. */
  get bytes(): number {
    const { catalog, log, network, words } = this.parts
    // Pairs: at most 200 followers of 8 bytes in each of two settings, and no more than the events make.
    const pairs = Math.min(catalog.size * 3200, log.size * 160)
    const parts = [catalog, log, network, words].reduce((sum, part) => sum + (part?.bytes ?? 0), 0)
    return parts + pairs + 4 * catalog.length ** 2
  }

  /** Keeps the model whole until `release`. */
  retain(): void {
    this.users++
  }

  release(): void {
    this.users--
    if (this.retired && this.users === 0) this.dispose()
  }

  /** Not to be asked any more; frees what it holds once nobody is in the middle of asking. */
  retire(): void {
    this.retired = true
    if (this.users === 0) this.dispose()
  }

  /** The index of an item that is in the catalogue now. */
  itemOf(itemId: string): number | undefined {
    const index = this.catalog.indexOf(itemId)
    return index !== undefined && this.catalog.at(index) ? index : undefined
  }

  /** Items that may be recommended at this moment, in ascending order. Not to be written to. */
  available(now: number): Uint32Array {
    const { items, from, until } = this.availability
    if (now >= from && now < until) return items
    this.availability = availabilityAt(this.catalog, now)
    return this.availability.items
  }

  /** Since when an item is there: its own word, or when it was first accepted. */
  since(item: number): number | null {
    const served = this.catalog.at(item)
    return (served?.publishedAt ?? served?.createdAt)?.getTime() ?? null
  }

  /** What a user is scored by: the newest events of items that are known. */
  interactions(past: PastEvent[]): Interaction[] {
    const history: Interaction[] = []
    for (const { itemId, type, value, at } of past) {
      const item = this.catalog.indexOf(itemId)
      if (item !== undefined) history.push({ item, type: this.placeOf(type ?? 'view', value), at })
    }
    return history.length > SCORED_BACK ? history.slice(-SCORED_BACK) : history
  }

  /**
   * Scores for one user; for one who did nothing that says what he wants, those of what is trending.
   * @param history oldest first @param among the items that the user could get
   */
  score(history: Interaction[], among: Uint32Array, now: number): Scored {
    if (!history.some(({ type }) => this.evidence[type])) return this.trending(among, now)
    const eligible = this.mask(among)
    const user = this.weighedNetwork?.encode(history, now)
    const scored = this.scoring().reasoned(history, now, eligible, user)
    return { ...scored, sourceOf: () => this.personalSource }
  }

  /** Scores as more of the same. */
  similar(item: number, among: Uint32Array, now: number): Scored {
    const scores = this.scoring().similar(item, now, this.mask(among))
    return { scores, sourceOf: () => this.personalSource, explain: nothing }
  }

  /**
   * What is wanted now, before that what is popular, before that what is new. Scores are logarithms of shares of the most
   * wanted.
   * @param hours counts the events of so many hours; without it newer events weigh more
   */
  trending(among: Uint32Array, now: number, hours?: number): Scored {
    const { counts, log } = this.parts
    const wanted = new Float64Array(this.catalog.size)
    if (hours === undefined) wanted.set(counts.recent(now, new Float32Array(this.catalog.size)))
    else log.weighSince(now - hours * 3_600_000, this.evidenceWeights, wanted)
    // Decayed counts never quite reach zero: what is left of old ones is no trend.
    const least = hours === undefined ? largestOf(wanted, among) * TREND_SHARE : 0
    return {
      scores: this.byDemand(among, now, wanted),
      sourceOf: (item) => (wanted[item] > least ? 'trending' : 'popular'),
      explain: nothing,
    }
  }

  /** What has been wanted most ever, before that what is new. */
  popular(among: Uint32Array, now: number): Scored {
    return { scores: this.byDemand(among, now), sourceOf: () => 'popular', explain: nothing }
  }

  private dispose(): void {
    this.parts.network?.dispose()
  }

  private byDemand(among: Uint32Array, now: number, wanted?: Float64Array): Float64Array {
    const popularity = this.parts.counts.popular(new Float32Array(this.catalog.size))
    return demandScores(among, wanted, popularity, (item) => recencyOf(this.since(item), now))
  }

  /** Takes in items that are new, changed or gone. The same items again change nothing. */
  receiveItems(items: CatalogItem[]): void {
    const { catalog, space, network, words } = this.parts
    const changed: number[] = []
    const raw: Float32Array[] = []
    for (const item of items) {
      if (this.awaited.delete(item.itemId)) this.markStale('items came that earlier events are of')
      const index = catalog.put(item)
      if (!item.deleted) words?.put(catalog.indexOf(item.itemId)!, item)
      if (index === null) continue
      changed.push(index)
      raw.push(item.vector?.length === space.length ? item.vector : new Float32Array(space.length))
    }
    const rows = new Float32Array(raw.length * space.length)
    raw.forEach((vector, i) => rows.set(vector, i * space.length))
    const white = whiten(space, rows)
    changed.forEach((index, i) => catalog.text.set(index, white.subarray(i * space.length, (i + 1) * space.length)))
    network?.update(changed)
    if (words?.isOutgrown) this.markStale('the catalogue has outgrown the index of its words')
    this.ensemble = null
    this.availability = UNKNOWN
  }

  /** Counts new events, each given once; ordered by time, ties by arrival. */
  receiveEvents(events: WrittenEvent[]): void {
    const { log, counts } = this.parts
    for (const { userId, itemId, type, value, occurredAt } of events) {
      const item = this.catalog.indexOf(itemId)
      if (item === undefined) {
        this.await(itemId)
        continue
      }
      const event = { item, type: this.placeOf(type, value), at: occurredAt.getTime() }
      if (log.isRepeat(userId, event)) continue
      const row = log.append(userId, event)
      counts.add(log.previous(row, COUNTED_BACK), event)
    }
  }

  /** Notes an item that an event named and the catalogue does not have. */
  await(itemId: string): void {
    // Ids come from outside: past this many, an item that arrives is counted from its next event on.
    if (this.awaited.size < 100_000) this.awaited.add(itemId)
  }

  /** The network where the blend gives it a say: to ask it is most of a request's cost. */
  private get weighedNetwork(): LiveNetwork | null {
    const { blend, network } = this.parts
    return blend.sparse.network > 0 || blend.dense.network > 0 ? network : null
  }

  private get personalSource(): Source {
    return this.versionId === null ? 'base' : 'fine-tuned'
  }

  private scoring(): Ensemble {
    const { catalog, counts, blend, network, words } = this.parts
    return (this.ensemble ??= new Ensemble({
      itemCount: catalog.size,
      text: catalog.text,
      lexical: words?.current,
      published: catalog.published,
      counts,
      blend,
      ...(network && { network: network.parts }),
    }))
  }

  private mask(items: Uint32Array): Uint8Array {
    const mask = new Uint8Array(this.catalog.size)
    for (const item of items) mask[item] = 1
    return mask
  }
}
