import { CODE } from './products.wasm.js'

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** What is used here: the types of it come with those of browsers only. */
declare const WebAssembly: {
  Memory: new (descriptor: { initial: number }) => Memory
  Module: new (code: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> }
}

const PAGE = 65_536
/** Rows are brought in so many bytes at a time: what lies in the processor's cache costs little to be read again. */
const BLOCK = 256 * 1024
/** The kernel reads whole vectors of 16 bytes at the end of a row: four numbers. */
const LANES = 4

type Multiply = (rows: number, width: number, count: number, query: number, out: number) => void

/** Of this thread; made when it is first asked for. */
let kernel: { memory: Memory; codes: Multiply; floats: Multiply } | undefined

/**
 * The dot product of `vector` with each of the first `count` rows, [count], by the vector instructions of WebAssembly:
 * four to eight times as fast as plain code, whatever engine the tensors are on.
 * @param rows [count or more, width], one after another: floats, or codes of a byte
 * @param width numbers of a row; fast where it is a multiple of 4
 * @param vector [width], or fewer numbers before zeros
 */
export function products(
  rows: Float32Array | Int8Array,
  width: number,
  vector: Float32Array,
  count: number,
): Float32Array {
  if (rows.length < count * width) throw new Error(`${rows.length} numbers are not ${count} rows of ${width}`)
  const out = new Float32Array(count)
  if (width % LANES !== 0 || width === 0) return plain(rows, width, vector, out)
  const rowBytes = width * rows.BYTES_PER_ELEMENT
  const atOnce = Math.max(1, Math.floor(BLOCK / rowBytes))
  // The vector, then what comes out, then the rows, each from a whole vector on.
  const result = 4 * width
  const block = result + 16 * Math.ceil((4 * atOnce) / 16)
  const { memory, codes, floats } = loaded(block + atOnce * rowBytes)
  const multiply = rows instanceof Int8Array ? codes : floats
  const query = new Float32Array(memory.buffer, 0, width).fill(0)
  query.set(vector)
  const inside = new (rows instanceof Int8Array ? Int8Array : Float32Array)(memory.buffer, block, atOnce * width)
  const results = new Float32Array(memory.buffer, result, atOnce)
  for (let from = 0; from < count; from += atOnce) {
    const some = Math.min(atOnce, count - from)
    inside.set(rows.subarray(from * width, (from + some) * width))
    multiply(block, width, some, 0, result)
    out.set(some === atOnce ? results : results.subarray(0, some), from)
  }
  return out
}

/** The dot products of each row of `left` with each of `right`, [n, m], by the same instructions. @param left [n, width] @param right [m, width] */
export function productTable(left: Float32Array, right: Float32Array, width: number): Float32Array {
  const [n, m] = [left.length / width, right.length / width]
  const table = new Float32Array(n * m)
  if (width % LANES !== 0) {
    for (let i = 0; i < n; i++)
      plain(right, width, left.subarray(i * width, (i + 1) * width), table.subarray(i * m, (i + 1) * m))
    return table
  }
  // The right-hand rows stay where they are: brought in anew for each row they would cost more than their products.
  const result = 4 * width
  const rows = result + 16 * Math.ceil((4 * m) / 16)
  const { memory, floats } = loaded(rows + right.byteLength)
  new Float32Array(memory.buffer, rows, right.length).set(right)
  const query = new Float32Array(memory.buffer, 0, width)
  const results = new Float32Array(memory.buffer, result, m)
  for (let i = 0; i < n; i++) {
    query.set(left.subarray(i * width, (i + 1) * width))
    floats(rows, width, m, 0, result)
    table.set(results, i * m)
  }
  return table
}

/** For rows that do not end at whole vectors. */
function plain(rows: Float32Array | Int8Array, width: number, vector: Float32Array, out: Float32Array): Float32Array {
  for (let row = 0; row < out.length; row++) {
    let sum = 0
    for (let k = 0; k < width; k++) sum += rows[row * width + k] * (vector[k] ?? 0)
    out[row] = sum
  }
  return out
}

/** @param bytes of memory that are needed */
function loaded(bytes: number) {
  if (!kernel) {
    const memory = new WebAssembly.Memory({ initial: 1 })
    const module = new WebAssembly.Module(Buffer.from(CODE, 'base64'))
    const { codes, floats } = new WebAssembly.Instance(module, { attune: { memory } }).exports
    kernel = { memory, codes: codes as Multiply, floats: floats as Multiply }
  }
  const missing = Math.ceil(bytes / PAGE) - kernel.memory.buffer.byteLength / PAGE
  if (missing > 0) kernel.memory.grow(missing)
  return kernel
}
