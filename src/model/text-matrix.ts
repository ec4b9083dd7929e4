import { products } from './products.js'

/** Rows of numbers that are read a block at a time, so that nobody has to hold them all. */
export interface VectorRows {
  readonly items: number
  /** Numbers of a row. */
  readonly length: number
  /** The rows from `from` up to, not including, `to`, one after another. */
  block(from: number, to: number): Float32Array
}

/** A matrix [n, length] as rows; rows as they are. */
export function rowsOf(vectors: Float32Array | VectorRows, length: number): VectorRows {
  if (!(vectors instanceof Float32Array)) {
    if (vectors.length !== length) throw new Error(`Rows of ${vectors.length} numbers are not rows of ${length}`)
    return vectors
  }
  const items = vectors.length / length
  if (!Number.isInteger(items)) throw new Error(`${vectors.length} numbers are not rows of ${length}`)
  return { items, length, block: (from, to) => vectors.subarray(from * length, to * length) }
}

const HIGHEST = 127
/** Codes in one 32-bit word. */
const LANES = 4

/**
 * Whitened text vectors, a row for each item, in a quarter of the memory: every number is a byte, times a scale that its
 * row shares. A row loses about 1 % of its length, a dot product of unit rows about .0005, far below what parts two texts.
 * Training, evaluation and serving all read the same rows, so what one measures is what the other does.
 */
export class TextMatrix implements VectorRows {
  /** Rows begin at whole words: products are of four codes at once, or more. */
  private readonly stride: number
  private count: number

  private constructor(
    readonly length: number,
    private codes: Int8Array,
    private scales: Float32Array,
  ) {
    this.stride = strideOf(length)
    this.count = scales.length
    if (codes.length !== this.count * this.stride || codes.byteOffset % LANES !== 0)
      throw new Error(`${codes.length} codes are not ${scales.length} rows of ${length}`)
  }

  /** Rows of zeros: of items without a text. */
  static empty(length: number, items = 0): TextMatrix {
    return new TextMatrix(length, new Int8Array(items * strideOf(length)), new Float32Array(items))
  }

  /** @param vectors [n, length] */
  static from(vectors: Float32Array, length: number): TextMatrix {
    const matrix = TextMatrix.empty(length, rowsOf(vectors, length).items)
    matrix.setRows(0, vectors)
    return matrix
  }

  /** What `toArrays` gave, for instance in another thread. */
  static fromArrays({ length, codes, scales }: ReturnType<TextMatrix['toArrays']>): TextMatrix {
    return new TextMatrix(length, codes, scales)
  }

  /** The rows themselves, not a copy. */
  toArrays() {
    return {
      length: this.length,
      codes: this.codes.subarray(0, this.count * this.stride),
      scales: this.scales.subarray(0, this.count),
    }
  }

  /** Moves the rows to memory that threads can share: they get the rows themselves then, not a copy. */
  share(): void {
    const { length, codes, scales } = this.toArrays()
    if (codes.buffer instanceof SharedArrayBuffer) return
    this.codes = new Int8Array(new SharedArrayBuffer(this.count * strideOf(length)))
    this.codes.set(codes)
    this.scales = new Float32Array(new SharedArrayBuffer(4 * this.count))
    this.scales.set(scales)
  }

  get items(): number {
    return this.count
  }

  get bytes(): number {
    return this.codes.byteLength + this.scales.byteLength
  }

  /** Makes room for items up to `items`, without texts. Doubles: items often arrive one at a time. */
  grow(items: number): void {
    if (items <= this.count) return
    if (items > this.scales.length) {
      const capacity = Math.max(items, 2 * this.scales.length)
      const { codes, scales } = this
      this.codes = new Int8Array(capacity * this.stride)
      this.codes.set(codes)
      this.scales = new Float32Array(capacity)
      this.scales.set(scales)
    }
    this.count = items
  }

  /** Writes one row. @param vector [length] */
  set(item: number, vector: Float32Array): void {
    this.setRows(item, vector)
  }

  /** Writes rows one after another. @param vectors [n, length] */
  setRows(from: number, vectors: Float32Array): void {
    const { length, stride } = this
    const to = from + vectors.length / length
    if (!Number.isInteger(to) || to > this.count) throw new Error(`There are no rows ${from} to ${to} of ${this.count}`)
    for (let item = from, at = 0; item < to; item++, at += length) {
      let largest = 0
      for (let j = 0; j < length; j++) largest = Math.max(largest, Math.abs(vectors[at + j]))
      this.scales[item] = largest / HIGHEST
      const factor = largest > 0 ? HIGHEST / largest : 0
      for (let j = 0; j < length; j++) this.codes[item * stride + j] = Math.round(vectors[at + j] * factor)
    }
  }

  /** Whether the item has no text. */
  isEmpty(item: number): boolean {
    return this.scales[item] === 0
  }

  block(from: number, to: number): Float32Array {
    const out = new Float32Array((to - from) * this.length)
    for (let item = from; item < to; item++) this.decode(item, out, (item - from) * this.length)
    return out
  }

  /** The rows of these items, one after another: [items, length]. */
  gather(items: ArrayLike<number>): Float32Array {
    const out = new Float32Array(items.length * this.length)
    for (let i = 0; i < items.length; i++) this.decode(items[i], out, i * this.length)
    return out
  }

  /** The dot product of `vector` with each of the first `count` rows, [count]. */
  products(vector: Float32Array, count = this.count): Float32Array {
    const { codes, stride, scales } = this
    const out = products(codes, stride, vector, count)
    for (let item = 0; item < count; item++) out[item] *= scales[item]
    return out
  }

  /** The dot product of two rows. */
  product(left: number, right: number): number {
    const { codes, stride, scales } = this
    let sum = 0
    for (let j = 0; j < stride; j++) sum += codes[left * stride + j] * codes[right * stride + j]
    return sum * scales[left] * scales[right]
  }

  private decode(item: number, out: Float32Array, at: number): void {
    const from = item * this.stride
    const scale = this.scales[item]
    for (let j = 0; j < this.length; j++) out[at + j] = this.codes[from + j] * scale
  }
}

const strideOf = (length: number) => Math.ceil(length / LANES) * LANES
