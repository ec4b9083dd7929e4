import { productTable } from './products.js'
import { addOuterProducts, eigen } from './symmetric.js'
import type { NamedArrays } from './tensor-file.js'
import { rowsOf, TextMatrix, type VectorRows } from './text-matrix.js'

/** The map from raw vectors of one catalogue to whitened ones: x -> unit((x - mean) · transform). */
export interface TextSpace {
  length: number
  /** [length] */
  mean: Float32Array
  /** [length, length], row-major, symmetric; of vectors longer than 768 only the diagonal, [length] */
  transform: Float32Array
}

/** What is believed about raw vectors before a catalogue is seen; `weight` says how many items that belief is worth. */
export interface TextPrior {
  /** [length] */
  mean: Float32Array
  /** [length, length], row-major, symmetric */
  covariance: Float32Array
  weight: number
}

export interface Moments {
  /** Rows that are not all zero, seen or skipped by the stride. */
  count: number
  /** [length] */
  mean: Float64Array
  /** [length, length], row-major, symmetric; divided by the number of rows, not by one less */
  covariance: Float64Array
}

// Half of whitening: directions are divided by sd^0.5, so variances are taken to the power -1/4. Full whitening lifts the
// noise of the small directions as high as the signal; none leaves the one large direction that all texts share.
const POWER = -0.25
// Beyond this many rows the covariance of a few hundred dimensions no longer changes visibly, only the time it takes.
const MAX_FIT_ROWS = 20_000
// Rows that are read at a time.
const BLOCK_ROWS = 4096
// A direction hardly ever seen is not known to be small. Below this part of the mean variance it counts as this large:
// lower, and the first item that does point there would be all that direction.
const SMALLEST_VARIANCE = 1e-2

// Eigenvectors cost length³: two seconds at this length, five minutes at the longest that a tenant may bring. Longer
// vectors are scaled along their own axes instead.
const MAX_TURNED = 768

/**
 * Mean and covariance of the rows that are not all zero (an item without text says nothing about the space).
 * Of more than 20,000 rows every k-th is taken.
 * @param vectors rows, or [n, length]
 */
export function measureMoments(vectors: Float32Array | VectorRows, length: number): Moments {
  const { count, sample } = sampleOf(rowsOf(vectors, length))
  const mean = new Float64Array(length)
  const covariance = new Float64Array(length * length)
  const rows = sample.length / length
  if (rows === 0) return { count, mean, covariance }
  for (let at = 0; at < sample.length;) for (let j = 0; j < length; j++) mean[j] += sample[at++]
  for (let j = 0; j < length; j++) mean[j] /= rows
  addOuterProducts(covariance, sample, mean)
  for (let i = 0; i < covariance.length; i++) covariance[i] /= rows
  return { count, mean, covariance }
}

/**
 * Fits half-whitening to a catalogue: centre, divide each principal direction by the square root of its standard
 * deviation, rotate back (ZCA), so that an axis means the same in every catalogue that shares an encoder.
 *
 * With a prior, mean and covariance are those of the catalogue and the prior's, weighted by the catalogue's size and
 * the prior's weight: a catalogue of three items is whitened as the prior says, one of thousands as itself.
 * Without a prior and without items the map is the identity.
 *
 * The cost grows with length³ (the eigenvectors: 0.3 s at 384 on one core) and min(n, 20,000) · length². Past a length of
 * 768 the axes are left as they are, and a prior is not looked at.
 * @param vectors raw rows, or [n, length]
 * @throws Error when the lengths of vectors and prior do not fit.
 */
export function fitTextSpace(vectors: Float32Array | VectorRows, length: number, prior?: TextPrior): TextSpace {
  if (prior && (prior.mean.length !== length || prior.covariance.length !== length * length)) {
    throw new Error(`The prior is of ${prior.mean.length} dimensions, the vectors of ${length}`)
  }
  if (length > MAX_TURNED) return scaledSpace(rowsOf(vectors, length))
  const { count, mean, covariance } = measureMoments(vectors, length)
  if (prior && prior.weight > 0) {
    const share = count / (count + prior.weight)
    for (let i = 0; i < mean.length; i++) mean[i] = share * mean[i] + (1 - share) * prior.mean[i]
    for (let i = 0; i < covariance.length; i++) {
      covariance[i] = share * covariance[i] + (1 - share) * prior.covariance[i]
    }
  }
  return { length, mean: Float32Array.from(mean), transform: whiteningTransform(covariance, length) }
}

/** Whitens a catalogue block by block: neither its raw rows nor its whitened ones are held as floats. */
export function whitenAll(space: TextSpace, vectors: VectorRows): TextMatrix {
  const text = TextMatrix.empty(space.length, vectors.items)
  for (const [from, to] of blocksOf(vectors)) text.setRows(from, whiten(space, vectors.block(from, to)))
  return text
}

/**
 * Raw rows to whitened rows of unit length. A row of zeros (no text) stays zero, and so does one that lies on the mean.
 * @param vectors [n, length]
 * @returns [n, length]
 */
export function whiten(space: TextSpace, vectors: Float32Array): Float32Array {
  const { length, mean, transform } = space
  const rows = rowsWithText(vectors, length)
  const centred = new Float32Array(rows.length * length)
  rows.forEach((row, i) => {
    for (let j = 0; j < length; j++) centred[i * length + j] = vectors[row * length + j] - mean[j]
  })
  if (transform.length === length) for (let i = 0; i < centred.length; i++) centred[i] *= transform[i % length]
  // The rows of a symmetric matrix are its columns.
  const mapped = transform.length === length ? centred : productTable(centred, transform, length)
  const out = new Float32Array(vectors.length)
  rows.forEach((row, i) => {
    let norm = 0
    for (let j = 0; j < length; j++) norm += mapped[i * length + j] ** 2
    norm = Math.sqrt(norm)
    // Rounding leaves about 1e-8 of a row that equals the mean: its direction would be noise.
    if (!(norm > 1e-6)) return
    for (let j = 0; j < length; j++) out[row * length + j] = mapped[i * length + j] / norm
  })
  return out
}

/**
 * The directions that keep most of the dot products between whitened rows: the leading eigenvectors of their second
 * moment (not centred: a dot product is not). Signs are fixed, so the same rows give the same axes.
 * @param vectors whitened rows, or [n, length]
 * @returns [length, dims], row-major, orthonormal columns
 * @throws Error when more axes are asked for than there are dimensions.
 */
export function principalAxes(vectors: Float32Array | VectorRows, length: number, dims: number): Float32Array {
  if (dims > length) throw new Error(`${dims} axes can't be found in ${length} dimensions`)
  const moment = new Float64Array(length * length)
  addOuterProducts(moment, sampleOf(rowsOf(vectors, length)).sample, new Float64Array(length))
  const { vectors: columns } = eigen(moment, length)
  const axes = new Float32Array(length * dims)
  for (let d = 0; d < dims; d++) {
    const from = length - 1 - d // Eigenvalues come in ascending order.
    let largest = 0
    for (let j = 1; j < length; j++) {
      // The margin keeps a tie from being decided by the last bit.
      if (Math.abs(columns.get(j, from)) > Math.abs(columns.get(largest, from)) + 1e-9) largest = j
    }
    const sign = columns.get(largest, from) < 0 ? -1 : 1
    for (let j = 0; j < length; j++) axes[j * dims + d] = sign * columns.get(j, from)
  }
  return axes
}

/** A space as arrays for a tensor file, under `prefix`. */
export function encodeSpace(space: TextSpace, prefix = 'textSpace'): NamedArrays {
  const shape = space.transform.length === space.length ? [space.length] : [space.length, space.length]
  return {
    [`${prefix}.mean`]: { shape: [space.length], data: space.mean },
    [`${prefix}.transform`]: { shape, data: space.transform },
  }
}

/** @throws Error when the arrays are missing or do not fit each other. */
export function decodeSpace(arrays: NamedArrays, prefix = 'textSpace'): TextSpace {
  const [mean, transform] = pairOf(arrays, `${prefix}.mean`, `${prefix}.transform`)
  return { length: mean.length, mean, transform }
}

/** A prior as arrays for a tensor file. */
export function encodePrior(prior: TextPrior): NamedArrays {
  const length = prior.mean.length
  return {
    mean: { shape: [length], data: prior.mean },
    covariance: { shape: [length, length], data: prior.covariance },
    weight: { shape: [], data: Float32Array.of(prior.weight) },
  }
}

/** @throws Error when the arrays are missing or do not fit each other. */
export function decodePrior(arrays: NamedArrays): TextPrior {
  const [mean, covariance] = pairOf(arrays, 'mean', 'covariance')
  if (!Object.hasOwn(arrays, 'weight')) throw new Error('The prior of the text space has no weight')
  return { mean, covariance, weight: arrays.weight.data[0] }
}

function pairOf(arrays: NamedArrays, vector: string, matrix: string): [Float32Array, Float32Array] {
  const a = Object.hasOwn(arrays, vector) ? arrays[vector].data : undefined
  const b = Object.hasOwn(arrays, matrix) ? arrays[matrix].data : undefined
  if (!(a instanceof Float32Array && b instanceof Float32Array && [a.length, a.length ** 2].includes(b.length))) {
    throw new Error(`The arrays "${vector}" and "${matrix}" are not a text space`)
  }
  return [a, b]
}

/** How many rows are not all zero, and those of them that moments are taken of: every k-th, at most 20,000. */
function sampleOf(vectors: VectorRows): { count: number; sample: Float32Array } {
  const { length } = vectors
  let count = 0
  for (const [from, to] of blocksOf(vectors)) count += rowsWithText(vectors.block(from, to), length).length
  const step = Math.max(1, Math.ceil(count / MAX_FIT_ROWS))
  const sample = new Float32Array(Math.ceil(count / step) * length)
  let seen = 0
  for (const [from, to] of blocksOf(vectors)) {
    const block = vectors.block(from, to)
    for (const row of rowsWithText(block, length)) {
      if (seen % step === 0) sample.set(block.subarray(row * length, (row + 1) * length), (seen / step) * length)
      seen++
    }
  }
  return { count, sample }
}

/** Where blocks of rows begin and end. */
function* blocksOf({ items }: VectorRows): Generator<[number, number]> {
  for (let from = 0; from < items; from += BLOCK_ROWS) yield [from, Math.min(items, from + BLOCK_ROWS)]
}

function rowsWithText(vectors: Float32Array, length: number): Uint32Array {
  const count = rowsOf(vectors, length).items
  const rows = new Uint32Array(count)
  let used = 0
  for (let i = 0; i < count; i++) {
    let j = i * length
    const end = j + length
    while (j < end && vectors[j] === 0) j++
    if (j < end) rows[used++] = i
  }
  return rows.subarray(0, used)
}

/** Half-whitening along the axes as they are. */
function scaledSpace(vectors: VectorRows): TextSpace {
  const { length } = vectors
  const { sample } = sampleOf(vectors)
  const rows = sample.length / length
  const mean = new Float64Array(length)
  const variance = new Float64Array(length)
  for (let at = 0; at < sample.length;) for (let j = 0; j < length; j++) mean[j] += sample[at++] / rows
  for (let at = 0; at < sample.length;)
    for (let j = 0; j < length; j++) variance[j] += (sample[at++] - mean[j]) ** 2 / rows
  const floor = (variance.reduce((sum, one) => sum + one, 0) / length) * SMALLEST_VARIANCE
  const transform = Float32Array.from(variance, (one) => (floor > 0 ? Math.max(one, floor) ** POWER : 1))
  return { length, mean: Float32Array.from(mean), transform }
}

/** covariance^(-1/4) by its eigenvectors, with the smallest variances lifted to a floor. */
function whiteningTransform(covariance: Float64Array, length: number): Float32Array {
  let trace = 0
  for (let i = 0; i < length; i++) trace += covariance[i * length + i]
  const transform = new Float32Array(length * length)
  // No variance at all (no item, or one): nothing is known about directions, so none is changed.
  if (!(trace > 0)) {
    for (let i = 0; i < length; i++) transform[i * length + i] = 1
    return transform
  }
  const { values, vectors } = eigen(covariance, length)
  const floor = (trace / length) * SMALLEST_VARIANCE
  // Σ v · variance^(-1/4) · vᵀ, as the outer products of columns scaled by variance^(-1/8).
  const scaled = new Float32Array(length * length)
  for (let k = 0; k < length; k++) {
    const scale = Math.max(values[k], floor) ** (POWER / 2)
    for (let i = 0; i < length; i++) scaled[k * length + i] = vectors.get(i, k) * scale
  }
  const sum = new Float64Array(length * length)
  addOuterProducts(sum, scaled, new Float64Array(length))
  transform.set(sum)
  return transform
}
