import { beforeAll, describe, expect, it } from 'vitest'
import { drawStarts, drawUnits } from '../../src/model/dropout.js'
import { type Batch, LocalGradients } from '../../src/model/gradients.js'
import { Network } from '../../src/model/network.js'
import { NegativeSampler } from '../../src/model/negatives.js'
import { Random } from '../../src/model/random.js'
import { placesOfDropout } from '../../src/model/sequence.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { busyArrays, randomRows, randomText, TINY, TINY_ITEMS } from './tiny-shop.js'

const text = TextMatrix.from(randomText(TINY_ITEMS, TINY.textLength, 3), TINY.textLength)
const rows = randomRows([7, 3, 1, 9, 2, 5], 10, 4)
const batch: Batch = {
  rows,
  negatives: new NegativeSampler(new Float64Array(TINY_ITEMS).fill(2)).draw(7, new Random(5)),
  targetWeight: rows.reduce((sum, { weights }) => weights.reduce((more, weight) => more + weight, sum), 0),
  learnsText: true,
  dropout: null,
}
const tokens = rows.length * 10
const units = drawUnits(0.3, TINY.width, tokens, new Random(6))
// The same masks at every call, so that the loss is a function of the weights alone.
const starts = drawStarts(placesOfDropout(TINY.blocks), units.length / TINY.width, tokens, new Random(7))
const dropping: Batch = { ...batch, dropout: { starts, from: 0 } }

// All rows at once on cpu, as on the native engines; row by row on wasm.
describe.each(['cpu', 'wasm'] as const)('batchGradients on %s', (engine) => {
  beforeAll(async () => {
    await startTensorflow(engine)
  })

  it.each([
    ['without dropout', batch],
    ['with dropout', dropping],
  ])('agrees with numeric differentiation at every weight, %s', async (_, batch) => {
    const network = Network.fromArrays(TINY, busyArrays(TINY, TINY_ITEMS, 3))
    const source = new LocalGradients(network, text, units)
    const { gradients } = await source.gradients(batch)
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(network.weights).sort())
    const random = new Random(2)
    for (const [name, { data, shape }] of Object.entries(network.weights)) {
      const analytic = new Float32Array(data.length)
      const { values, rows: places } = gradients[name]
      if (places)
        places.forEach((place, i) => analytic.set(values.subarray(i * shape[1], (i + 1) * shape[1]), place * shape[1]))
      else analytic.set(values)
      const tried = new Set(Array.from({ length: 8 }, () => random.below(data.length)))
      // A table of which few rows are met would hardly be tried otherwise.
      const largest = analytic.reduce((most, value, i) => (Math.abs(value) > Math.abs(analytic[most]) ? i : most), 0)
      expect(analytic[largest], name).not.toBe(0)
      tried.add(largest)
      for (const i of tried) {
        // Small, or a step crosses the kink of a rectifier.
        const step = 1e-3
        const value = data[i]
        data[i] = value + step
        const above = (await source.gradients(batch)).loss
        data[i] = value - step
        const below = (await source.gradients(batch)).loss
        data[i] = value
        const numeric = (above - below) / (2 * step)
        expect(Math.abs(numeric - analytic[i]), `${name}[${i}]: ${numeric} against ${analytic[i]}`).toBeLessThan(
          5e-4 + 0.01 * Math.abs(numeric),
        )
      }
    }
  })
})
