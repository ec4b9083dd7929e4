import { describe, expect, it } from 'vitest'
import {
  decodePrior,
  decodeSpace,
  encodePrior,
  encodeSpace,
  fitTextSpace,
  measureMoments,
  principalAxes,
  type TextPrior,
  whiten,
  whitenAll,
} from '../../src/model/text-space.js'
import { rowsOf, TextMatrix, type VectorRows } from '../../src/model/text-matrix.js'
import { decodeTensors, encodeTensors } from '../../src/model/tensor-file.js'

const LENGTH = 6
const SPREAD = [9, 4, 1, 0.5, 0.25, 0.1]

/** n rows of a Gaussian with these standard deviations around a mean of 3, turned by a fixed rotation of two axes. */
function sample(n: number, seed: number, sd = SPREAD): Float32Array {
  let state = seed
  const uniform = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) + 0.5) / 2 ** 32
  const gauss = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  const out = new Float32Array(n * sd.length)
  for (let i = 0; i < n; i++) {
    const row = sd.map((s) => s * gauss())
    ;[row[0], row[1]] = [0.8 * row[0] - 0.6 * row[1], 0.6 * row[0] + 0.8 * row[1]]
    out.set(
      row.map((x) => x + 3),
      i * sd.length,
    )
  }
  return out
}

const norm = (row: Float32Array) => Math.hypot(...row)
const row = (rows: Float32Array, i: number, length = LENGTH) => rows.subarray(i * length, (i + 1) * length)
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0)

/** Standard deviation of the rows before they are made unit: what the transform does to each direction. */
function mapped(vectors: Float32Array, space: ReturnType<typeof fitTextSpace>): Float32Array {
  const out = new Float32Array(vectors.length)
  for (let i = 0; i < vectors.length / LENGTH; i++) {
    for (let j = 0; j < LENGTH; j++) {
      for (let k = 0; k < LENGTH; k++) {
        out[i * LENGTH + j] += (vectors[i * LENGTH + k] - space.mean[k]) * space.transform[k * LENGTH + j]
      }
    }
  }
  return out
}

function priorOf(vectors: Float32Array, weight: number, length = LENGTH): TextPrior {
  const { mean, covariance } = measureMoments(vectors, length)
  return { mean: Float32Array.from(mean), covariance: Float32Array.from(covariance), weight }
}

describe('fitTextSpace', () => {
  it('divides each principal direction by the square root of its standard deviation', () => {
    const rows = sample(4000, 1, [9, 4, 4, 2, 2, 1])
    const covariance = measureMoments(mapped(rows, fitTextSpace(rows, LENGTH)), LENGTH).covariance
    // Half-whitened variances are the roots of the old ones: 9, 4, 4, 2, 2, 1 for variances of 81 to 1.
    const trace = SPREAD.reduce((sum, _, i) => sum + covariance[i * LENGTH + i], 0)
    expect(trace).toBeCloseTo(22, 0)
    expect(covariance[5 * LENGTH + 5]).toBeCloseTo(1, 1)
    expect(covariance[3 * LENGTH + 3]).toBeCloseTo(2, 0)
  })

  it('rotates back: the transform is symmetric and leaves an axis where it was', () => {
    const rows = sample(4000, 1)
    const { transform } = fitTextSpace(rows, LENGTH)
    for (let i = 0; i < LENGTH; i++) {
      for (let j = 0; j < LENGTH; j++) expect(transform[i * LENGTH + j]).toBe(transform[j * LENGTH + i])
      for (let j = 2; j < LENGTH; j++) {
        if (i !== j) expect(Math.abs(transform[i * LENGTH + j] / transform[j * LENGTH + j])).toBeLessThan(0.2)
      }
    }
  })

  it('leaves rows without text out of the fit', () => {
    const rows = sample(500, 2)
    const withHoles = new Float32Array(rows.length * 2)
    for (let i = 0; i < 500; i++) withHoles.set(row(rows, i), 2 * i * LENGTH)
    expect(fitTextSpace(withHoles, LENGTH)).toEqual(fitTextSpace(rows, LENGTH))
  })

  it('is the identity where nothing is known', () => {
    const { mean, transform } = fitTextSpace(new Float32Array(0), 2)
    expect(Array.from(mean)).toEqual([0, 0])
    expect(Array.from(transform)).toEqual([1, 0, 0, 1])
    expect(Array.from(fitTextSpace(Float32Array.of(5, 5), 2).transform)).toEqual([1, 0, 0, 1])
  })

  it('is numerically safe with fewer rows than dimensions, and with equal rows', () => {
    for (const rows of [sample(3, 3), Float32Array.from({ length: 10 * LENGTH }, (_, i) => (i % LENGTH) + 1)]) {
      const space = fitTextSpace(rows, LENGTH)
      expect(space.transform.every(Number.isFinite)).toBe(true)
      expect(whiten(space, rows).every(Number.isFinite)).toBe(true)
      // A direction never seen must not drown those that were.
      expect(Math.max(...space.transform.map(Math.abs))).toBeLessThan(20)
    }
  })

  it('whitens three items about as the prior says, and thousands as themselves', () => {
    const world = sample(5000, 4)
    const prior = priorOf(world, 1000)
    const three = fitTextSpace(sample(3, 5), LENGTH, prior)
    const asPrior = fitTextSpace(new Float32Array(0), LENGTH, prior)
    const alone = fitTextSpace(world, LENGTH)
    three.transform.forEach((x, i) => expect(Math.abs(x - asPrior.transform[i])).toBeLessThan(0.01))
    asPrior.transform.forEach((x, i) => expect(x).toBeCloseTo(alone.transform[i], 4))

    const other = sample(5000, 6, [0.1, 0.1, 5, 5, 5, 5])
    const own = fitTextSpace(other, LENGTH)
    const shrunk = fitTextSpace(other, LENGTH, { ...prior, weight: 5 })
    shrunk.transform.forEach((x, i) => expect(Math.abs(x - own.transform[i])).toBeLessThan(0.4))
    shrunk.mean.forEach((x, i) => expect(Math.abs(x - own.mean[i])).toBeLessThan(0.02))
  })

  it('fits from a sample above 20,000 rows, and the same twice', () => {
    const rows = sample(45_000, 7)
    const space = fitTextSpace(rows, LENGTH)
    expect(space).toEqual(fitTextSpace(rows, LENGTH))
    expect(measureMoments(rows, LENGTH).count).toBe(45_000)
    const small = fitTextSpace(rows.subarray(0, 20_000 * LENGTH), LENGTH)
    space.transform.forEach((x, i) => expect(Math.abs(x - small.transform[i])).toBeLessThan(0.05))
  })

  it('refuses a prior of another length and a broken array', () => {
    expect(() => fitTextSpace(sample(3, 1), LENGTH, priorOf(sample(9, 1).subarray(0, 12), 5, 4))).toThrow('dimensions')
    expect(() => fitTextSpace(new Float32Array(7), LENGTH)).toThrow('rows of 6')
  })
})

describe('a catalogue that is read block by block', () => {
  const items = 9000
  const vectors = sample(items, 21)
  vectors.fill(0, 5000 * LENGTH, 5001 * LENGTH)
  const asked: number[] = []
  const rows: VectorRows = {
    items,
    length: LENGTH,
    block: (from, to) => {
      asked.push(to - from)
      return vectors.slice(from * LENGTH, to * LENGTH)
    },
  }

  it('has the same space, axes and whitened texts as one that is held whole', () => {
    const space = fitTextSpace(rows, LENGTH)
    expect(space).toEqual(fitTextSpace(vectors, LENGTH))
    const text = whitenAll(space, rows)
    expect(text.block(0, items)).toEqual(TextMatrix.from(whiten(space, vectors), LENGTH).block(0, items))
    expect(text.isEmpty(5000)).toBe(true)
    expect(principalAxes(text, LENGTH, 2)).toEqual(principalAxes(text.block(0, items), LENGTH, 2))
    expect(Math.max(...asked)).toBeLessThanOrEqual(4096)
  })

  it('is refused where its rows are of another length', () => {
    expect(() => fitTextSpace(rowsOf(vectors, LENGTH / 2), LENGTH)).toThrow(`not rows of ${LENGTH}`)
  })
})

describe('whiten', () => {
  const rows = sample(201, 8)
  rows.fill(0, 40 * LENGTH, 41 * LENGTH)
  const space = fitTextSpace(rows, LENGTH)
  const out = whiten(space, rows)

  it('gives unit rows, and leaves a row without text at zero', () => {
    for (let i = 0; i < 201; i++) expect(norm(row(out, i))).toBeCloseTo(i === 40 ? 0 : 1, 5)
  })

  it('gives one row alone exactly what it gives the row among others', () => {
    for (const i of [0, 39, 41, 200]) expect(whiten(space, row(rows, i))).toEqual(row(out, i))
  })

  it('leaves a row that lies on the mean at zero', () => {
    expect(norm(whiten(space, space.mean))).toBe(0)
  })

  it('takes away the one direction that all rows share', () => {
    const skewed = sample(500, 9, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    const white = whiten(fitTextSpace(skewed, LENGTH), skewed)
    const mean = (vectors: Float32Array) => {
      let sum = 0
      for (let i = 1; i < 500; i++) {
        sum += dot(row(vectors, i - 1), row(vectors, i)) / norm(row(vectors, i - 1)) / norm(row(vectors, i))
      }
      return sum / 499
    }
    expect(mean(skewed)).toBeGreaterThan(0.9)
    expect(Math.abs(mean(white))).toBeLessThan(0.1)
  })
})

describe('principalAxes', () => {
  it('are orthonormal, keep the largest directions, and are the same twice', () => {
    const rows = sample(2000, 10, [0.1, 0.1, 9, 4, 0.1, 0.1]).map((x) => x - 3)
    const axes = principalAxes(rows, LENGTH, 2)
    expect(axes).toEqual(principalAxes(rows, LENGTH, 2))
    const column = (d: number) => Float32Array.from({ length: LENGTH }, (_, j) => axes[j * 2 + d])
    expect(dot(column(0), column(0))).toBeCloseTo(1, 5)
    expect(dot(column(0), column(1))).toBeCloseTo(0, 5)
    expect(column(0)[2]).toBeGreaterThan(0.99)
    expect(column(1)[3]).toBeGreaterThan(0.99)
  })

  it('keep every dot product when all are kept', () => {
    const rows = sample(20, 11)
    const axes = principalAxes(rows, LENGTH, LENGTH)
    const project = (i: number) =>
      Float32Array.from({ length: LENGTH }, (_, d) =>
        dot(
          row(rows, i),
          Float32Array.from({ length: LENGTH }, (_, j) => axes[j * LENGTH + d]),
        ),
      )
    expect(dot(project(3), project(7))).toBeCloseTo(dot(row(rows, 3), row(rows, 7)), 3)
  })

  it('exist even without rows, but not beyond the number of dimensions', () => {
    expect(Array.from(principalAxes(new Float32Array(0), 2, 2)).sort()).toEqual([0, 0, 1, 1])
    expect(() => principalAxes(new Float32Array(0), 2, 3)).toThrow('3 axes')
  })
})

describe('arrays of a space and of a prior', () => {
  it('give back the same through a tensor file', () => {
    const space = fitTextSpace(sample(50, 12), LENGTH)
    expect(decodeSpace(decodeTensors(encodeTensors(encodeSpace(space))).arrays)).toEqual(space)
    const prior = priorOf(sample(50, 13), 250)
    expect(decodePrior(decodeTensors(encodeTensors(encodePrior(prior))).arrays)).toEqual(prior)
  })

  it('are refused when a part is missing or of another size', () => {
    const arrays = encodeSpace(fitTextSpace(sample(50, 12), LENGTH))
    expect(() => decodeSpace({})).toThrow('textSpace.mean')
    expect(() => decodeSpace({ ...arrays, 'textSpace.mean': { shape: [1], data: new Float32Array(1) } })).toThrow()
    expect(() => decodePrior({ mean: arrays['textSpace.mean'], covariance: arrays['textSpace.transform'] })).toThrow(
      'weight',
    )
  })
})

describe('long vectors', () => {
  const long = 1024

  it('are scaled along their own axes, in no time, and travel as others do', () => {
    const rows = sample(
      200,
      3,
      Array.from({ length: long }, (_, i) => 1 + (i % 5)),
    )
    const space = fitTextSpace(rows, long)
    expect(space.transform).toHaveLength(long)
    const { covariance } = measureMoments(rows, long)
    for (const axis of [0, 4, 1023])
      expect(space.transform[axis]).toBeCloseTo(covariance[axis * (long + 1)] ** -0.25, 4)
    const white = whiten(space, rows)
    for (let i = 0; i < 200; i++) expect(norm(row(white, i, long))).toBeCloseTo(1, 5)
    const decoded = decodeSpace(decodeTensors(encodeTensors(encodeSpace(space))).arrays)
    expect(decoded).toEqual(space)
    expect(whiten(decoded, rows)).toEqual(white)
  })
})
