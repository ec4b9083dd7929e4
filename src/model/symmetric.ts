import { EigenvalueDecomposition, Matrix } from 'ml-matrix'

/** Eigenvalues in ascending order, and their vectors as columns. */
export function eigen(symmetric: Float64Array, length: number) {
  const matrix = new Matrix(length, length)
  for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) matrix.set(i, j, symmetric[i * length + j])
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true })
  return { values: realEigenvalues, vectors: eigenvectorMatrix }
}

// Four rows at a time: each element of the other operand is then read once for four products.
const BLOCK = 4

/** sum[length, length] += Σ over the rows [n, length] (x - mean)(x - mean)ᵀ; both halves are filled. */
export function addOuterProducts(sum: Float64Array, vectors: Float32Array, mean: Float64Array): void {
  const length = mean.length
  const rows = vectors.length / length
  const [a, b, c, d] = Array.from({ length: BLOCK }, () => new Float64Array(length))
  for (let start = 0; start < rows; start += BLOCK) {
    ;[a, b, c, d].forEach((target, i) => {
      if (start + i >= rows) return void target.fill(0)
      const from = (start + i) * length
      for (let j = 0; j < length; j++) target[j] = vectors[from + j] - mean[j]
    })
    for (let i = 0; i < length; i++) {
      const [ai, bi, ci, di] = [a[i], b[i], c[i], d[i]]
      const at = i * length
      for (let j = i; j < length; j++) sum[at + j] += ai * a[j] + bi * b[j] + ci * c[j] + di * d[j]
    }
  }
  for (let i = 0; i < length; i++) for (let j = 0; j < i; j++) sum[i * length + j] = sum[j * length + i]
}
