import { TextMatrix } from '../../src/model/text-matrix.js'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Interaction, toHistories } from '../../src/model/history.js'
import { Network } from '../../src/model/network.js'
import { Random } from '../../src/model/random.js'
import { DEFAULT_CONFIG, type NetworkConfig, startFromScratch, startFromText } from '../../src/model/weights.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { DEFAULT_FIT, fit, type FitInput, fromScratch } from '../../src/training/fit.js'
import type { Progress } from '../../src/training/fit-watch.js'
import { randomText } from '../model/tiny-shop.js'

const ITEMS = 30
const LENGTH = 12
const config: NetworkConfig = { ...DEFAULT_CONFIG, textLength: LENGTH, width: 16, maxLength: 8, typeWeights: [1, 0] }
const text = TextMatrix.from(randomText(ITEMS, LENGTH, 1), LENGTH)
const axes = new Random(2).normals(LENGTH * config.width, 0.3)
const start = startFromText(config, axes, ITEMS, 3)

/** Everybody walks through the catalogue in the same circle, each from a place of his own. */
function circle(users: number, length: number, seed: number): Interaction[][] {
  const random = new Random(seed)
  return Array.from({ length: users }, () => {
    const first = random.below(ITEMS)
    return Array.from({ length }, (_, i) => ({ item: (first + i) % ITEMS, type: 0, at: i * 3_600_000 }))
  })
}
const histories = toHistories(circle(60, 7, 1))
const judged = circle(40, 5, 2)

/** Share of walkers whose next item is the best of the catalogue. */
function hits(network: Network): number {
  const vectors = network.itemVectors(text)
  const users = network.encode(judged, vectors)
  const found = judged.filter((history, u) => {
    const scores = Array.from({ length: ITEMS }, (_, item) => {
      let score = 0
      for (let k = 0; k < config.width; k++) score += users[u * config.width + k] * vectors[item * config.width + k]
      return history.some((event) => event.item === item) ? -Infinity : score
    })
    return scores.indexOf(Math.max(...scores)) === (history[4].item + 1) % ITEMS
  })
  network.dispose()
  return found.length / judged.length
}

const options = { ...DEFAULT_FIT, epochs: 12, rowLength: 32, rowsPerStep: 1, rate: 1e-2, warmUpSteps: 5 }
const input: FitInput = { config, start, text, histories, typeWeights: [1, 0], validate: hits, options }

describe('fit', () => {
  beforeAll(async () => {
    await startTensorflow('wasm')
  })

  it('learns a path that the text does not know, and says how it went', async () => {
    const reports: Progress[] = []
    const result = await fit({ ...input, onProgress: (progress) => reports.push(progress) })
    expect(result.curve[0]).toMatchObject({ epoch: 0, trainLoss: null })
    expect(result.bestValidation).toBeGreaterThan(0.9)
    expect(result.curve[0].validationNdcg).toBeLessThan(0.3)
    const losses = result.curve.slice(1).map((epoch) => epoch.trainLoss ?? 0)
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2)
    expect(reports.at(-1)).toMatchObject({ step: result.steps, epoch: result.curve.length - 1 })
    expect(reports.map((report) => report.progress)).toEqual(
      reports.map((report) => report.progress).sort((a, b) => a - b),
    )
    expect(result.tokensPerSecond).toBeGreaterThan(0)
  })

  it('puts training beside validation in the same measure, and goes by validation alone', async () => {
    const told = [
      { validation: 0.1, training: 0.2 },
      { validation: 0.3, training: 0.4 },
      { validation: 0.2, training: 0.9 },
    ]
    let calls = 0
    const result = await fit({ ...input, validate: () => told[calls++], options: { ...options, epochs: 2 } })
    expect(result.curve.map(({ validationNdcg, trainNdcg }) => [validationNdcg, trainNdcg])).toEqual(
      told.map(({ validation, training }) => [validation, training]),
    )
    expect(result).toMatchObject({ bestEpoch: 1, bestValidation: 0.3 })
    const alone = await fit({ ...input, validate: () => 0.5, options: { ...options, epochs: 1 } })
    expect(alone.curve.map(({ trainNdcg }) => trainNdcg)).toEqual([null, null])
  })

  it('restores the best epoch: its weights, not the last ones', async () => {
    const seen: number[] = []
    const script = [0.1, 0.2, 0.5, 0.3, 0.2, 0.4]
    const weights: Float32Array[] = []
    const result = await fit({
      ...input,
      validate: (network) => {
        weights.push(network.toArrays().residual.data as Float32Array)
        seen.push(script[seen.length])
        return script[seen.length - 1]
      },
      options: { ...options, patience: 3, drops: 0 },
    })
    expect(seen).toEqual(script) // stopped after three epochs without a better one
    expect(result).toMatchObject({ bestEpoch: 2, bestValidation: 0.5 })
    expect(result.arrays.residual.data).toEqual(weights[2])
    expect(result.arrays.residual.data).not.toEqual(weights[5])
  })

  it('goes on from the best epoch at a lower rate where validation stands still', async () => {
    const script = [0.1, 0.2, 0.5, 0.3, 0.2, 0.4, 0.4, 0.6, 0.4, 0.4, 0.4]
    const weights: Float32Array[] = []
    const result = await fit({
      ...input,
      validate: (network) => script[weights.push(network.toArrays().residual.data as Float32Array) - 1],
      options: { ...options, patience: 3, drops: 1 },
    })
    const apart = (one: number, other: number) =>
      Math.hypot(...weights[one].map((value, at) => value - weights[other][at]))
    expect(weights).toHaveLength(script.length) // three epochs without a better one, then three after the next best
    expect(apart(6, 2)).toBeLessThan(apart(6, 5))
    expect(apart(6, 2)).toBeLessThan(0.5 * apart(3, 2))
    expect(result).toMatchObject({ bestEpoch: 7, bestValidation: 0.6 })
    expect(result.arrays.residual.data).toEqual(weights[7])
  })

  it('gives back the start where nothing learned is better', async () => {
    let calls = 0
    const result = await fit({ ...input, validate: () => -calls++, options: { ...options, patience: 2 } })
    expect(result.bestEpoch).toBe(0)
    expect(result.arrays).toEqual(Network.fromArrays(config, start).toArrays())
  })

  it('keeps the adaptor for the frozen epochs, and the transformer too where the start has one', async () => {
    const trained = { ...start, alpha: { ...start.alpha, data: start.alpha.data.map(() => 0.1) } }
    const frozen = { ...options, epochs: 1, frozenEpochs: 1 }
    const fromText = await fit({ ...input, validate: undefined, options: frozen })
    const fromTrained = await fit({ ...input, start: trained, validate: undefined, options: frozen })
    expect(fromText.arrays.adaptor.data).toEqual(start.adaptor.data)
    expect(fromText.arrays['block.0.expand'].data).not.toEqual(start['block.0.expand'].data)
    expect(fromTrained.arrays.adaptor.data).toEqual(start.adaptor.data)
    expect(fromTrained.arrays['block.0.expand'].data).toEqual(start['block.0.expand'].data)
    expect(fromTrained.arrays.residual.data.some((value) => value !== 0)).toBe(true)
    const thawed = await fit({ ...input, validate: undefined, options: { ...frozen, frozenEpochs: 0 } })
    expect(thawed.arrays.adaptor.data).not.toEqual(start.adaptor.data)
  })

  it('stays nearer to the start the harder it is pulled', async () => {
    const distance = async (pull: number) => {
      const { arrays } = await fit({ ...input, validate: undefined, options: { ...options, epochs: 3, pull } })
      return Math.hypot(...arrays.residual.data)
    }
    expect(await distance(20)).toBeLessThan(0.8 * (await distance(0)))
  })

  it('trains the same twice from one seed', async () => {
    const short = { ...input, options: { ...options, epochs: 2 } }
    const [one, two] = [await fit(short), await fit(short)]
    expect(one.arrays).toEqual(two.arrays)
    const other = await fit({ ...short, options: { ...short.options, seed: 2 } })
    expect(other.arrays.residual.data).not.toEqual(one.arrays.residual.data)
  })

  it('trains its twin from scratch by the same loop', async () => {
    const scratch = startFromScratch(config, ITEMS, 5)
    const result = await fit({ ...input, start: scratch, options: fromScratch(options) })
    expect(result.bestValidation).toBeGreaterThan(0.5)
    expect(result.arrays.adaptor.data).not.toEqual(scratch.adaptor.data)
  })

  it('follows the loss on held-out events down, and judges by nothing before their window', async () => {
    const from = 4 * 3_600_000
    const since = (moment: number) => Uint8Array.from(histories.times, (at) => Number(at >= moment))
    const before = toHistories(circle(60, 4, 1))
    const result = await fit({ ...input, histories: before, heldOut: { histories, events: since(from) } })
    const losses = result.curve.map((epoch) => epoch.validationLoss ?? NaN)
    expect(losses.at(-1)).toBeLessThan(losses[0])
    const none = await fit({
      ...input,
      heldOut: { histories, events: since(Infinity) },
      options: { ...options, epochs: 1 },
    })
    expect(none.curve[1].validationLoss).toBeNull()
  })

  it('ends where nothing good can come of it any more, with what was best so far', async () => {
    const asked: [number, number][] = []
    const isHopeless = (epoch: number, best: number) => asked.push([epoch, best]) === 2
    const { curve, bestEpoch, bestValidation } = await fit({ ...input, isHopeless })
    expect(curve.map(({ epoch }) => epoch)).toEqual([0, 1, 2])
    expect(asked.map(([epoch]) => epoch)).toEqual([1, 2])
    expect(asked[1][1]).toBe(bestValidation)
    expect(curve[bestEpoch].validationNdcg).toBe(bestValidation)
  })

  it('stops at its budget of steps and when cancelled, and leaves no tensor', async () => {
    const before = tf.memory().numTensors
    const limited = await fit({ ...input, options: { ...options, maxSteps: 5 } })
    expect(limited.steps).toBe(5)
    const cancel = new AbortController()
    const cancelled = fit({ ...input, signal: cancel.signal, onProgress: () => cancel.abort(new Error('enough')) })
    await expect(cancelled).rejects.toThrow('enough')
    expect(tf.memory().numTensors).toBe(before)
  })

  it('says so when there is nothing to predict', async () => {
    const lone = toHistories([[{ item: 1, type: 0, at: 0 }], [{ item: 1, type: 0, at: 0 }]])
    await expect(fit({ ...input, histories: lone })).rejects.toThrow('No event is left to predict')
  })
})
