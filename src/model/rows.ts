/** Dot product of `vector` with each row, [rows]. Four sums at a time: one would wait for the addition before it. */
export function products(rows: Float32Array, width: number, vector: Float32Array, count: number): Float32Array {
  const out = new Float32Array(count)
  const even = width - (width % 4)
  for (let row = 0, at = 0; row < count; row++) {
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    let j = 0
    for (; j < even; j += 4, at += 4) {
      a += rows[at] * vector[j]
      b += rows[at + 1] * vector[j + 1]
      c += rows[at + 2] * vector[j + 2]
      d += rows[at + 3] * vector[j + 3]
    }
    for (; j < width; j++, at++) a += rows[at] * vector[j]
    out[row] = a + b + c + d
  }
  return out
}

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
