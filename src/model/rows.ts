/** Cosine of two rows; 0 where one of them is zeros. */
export function cosine(rows: Float32Array, width: number, left: number, right: number): number {
  let product = 0
  let leftSquare = 0
  let rightSquare = 0
  for (let j = 0; j < width; j++) {
    const a = rows[left * width + j]
    const b = rows[right * width + j]
    product += a * b
    leftSquare += a * a
    rightSquare += b * b
  }
  const norms = Math.sqrt(leftSquare * rightSquare)
  return norms > 0 ? product / norms : 0
}

/** [n, inner] times [inner, outer] */
export function matrixProduct(left: Float32Array, right: Float32Array, inner: number, outer: number): Float32Array {
  const rows = left.length / inner
  const out = new Float32Array(rows * outer)
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < inner; i++) {
      const value = left[row * inner + i]
      if (value === 0) continue
      for (let j = 0; j < outer; j++) out[row * outer + j] += value * right[i * outer + j]
    }
  return out
}
