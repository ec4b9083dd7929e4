import { expect } from 'vitest'
import { Network } from '../../src/model/network.js'
import { packHistories, targetWeights } from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { DEFAULT_TRAINER, Trainer } from '../../src/model/trainer.js'
import { DEFAULT_CONFIG, type NetworkConfig, startFromScratch } from '../../src/model/weights.js'
import { type Engine, startTensorflow } from '../../src/platform/tensorflow.js'
import { randomHistories, randomText } from './tiny-shop.js'

export const STEPS = 50
const ITEMS = 300
const config: NetworkConfig = {
  ...DEFAULT_CONFIG,
  ...{ textLength: 24, typeWeights: [1, 0.5], width: 16, blocks: 2, heads: 2, maxLength: 20, dropout: 0.3 },
}
const text = TextMatrix.from(randomText(ITEMS, config.textLength, 3), config.textLength)
const histories = randomHistories(
  Array.from({ length: 120 }, (_, user) => 2 + (user % 23)),
  ITEMS,
  5,
)

/** The loss of each of the first steps, dropout and drawn negatives included. */
async function losses(): Promise<number[]> {
  const network = Network.fromArrays(config, startFromScratch(config, ITEMS, 1))
  const trainer = new Trainer(network, text, new Float64Array(ITEMS).fill(1), { ...DEFAULT_TRAINER, negatives: 64 })
  const rows = packHistories(histories, targetWeights(histories, config.typeWeights), 32, new Random(2))
  const rates = { adaptor: 1e-3, residual: 2e-3, sequence: 2e-3, readout: 2e-3 }
  const found: number[] = []
  for (let step = 0; step < STEPS; step++) {
    const from = (4 * step) % (rows.length - 3)
    found.push(await trainer.step(rows.slice(from, from + 4), rates))
  }
  trainer.dispose()
  return found
}

/** Expects of each engine the losses that the plain one finds, to 1e-3. */
export async function expectAgreement(engines: Engine[]): Promise<void> {
  await startTensorflow('cpu')
  const wanted = await losses()
  // It learns: engines could also agree on doing nothing.
  expect(wanted[STEPS - 1]).toBeLessThan(wanted[0])
  for (const engine of engines) {
    await startTensorflow(engine)
    const found = await losses()
    wanted.forEach((loss, step) => expect(Math.abs(found[step] - loss), `${engine}, step ${step}`).toBeLessThan(1e-3))
  }
}

/** Says that an engine was left out, and why. */
export const leftOut = (engine: Engine, reason: string | undefined) =>
  console.warn(`NOT COMPARED: the engine '${engine}' does not work here: ${reason}`)
