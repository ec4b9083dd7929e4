import { parentPort, workerData } from 'node:worker_threads'
import { type Batch, type BatchGradients, LocalGradients } from '../model/gradients.js'
import { Network } from '../model/network.js'
import { TextMatrix } from '../model/text-matrix.js'
import type { NetworkConfig, Weights } from '../model/weights.js'
import { type Engine, startTensorflow } from '../platform/tensorflow.js'

/** What a thread of `ParallelGradients` starts with; weights, texts and units lie in memory that it shares. */
export interface WorkerData {
  engine: Engine
  config: NetworkConfig
  weights: Weights
  text: ReturnType<TextMatrix['toArrays']>
  units?: Float32Array
}

const { engine, config, weights, text, units } = workerData as WorkerData
const ready = startTensorflow(engine).then(
  () => new LocalGradients(Network.over(config, weights), TextMatrix.fromArrays(text), units),
)

// One at a time: the next batch comes when this one's gradients were taken.
parentPort!.on('message', (batch: Batch) => {
  void ready.then(async (source) => {
    const found = await source.gradients(batch)
    parentPort!.postMessage(found, buffersOf(found))
  })
})
// Unheard, a batch that can not be read would be waited for for ever.
parentPort!.on('messageerror', (error) => {
  throw error
})

/** Moved to the thread that adds them up, or each thread would keep copies until it happens to collect them. */
function buffersOf({ gradients }: BatchGradients): ArrayBuffer[] {
  const buffers = Object.values(gradients).map(({ values }) => values.buffer)
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer)
}
