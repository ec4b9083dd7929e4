import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drawStarts, drawUnits } from '../../src/model/dropout.js'
import { type Batch, LocalGradients } from '../../src/model/gradients.js'
import { Network } from '../../src/model/network.js'
import { NegativeSampler } from '../../src/model/negatives.js'
import { Random } from '../../src/model/random.js'
import { placesOfDropout } from '../../src/model/sequence.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { ParallelGradients } from '../../src/training/parallel-gradients.js'
import { busyArrays, randomRows, randomText, TINY, TINY_ITEMS } from '../model/tiny-shop.js'

const config = { ...TINY, dropout: 0.3 }
const text = () => TextMatrix.from(randomText(TINY_ITEMS, TINY.textLength, 3), TINY.textLength)
const random = new Random(5)
const rows = randomRows([7, 3, 1, 9, 2, 5, 8, 6], 6, 4)
const tokens = rows.length * 6
const units = drawUnits(config.dropout, config.width, tokens, random)
const batch: Batch = {
  rows,
  targetWeight: rows.reduce((sum, { weights }) => weights.reduce((more, weight) => more + weight, sum), 0),
  negatives: new NegativeSampler(new Float64Array(TINY_ITEMS).fill(2)).draw(7, random),
  learnsText: true,
  dropout: { starts: drawStarts(placesOfDropout(config.blocks), units.length / config.width, tokens, random), from: 0 },
}
const local = () => new LocalGradients(Network.fromArrays(config, busyArrays(config, TINY_ITEMS, 1)), text(), units)

describe.each(['wasm', 'cpu'] as const)('gradients by several threads on %s', (engine) => {
  let parallel: ParallelGradients

  beforeAll(async () => {
    await startTensorflow(engine)
    parallel = new ParallelGradients(local(), engine, 3)
  })
  afterAll(() => parallel.dispose())

  it('are those of one, dropout included, also after the weights changed', async () => {
    const one = local()
    const shared = parallel.local.network.weights
    for (const change of [0, 0, 0.1]) {
      for (const network of [one.network.weights, shared])
        network.alpha.data.forEach((_, i, alpha) => (alpha[i] += change))
      const wanted = await one.gradients(batch)
      const found = await parallel.gradients(batch)
      expect(found.loss).toBeCloseTo(wanted.loss, 5)
      expect(Object.keys(found.gradients).sort()).toEqual(Object.keys(wanted.gradients).sort())
      for (const [name, { values, rows: items }] of Object.entries(wanted.gradients)) {
        const { values: others, rows: places } = found.gradients[name]
        const width = items ? values.length / items.length : values.length
        const order = items ? [...items].map((item) => places!.indexOf(item)) : [0]
        expect(others.length).toBe(values.length)
        order.forEach((place, i) => {
          for (let k = 0; k < width; k++)
            expect(Math.abs(others[place * width + k] - values[i * width + k]), name).toBeLessThan(1e-5)
        })
      }
    }
    one.dispose()
  })

  it('says what stopped a thread', async () => {
    const broken = new ParallelGradients(local(), 'native-of-another-world' as 'cpu', 2)
    await broken.gradients(batch)
    await expect(broken.gradients(batch)).rejects.toThrow()
    broken.dispose()
  })
})
