import { evidenceOf, type EventType, type Histories, type Interaction } from '../model/history.js'

/**
 * EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data"): the linear item-to-item weights with a zero
 * diagonal that best foretell each user's items from the others, in closed form. Items that nobody had are left out of it.
 */
export class Ease {
  private constructor(
    private readonly evidence: Uint8Array,
    /** Items of the matrix, and the place of each item of the catalogue in it, -1 for none. */
    private readonly items: Uint32Array,
    private readonly places: Int32Array,
    /** P = (XᵀX + lambda)⁻¹, [items, items] */
    private readonly inverse: Float64Array,
  ) {}

  /** How many items the matrix would have: time grows with its third power, memory with its second. */
  static size(histories: Histories, itemCount: number, types: EventType[]): number {
    return itemsOf(histories, itemCount, evidenceOf(types)).length
  }

  /** @param lambda regularisation: added to each item's number of users */
  static from(histories: Histories, itemCount: number, types: EventType[], lambda: number): Ease {
    const evidence = evidenceOf(types)
    const items = itemsOf(histories, itemCount, evidence)
    const places = new Int32Array(itemCount).fill(-1)
    items.forEach((item, place) => (places[item] = place))
    const gram = gramOf(histories, evidence, places, items.length)
    for (let i = 0; i < items.length; i++) gram[i * items.length + i] += lambda
    return new Ease(evidence, items, places, invert(gram, items.length))
  }

  /**
   * Writes each item's score after `history` (oldest first) into `out` [items of the catalogue]; -Infinity for what nobody had.
   * @param decay the k-th newest item weighs k to the power of minus this: 0 is the method as published
   */
  score(history: Interaction[], out: Float32Array, decay = 0): Float32Array {
    const { items, places, inverse, evidence } = this
    const size = items.length
    const known = new Set<number>()
    for (let at = history.length - 1; at >= 0; at--)
      if (evidence[history[at].type] && places[history[at].item] >= 0) known.add(places[history[at].item])
    const sums = new Float64Array(size)
    const own = new Float64Array(size)
    let k = 0
    for (const place of known) {
      const weight = (++k) ** -decay
      const from = place * size
      for (let j = 0; j < size; j++) sums[j] += weight * inverse[from + j]
      own[place] = weight
    }
    out.fill(-Infinity)
    // B = I - P / diag(P), and 0 on the diagonal: an item does not foretell itself.
    for (let j = 0; j < size; j++) out[items[j]] = own[j] - sums[j] / inverse[j * size + j]
    return out
  }
}

function itemsOf(histories: Histories, itemCount: number, evidence: Uint8Array): Uint32Array {
  const had = new Uint8Array(itemCount)
  histories.items.forEach((item, row) => {
    if (evidence[histories.types[row]]) had[item] = 1
  })
  return Uint32Array.from(had.keys()).filter((item) => had[item] === 1)
}

/** How many users had both, [size, size]. */
function gramOf({ offsets, items, types }: Histories, evidence: Uint8Array, places: Int32Array, size: number) {
  const gram = new Float64Array(size * size)
  for (let user = 0; user + 1 < offsets.length; user++) {
    const had = new Set<number>()
    for (let row = offsets[user]; row < offsets[user + 1]; row++) if (evidence[types[row]]) had.add(places[items[row]])
    const list = Uint32Array.from(had)
    for (const i of list) for (const j of list) gram[i * size + j]++
  }
  return gram
}

/** Rows and columns of a block: two of 48 rows by 256 columns lie in a core's second cache. */
const BLOCK = 48
const DEPTH = 256

/**
 * The inverse of a symmetric positive definite matrix [size, size], which it overwrites: Cholesky, L⁻¹ and their product,
 * each mostly made of products of rows with rows, which are the only fast ones where matrices lie row by row.
 * @throws Error where the matrix is not positive definite
 */
export function invert(matrix: Float64Array, size: number): Float64Array {
  factorise(matrix, size)
  const inverse = invertedFactor(matrix, size)
  multiply(inverse, matrix, size)
  return matrix
}

/** The lower half becomes L of A = L Lᵀ. */
function factorise(a: Float64Array, size: number): void {
  for (let left = 0; left < size; left += BLOCK) {
    const right = Math.min(size, left + BLOCK)
    for (let top = left; top < size; top += BLOCK)
      subtractProducts(a, top, Math.min(size, top + BLOCK), a, left, right, 0, left, a, size)
    for (let i = left; i < size; i++)
      for (let j = left; j < Math.min(right, i + 1); j++) {
        let sum = a[i * size + j]
        for (let k = left; k < j; k++) sum -= a[i * size + k] * a[j * size + k]
        if (i === j && !(sum > 0)) throw new Error('The matrix is not positive definite')
        a[i * size + j] = i === j ? Math.sqrt(sum) : sum / a[j * size + j]
      }
  }
}

/** The transpose of L⁻¹: an upper half, whose row j is column j of L⁻¹. */
function invertedFactor(l: Float64Array, size: number): Float64Array {
  const m = new Float64Array(size * size)
  for (let left = 0; left < size; left += BLOCK) {
    const right = Math.min(size, left + BLOCK)
    for (let i = left; i < right; i++) m[i * size + i] = 1
    for (let top = 0; top < right; top += BLOCK) {
      const bottom = Math.min(right, top + BLOCK)
      subtractProducts(m, top, bottom, l, left, right, top, left, m, size)
      for (let j = top; j < bottom; j++)
        for (let i = Math.max(j, left); i < right; i++) {
          let sum = m[j * size + i]
          for (let k = Math.max(j, left); k < i; k++) sum -= m[j * size + k] * l[i * size + k]
          m[j * size + i] = sum / l[i * size + i]
        }
    }
  }
  return m
}

/** out = M Mᵀ of an upper half M: both halves of a symmetric matrix. */
function multiply(m: Float64Array, out: Float64Array, size: number): void {
  out.fill(0)
  for (let left = 0; left < size; left += BLOCK) {
    const right = Math.min(size, left + BLOCK)
    for (let top = left; top < size; top += BLOCK)
      subtractProducts(m, top, Math.min(size, top + BLOCK), m, left, right, top, size, out, size)
  }
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) out[j * size + i] = out[i * size + j] = -out[i * size + j]
}

/**
 * out[i, j] -= the product of row i of `a` with row j of `b` from column `from` up to `to`, for the rows [top, bottom) and
 * [left, right). Nine sums at a time: as many as a core keeps at hand, for six numbers that are read.
 */
function subtractProducts(
  a: Float64Array,
  top: number,
  bottom: number,
  b: Float64Array,
  left: number,
  right: number,
  from: number,
  to: number,
  out: Float64Array,
  size: number,
): void {
  for (let start = from; start < to; start += DEPTH) {
    const end = Math.min(to, start + DEPTH)
    for (let i = top; i < bottom; i += 3) {
      const rows = Math.min(3, bottom - i)
      const a0 = i * size
      const a1 = rows > 1 ? a0 + size : a0
      const a2 = rows > 2 ? a1 + size : a1
      for (let j = left; j < right; j += 3) {
        const columns = Math.min(3, right - j)
        const b0 = j * size
        const b1 = columns > 1 ? b0 + size : b0
        const b2 = columns > 2 ? b1 + size : b1
        let [s00, s01, s02, s10, s11, s12, s20, s21, s22] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
        for (let k = start; k < end; k++) {
          const x0 = a[a0 + k]
          const x1 = a[a1 + k]
          const x2 = a[a2 + k]
          const y0 = b[b0 + k]
          const y1 = b[b1 + k]
          const y2 = b[b2 + k]
          s00 += x0 * y0
          s01 += x0 * y1
          s02 += x0 * y2
          s10 += x1 * y0
          s11 += x1 * y1
          s12 += x1 * y2
          s20 += x2 * y0
          s21 += x2 * y1
          s22 += x2 * y2
        }
        out[a0 + j] -= s00
        if (columns > 1) out[a0 + j + 1] -= s01
        if (columns > 2) out[a0 + j + 2] -= s02
        if (rows > 1) {
          out[a1 + j] -= s10
          if (columns > 1) out[a1 + j + 1] -= s11
          if (columns > 2) out[a1 + j + 2] -= s12
        }
        if (rows > 2) {
          out[a2 + j] -= s20
          if (columns > 1) out[a2 + j + 1] -= s21
          if (columns > 2) out[a2 + j + 2] -= s22
        }
      }
    }
  }
}
