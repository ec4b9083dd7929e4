import type { CatalogItem } from '../catalog/item.js'
import { longer } from '../model/history.js'
import { TextMatrix } from '../model/text-matrix.js'

/** What rules and answers need of an item. */
export type ServedItem = Omit<CatalogItem, 'vector' | 'deleted'>

// What an object of this kind costs in V8 beside its strings.
const ITEM_OVERHEAD_BYTES = 600

// No hash is negative: an item's first vector always counts as changed, a missing one too.
const NEVER_PUT = -1
const NO_VECTOR = 0

/**
 * A tenant's catalogue in index space, with a whitened text for each item. An item keeps its index for good: a deleted
 * one leaves its index empty, and takes it again if it comes back.
 */
export class CatalogMirror {
  readonly ids: string[] = []
  private readonly items: (ServedItem | null)[] = []
  private readonly indices = new Map<string, number>()
  /** Of each raw vector, so that an item that comes again unchanged costs nothing. */
  private readonly hashes: number[] = []
  private rows: TextMatrix
  private textBytes = 0
  private withVector = 0
  private publishing = new Float64Array(64).fill(NaN)

  /**
   * @param length of a vector
   * @param firstIds ids that take the first indices, in this order, whether they are in the catalogue or not: a model
   *   knows its items by index
   */
  constructor(
    readonly length: number,
    firstIds: readonly string[] = [],
  ) {
    this.rows = TextMatrix.empty(length)
    for (const id of firstIds) this.slotFor(id)
  }

  /** Indices in use, those of deleted items among them. */
  get size(): number {
    return this.ids.length
  }

  /** A row an item; an empty one stands for no vector. It changes with the catalogue. */
  get text(): TextMatrix {
    return this.rows
  }

  /** All rows at once, of at most `size` items. */
  set text(rows: TextMatrix) {
    rows.grow(this.size)
    this.rows = rows
  }

  /** When each item was published, milliseconds since 1970, NaN where nobody told; [size]. Until the next `put`. */
  get published(): Float64Array {
    return this.publishing.subarray(0, this.size)
  }

  /** Items that have a vector. */
  get vectorCount(): number {
    return this.withVector
  }

  indexOf(itemId: string): number | undefined {
    return this.indices.get(itemId)
  }

  /** Null where no item of the catalogue is at this index. */
  at(index: number): ServedItem | null {
    return this.items[index] ?? null
  }

  /**
   * Puts an item in its place, or takes it out where it is deleted.
   * @returns its index where it is new or its vector has changed, so that its text has to be set; otherwise null
   */
  put({ vector, deleted, ...item }: CatalogItem): number | null {
    const known = this.indices.get(item.itemId)
    if (deleted) {
      if (known !== undefined) this.replace(known, null)
      return null
    }
    const index = known ?? this.slotFor(item.itemId)
    this.replace(index, item)
    // A vector of another length is from before the tenant brought vectors of its own: it is in no space with the rest.
    const hash = vector?.length === this.length ? hashOf(vector) : NO_VECTOR
    if (hash === this.hashes[index]) return null
    this.withVector += Number(hash !== NO_VECTOR) - Number(this.hashes[index] > NO_VECTOR)
    this.hashes[index] = hash
    return index
  }

  /** Estimated memory. */
  get bytes(): number {
    return this.rows.bytes + this.publishing.byteLength + this.size * ITEM_OVERHEAD_BYTES + this.textBytes
  }

  private replace(index: number, item: ServedItem | null) {
    this.textBytes += textBytes(item) - textBytes(this.items[index])
    this.items[index] = item
    this.publishing[index] = item?.publishedAt?.getTime() ?? NaN
  }

  private slotFor(itemId: string): number {
    const index = this.ids.push(itemId) - 1
    this.indices.set(itemId, index)
    this.items.push(null)
    this.hashes.push(NEVER_PUT)
    this.rows.grow(this.size)
    if (index >= this.publishing.length)
      this.publishing = longer(this.publishing, new Float64Array(2 * index).fill(NaN))
    return index
  }
}

function textBytes(item: ServedItem | null): number {
  if (!item) return 0
  const { title, description, url, imageUrl, categories, attributes } = item
  const strings = [title, description, url, imageUrl, ...categories]
  return strings.reduce((sum, text) => sum + (text?.length ?? 0), 40 * Object.keys(attributes).length)
}

/** FNV-1a over the bits of the numbers; never `NO_VECTOR`. */
function hashOf(vector: Float32Array): number {
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length)
  let hash = 0x811c9dc5
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193)
  return hash >>> 0 || 1
}
