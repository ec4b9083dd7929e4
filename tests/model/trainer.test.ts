import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { type BatchGradients, LocalGradients } from '../../src/model/gradients.js'
import { Network } from '../../src/model/network.js'
import { NegativeSampler } from '../../src/model/negatives.js'
import { packHistories } from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { DEFAULT_TRAINER, type Rates, Trainer } from '../../src/model/trainer.js'
import type { Part } from '../../src/model/weights.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { busyArrays, randomHistories, randomRows, randomText, TINY, TINY_ITEMS } from './tiny-shop.js'

const text = TextMatrix.from(randomText(TINY_ITEMS, TINY.textLength, 3), TINY.textLength)
const counts = new Float64Array(TINY_ITEMS).fill(2)
const rows = randomRows([7, 3, 1, 9, 2, 5], 10, 4)
const RATES: Rates = { adaptor: 1e-2, residual: 1e-2, sequence: 1e-2, readout: 1e-2 }
const DROPPING = { ...TINY, dropout: 0.3 }

const fresh = (config = TINY, seed = 1) => {
  const network = Network.fromArrays(config, busyArrays(config, TINY_ITEMS, 1))
  return { network, trainer: new Trainer(network, text, counts, { ...DEFAULT_TRAINER, negatives: 6, seed }) }
}

describe('Trainer', () => {
  beforeAll(async () => {
    await startTensorflow('wasm')
  })

  it('brings the loss down on what it is shown', async () => {
    const { trainer } = fresh()
    const before = await trainer.loss(rows, 1)
    for (let step = 0; step < 60; step++) await trainer.step(rows, RATES)
    expect(await trainer.loss(rows, 1)).toBeLessThan(0.6 * before)
  })

  it.each<Part>(['adaptor', 'residual', 'sequence', 'readout'])(
    'leaves a frozen %s as it is and moves the rest',
    async (part) => {
      const { network, trainer } = fresh()
      const before = network.toArrays()
      await trainer.step(rows, { ...RATES, [part]: 0 })
      for (const [name, weight] of Object.entries(network.weights)) {
        if (weight.part === part) expect(weight.data, name).toEqual(before[name].data)
        else expect(weight.data, name).not.toEqual(before[name].data)
      }
    },
  )

  it('learns the same from the same seed and something else from another', async () => {
    const learned = async (seed: number) => {
      const { network, trainer } = fresh(DROPPING, seed)
      for (let step = 0; step < 3; step++) await trainer.step(rows, RATES)
      return network.toArrays()
    }
    expect(await learned(1)).toEqual(await learned(1))
    expect((await learned(1)).residual.data).not.toEqual((await learned(2)).residual.data)
  })

  it('keeps no tensor from 200 steps', async () => {
    const { trainer } = fresh(DROPPING)
    const empty = tf.memory().numTensors
    await trainer.step(rows, RATES)
    const before = tf.memory().numTensors
    for (let step = 0; step < 200; step++)
      await trainer.step(rows.slice(0, 1), step % 2 ? RATES : { ...RATES, adaptor: 0 })
    expect(tf.memory().numTensors).toBe(before)
    trainer.dispose()
    expect(tf.memory().numTensors).toBe(empty)
  })

  it('learns the same on wasm and cpu', async () => {
    const learned: Float32Array[] = []
    for (const engine of ['cpu', 'wasm'] as const) {
      await startTensorflow(engine)
      const { network, trainer } = fresh()
      for (let step = 0; step < 3; step++) await trainer.step(rows, RATES)
      learned.push(network.itemVectors(text))
    }
    learned[0].forEach((value, i) => expect(Math.abs(value - learned[1][i])).toBeLessThan(1e-3))
  })
})

describe('packing', () => {
  it('changes neither loss nor gradients: all sequences in one row are each in a row of its own', async () => {
    await startTensorflow('cpu')
    const lengths = [4, 3, 2, 5]
    const histories = randomHistories(lengths, TINY_ITEMS, 6)
    const weights = Float32Array.from(histories.items, (_, i) => 1 + (i % 3))
    const packed = packHistories(histories, weights, 14, new Random(1))
    const alone = lengths.flatMap((length, user) => {
      const from = histories.offsets[user]
      const only = {
        offsets: Uint32Array.of(0, length),
        items: histories.items.slice(from, from + length),
        types: histories.types.slice(from, from + length),
        times: histories.times.slice(from, from + length),
      }
      return packHistories(only, weights.slice(from, from + length), 6, new Random(1)) // padded to 6
    })
    expect([packed.length, alone.length]).toEqual([1, 4])
    const network = Network.fromArrays(TINY, busyArrays(TINY, TINY_ITEMS, 1))
    // Against the whole catalogue, each position is masked by its own sequence however the rows are laid.
    const negatives = new NegativeSampler(counts).draw(TINY_ITEMS, new Random(1))
    const results: BatchGradients[] = []
    for (const rows of [packed, alone]) {
      const { loss, gradients } = await new LocalGradients(network, text).gradients({
        rows,
        negatives,
        targetWeight: 1,
        learnsText: true,
        dropout: null,
      })
      results.push({ loss, gradients })
    }
    expect(results[0].loss).toBeCloseTo(results[1].loss, 5)
    for (const [name, { values }] of Object.entries(results[0].gradients)) {
      if (name === 'residual') continue // rows in another order
      values.forEach((value, i) =>
        expect(Math.abs(value - results[1].gradients[name].values[i]), name).toBeLessThan(1e-5),
      )
    }
  })
})
