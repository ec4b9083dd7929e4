import type { Counts } from './counts.js'
import { Random } from './random.js'
import { matrixProduct } from './rows.js'
import { addOuterProducts, eigen } from './symmetric.js'

/** A sparse square matrix as compressed rows: row i owns [offsets[i], offsets[i + 1]). */
export interface SparseMatrix {
  offsets: Uint32Array
  columns: Uint32Array
  values: Float32Array
}

// More directions than are wanted, so that the last wanted ones come out right, too.
const SPARE = 16
// Each one sharpens the subspace; six were as good as twelve on public sets.
const ITERATIONS = 6
// What an eigenvector measures below this share of the largest is rounding.
const LEAST_SHARE = 1e-9
// An item met as often as this gets half of a well-known item's length.
const HALF_KNOWN = 3

/**
 * Vectors of items whose dot products follow who was had together: rows of the leading eigenvectors of the pair matrix, by
 * randomized subspace iteration (Halko, Martinsson and Tropp 2011), times their eigenvalues, each row of about unit length;
 * shorter where an item was rarely met, nothing where it never was.
 * @returns [items, dims]
 */
export function pairVectors(counts: Counts, dims: number, seed: number): Float32Array {
  const items = counts.itemCount
  const matrix = counts.pairMatrix()
  const width = Math.min(dims + SPARE, Math.max(1, items))
  let basis = orthonormal(new Random(seed).normals(items * width, 1), width)
  for (let round = 0; round < ITERATIONS; round++) basis = orthonormal(symmetricProduct(matrix, basis, width), width)
  const small = new Float64Array(width * width)
  const image = symmetricProduct(matrix, basis, width)
  for (let row = 0; row < items; row++)
    for (let i = 0; i < width; i++) {
      const value = basis[row * width + i]
      if (value === 0) continue
      for (let j = 0; j < width; j++) small[i * width + j] += value * image[row * width + j]
    }
  const { values, vectors } = eigen(symmetrised(small, width), width)
  const turn = new Float32Array(width * dims)
  for (let i = 0; i < width; i++)
    for (let d = 0; d < Math.min(dims, width); d++) {
      // Eigenvalues come in ascending order; a negative one says who is not had together.
      const from = width - 1 - d
      turn[i * dims + d] = Math.max(0, values[from]) * vectors.get(i, from)
    }
  const rows = matrixProduct(basis, turn, width, dims)
  for (let item = 0; item < items; item++) {
    const row = rows.subarray(item * dims, (item + 1) * dims)
    const length = Math.hypot(...row)
    const seen = counts.seen(item)
    const factor = length > 0 ? seen / (seen + HALF_KNOWN) / length : 0
    for (let d = 0; d < dims; d++) row[d] *= factor
  }
  return rows
}

/** (M + Mᵀ) / 2 times `vectors` [n, width]. */
function symmetricProduct(
  { offsets, columns, values }: SparseMatrix,
  vectors: Float32Array,
  width: number,
): Float32Array {
  const out = new Float32Array(vectors.length)
  for (let row = 0; row + 1 < offsets.length; row++) {
    const own = row * width
    for (let at = offsets[row]; at < offsets[row + 1]; at++) {
      const other = columns[at] * width
      const value = values[at] / 2
      for (let d = 0; d < width; d++) {
        out[own + d] += value * vectors[other + d]
        out[other + d] += value * vectors[own + d]
      }
    }
  }
  return out
}

/** The same span with columns of length 1 that stand upright on each other; a direction that is none stays zero. */
function orthonormal(vectors: Float32Array, width: number): Float32Array {
  const moment = new Float64Array(width * width)
  addOuterProducts(moment, vectors, new Float64Array(width))
  const { values, vectors: columns } = eigen(moment, width)
  const least = LEAST_SHARE * values[width - 1]
  const turn = new Float32Array(width * width)
  for (let i = 0; i < width; i++)
    for (let j = 0; j < width; j++)
      turn[i * width + j] = values[j] > least ? columns.get(i, j) / Math.sqrt(values[j]) : 0
  return matrixProduct(vectors, turn, width, width)
}

function symmetrised(matrix: Float64Array, length: number): Float64Array {
  for (let i = 0; i < length; i++)
    for (let j = 0; j < i; j++)
      matrix[i * length + j] = matrix[j * length + i] = (matrix[i * length + j] + matrix[j * length + i]) / 2
  return matrix
}
