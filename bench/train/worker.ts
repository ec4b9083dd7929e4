// A process that trains as `src/training/fit.ts` does, step by step, when it is told to by a line on standard input.
import { createInterface } from 'node:readline'
import * as tf from '@tensorflow/tfjs-core'
import { Network } from '../../src/model/network.js'
import { packHistories, type Row, targetWeights } from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'
import { DEFAULT_TRAINER, type Rates, Trainer } from '../../src/model/trainer.js'
import { DEFAULT_CONFIG, type NetworkConfig, startFromText } from '../../src/model/weights.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { ParallelGradients } from '../../src/training/parallel-gradients.js'
import type { Job, Measured } from './contender.js'
import { naiveStep } from './naive.js'
import { countOperations } from './operations.js'
import { type BenchShop, makeShop, readBenchShop } from './shop.js'
import { TRIAL_USERS } from './sizes.js'

/** One step of training. @returns its real events and its loss */
type Step = () => Promise<{ events: number; loss: number }>

// Past the first epochs everything learns, the adaptor slower than the rest.
const RATES: Rates = { adaptor: 2e-4, residual: 2e-3, sequence: 2e-3, readout: 2e-3 }

function attuneStep(shop: BenchShop, { engine, size, layout, threads }: Job): Step {
  const config: NetworkConfig = {
    ...DEFAULT_CONFIG,
    textLength: shop.text.length,
    typeWeights: [1],
    blocks: size.blocks,
    maxLength: size.length,
    dropout: size.dropout,
  }
  const { histories } = shop
  const counts = new Float64Array(shop.items)
  for (const item of histories.items) counts[item]++
  const trainer = new Trainer(
    Network.fromArrays(config, startFromText(config, shop.axes, shop.items, 1)),
    shop.text,
    counts,
    { ...DEFAULT_TRAINER, negatives: size.negatives, tokens: layout.rowLength * layout.rowsPerStep },
    threads > 1 ? (local) => new ParallelGradients(local, engine, threads) : undefined,
  )
  const weights = targetWeights(histories, config.typeWeights)
  const random = new Random(1)
  let rows: Row[] = []
  return async () => {
    // Packing is part of training, and so of what is timed.
    if (rows.length === 0) rows = packHistories(histories, weights, layout.rowLength, random).reverse()
    const batch = rows.splice(-layout.rowsPerStep)
    const loss = await trainer.step(batch, RATES)
    return { events: batch.reduce((sum, row) => sum + realEvents(row), 0), loss }
  }
}

/** Tokens of a row that are somebody's event: all but what fills up the last row, lone tokens without a past or a target. */
function realEvents({ length, starts, gaps, targets }: Row): number {
  let last = length
  while (last > 0 && starts[last - 1] === last - 1 && gaps[last - 1] === 0 && targets[last - 1] < 0) last--
  return last
}

async function measure(step: Step, seconds: number): Promise<Measured> {
  const started = performance.now()
  const cpu = process.cpuUsage()
  let events = 0
  let steps = 0
  let loss: number
  let passed: number
  do {
    const done = await step()
    events += done.events
    loss = done.loss
    steps++
    passed = (performance.now() - started) / 1000
  } while (passed < seconds)
  const { user, system } = process.cpuUsage(cpu)
  return {
    eventsPerSecond: events / passed,
    cores: (user + system) / 1e6 / passed,
    steps,
    loss,
    peakMemoryMb: process.resourceUsage().maxRSS / 1024,
  }
}

/** Steps without looking at the clock; what is held afterwards. */
async function run(step: Step, steps: number) {
  for (let i = 0; i < steps; i++) await step()
  globalThis.gc?.()
  return { tensors: tf.memory().numTensors, residentMb: process.memoryUsage().rss / 2 ** 20 }
}

const say = (answer: object) => void process.stdout.write(`${JSON.stringify(answer)}\n`)

try {
  const job = JSON.parse(process.argv[2]) as Job
  await startTensorflow(job.engine)
  const shop =
    'file' in job.data
      ? readBenchShop(job.data.file)
      : makeShop(job.data.items, job.data.events, job.data.eventsPerUser)
  const step = job.step === 'naive' ? await naiveStep(shop, job.size, TRIAL_USERS) : attuneStep(shop, job)
  say({ ready: true })
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line) as { do: 'measure'; seconds: number } | { do: 'run' | 'count'; steps: number }
    if (command.do === 'measure') say(await measure(step, command.seconds))
    else if (command.do === 'run') say(await run(step, command.steps))
    else {
      const operations = countOperations()
      for (let i = 0; i < command.steps; i++) await step()
      say({ operationsPerStep: Math.round(operations() / command.steps) })
    }
  }
} catch (error) {
  say({ error: error instanceof Error ? error.message : String(error) })
}
