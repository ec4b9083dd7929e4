import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Interaction } from '../../src/model/history.js'
import { gatherRows, Network } from '../../src/model/network.js'
import { gapBucket, packRow } from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'
import { runSequence, sequenceTensors } from '../../src/model/sequence.js'
import { decodeTensors, encodeTensors } from '../../src/model/tensor-file.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { arraysOf, shapesOf, startFromText } from '../../src/model/weights.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { busyArrays, randomHistory, randomText, TINY, TINY_ITEMS } from './tiny-shop.js'

const text = TextMatrix.from(randomText(TINY_ITEMS, TINY.textLength, 3), TINY.textLength)
const textRows = text.block(0, TINY_ITEMS)
const random = new Random(9)
const histories = [7, 1, 0, 12, 3, 5].map((length) => randomHistory(length, TINY_ITEMS, random))
const W = TINY.width
const HOUR = 3_600_000

const expectClose = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5) => {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < actual.length; i++) expect(Math.abs(actual[i] - expected[i])).toBeLessThan(tolerance)
}

/** User vectors after each event of one history, as training computes them. */
function pass(network: Network, history: Interaction[], vectors: Float32Array): Float32Array {
  const { row } = packRow([history], Infinity)
  return tf.tidy(() => {
    const items = tf.tensor2d(gatherRows(vectors, row.items, W), [row.length, W])
    const tensors = sequenceTensors(network.config, network.weights)
    return runSequence(network.config, network.weights, tensors, row, items, null).users.dataSync<'float32'>()
  })
}

describe.each(['wasm', 'cpu'] as const)('Network on %s', (engine) => {
  let network: Network
  let vectors: Float32Array

  beforeAll(async () => {
    await startTensorflow(engine)
  })
  beforeEach(() => {
    network = Network.fromArrays(TINY, busyArrays(TINY, TINY_ITEMS, 1))
    vectors = network.itemVectors(text)
  })

  it('gives one vector for each item and each history, zeros for an empty one', () => {
    const users = network.encode(histories, vectors)
    expect(vectors.length).toBe(TINY_ITEMS * W)
    expect(users.length).toBe(histories.length * W)
    expect([...users.subarray(2 * W, 3 * W)]).toEqual(new Array<number>(W).fill(0))
    expect(users.every(Number.isFinite)).toBe(true)
    expect(network.encode([], vectors).length).toBe(0)
  })

  it('equals, untrained, the recency-weighted mean of the texts on their axes', () => {
    const axes = new Random(4).normals(TINY.textLength * W, 1)
    const fresh = Network.fromArrays(TINY, startFromText(TINY, axes, TINY_ITEMS, 1))
    const items = fresh.itemVectors(text)
    const users = fresh.encode(histories, items)
    histories.forEach((history, u) => {
      const wanted = new Float64Array(W)
      const newest = [...history].reverse().slice(0, TINY.meanLength)
      const total = newest.reduce((sum, event, k) => sum + TINY.typeWeights[event.type] / (k + 1), 0)
      newest.forEach(({ item, type }, k) => {
        for (let c = 0; c < W; c++) {
          let axis = 0
          for (let t = 0; t < TINY.textLength; t++) axis += textRows[item * TINY.textLength + t] * axes[t * W + c]
          wanted[c] += (TINY.typeWeights[type] / (k + 1) / total) * axis
        }
      })
      expectClose(users.subarray(u * W, (u + 1) * W), wanted)
    })
  })

  it('encodes one history as it does many together', () => {
    const together = network.encode(histories, vectors)
    histories.forEach((history, u) => {
      expectClose(network.encode([history], vectors), together.subarray(u * W, (u + 1) * W))
    })
  })

  it('encodes every prefix as training sees that position, while its memory reaches back', () => {
    const history = histories[0]
    expect(history.length).toBeLessThanOrEqual(network.memory)
    const users = pass(network, history, vectors)
    history.forEach((_, i) => {
      const asked = i + 1 < history.length ? [history[i + 1].at] : undefined
      expectClose(network.encode([history.slice(0, i + 1)], vectors, asked), users.subarray(i * W, (i + 1) * W))
    })
  })

  it('lets no later event change an earlier output, but for the moment that is asked about', () => {
    const before = pass(network, histories[3], vectors)
    const changed = histories[3].map((event, i) =>
      i < 8 ? event : { item: 0, type: 1, at: i === 8 ? event.at : event.at + 1e9 },
    )
    const after = pass(network, changed, vectors)
    expectClose(after.subarray(0, 8 * W), before.subarray(0, 8 * W), 1e-6)
    expect(Math.abs(after[8 * W] - before[8 * W])).toBeGreaterThan(1e-3)
  })

  it('tells the hours and the kinds of day apart that it is asked at', () => {
    const history = histories[0]
    // Days later, so that the time since the last event is the same to it.
    const later = history.at(-1)!.at + 5 * 24 * HOUR
    const asked = (hour: number) => network.encode([history], vectors, [later + hour * HOUR])
    const apart = (other: Float32Array) => Math.max(...asked(0).map((value, i) => Math.abs(value - other[i])))
    expect(gapBucket(0, 5 * 24 * HOUR)).toBe(gapBucket(0, 8 * 24 * HOUR))
    expect(apart(asked(3))).toBeGreaterThan(1e-3)
    // From a Friday to a Saturday, and from a Friday to the Monday after it.
    expect(new Date(later).getUTCDay()).toBe(5)
    expect(apart(asked(24))).toBeGreaterThan(1e-3)
    expect(apart(asked(72))).toBe(0)
  })

  it('looks no further back than its memory', () => {
    const long = randomHistory(network.memory + 6, TINY_ITEMS, new Random(5))
    expectClose(network.encode([long], vectors), network.encode([long.slice(-network.memory)], vectors), 0 + 1e-7)
    const other = long.map((event, i) =>
      i === long.length - network.memory ? { ...event, item: (event.item + 1) % TINY_ITEMS } : event,
    )
    const difference = network
      .encode([other], vectors)
      .map((value, i) => Math.abs(value - network.encode([long], vectors)[i]))
    expect(Math.max(...difference)).toBeGreaterThan(1e-6)
  })

  it('gives an item past its vocabulary the vector of its text alone', () => {
    const more = TextMatrix.from(
      new Float32Array([...textRows, ...textRows.subarray(0, TINY.textLength)]),
      TINY.textLength,
    )
    const extended = network.itemVectors(more)
    expectClose(extended.subarray(0, vectors.length), vectors, 1e-6)
    const residual = network.weights.residual.data
    for (let k = 0; k < W; k++) expect(extended[TINY_ITEMS * W + k]).toBeCloseTo(vectors[k] - residual[k], 5)
  })

  it('answers the same after it was written to a file and read again', () => {
    const { arrays } = decodeTensors(encodeTensors(network.toArrays()))
    const restored = Network.fromArrays(TINY, arrays)
    expect(restored.itemVectors(text)).toEqual(vectors)
    expect(restored.encode(histories, vectors)).toEqual(network.encode(histories, vectors))
  })

  it('takes an event type that it does not know as one without meaning of its own', () => {
    const unknown = histories[0].map((event) => ({ ...event, type: 200 }))
    expect(network.encode([unknown], vectors).every(Number.isFinite)).toBe(true)
  })

  it('leaves no tensor behind', () => {
    const before = tf.memory().numTensors
    const passing = Network.fromArrays(TINY, network.toArrays())
    passing.encode(histories, vectors)
    const warm = tf.memory().numTensors
    for (let i = 0; i < 5; i++) {
      passing.encode(histories, vectors)
      passing.itemVectors(text)
    }
    expect(tf.memory().numTensors).toBe(warm)
    passing.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
})

it('gives the same vectors on wasm and cpu', async () => {
  const results: Float32Array[] = []
  for (const engine of ['wasm', 'cpu'] as const) {
    await startTensorflow(engine)
    const network = Network.fromArrays(TINY, busyArrays(TINY, TINY_ITEMS, 1))
    results.push(network.encode(histories, network.itemVectors(text)))
    network.dispose()
  }
  expectClose(results[0], results[1])
})

describe('Network.fromArrays', () => {
  const arrays = busyArrays(TINY, TINY_ITEMS, 1)

  it('takes versions from before there were hours as those that no hour means anything to', () => {
    const { hours, ...before } = arrays
    const network = Network.fromArrays(TINY, before)
    expect(network.weights.hours).toEqual({ part: 'sequence', shape: hours.shape, data: new Float32Array(48 * W) })
    const vectors = network.itemVectors(text)
    const [now, then] = [0, 7 * HOUR].map((at) => network.encode([histories[0]], vectors, [9e12 + at]))
    expect(now).toEqual(then)
    const zeros = { ...hours, data: new Float32Array(48 * W) }
    expect(Network.fromArrays(TINY, { ...before, hours: zeros }).encode([histories[0]], vectors, [9e12])).toEqual(now)
  })

  it('names the array that is missing or does not fit', () => {
    const { alpha, ...rest } = arrays
    expect(alpha.shape).toEqual([1, W])
    expect(() => Network.fromArrays(TINY, rest)).toThrow("lack 'alpha'")
    expect(() => Network.fromArrays({ ...TINY, textLength: 5 }, arrays)).toThrow(
      "'adaptor' has the shape [6, 8], not [5, 8]",
    )
    expect(() => Network.fromArrays({ ...TINY, heads: 3 }, arrays)).toThrow('no 3 equal heads')
  })

  it('copies: a network never changes the arrays it came from', () => {
    const network = Network.fromArrays(TINY, arrays)
    network.weights.alpha.data.fill(9)
    expect(arrays.alpha.data[0]).not.toBe(9)
    expect(arraysOf(network.weights).alpha.data).not.toBe(network.weights.alpha.data)
    expect(Object.keys(network.toArrays()).sort()).toEqual(Object.keys(shapesOf(TINY, TINY_ITEMS)).sort())
  })
})
