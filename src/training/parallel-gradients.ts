import { Worker } from 'node:worker_threads'
import {
  type Batch,
  type BatchGradients,
  type Gradient,
  type GradientSource,
  LocalGradients,
} from '../model/gradients.js'
import type { Row } from '../model/packing.js'
import { packagePath } from '../platform/paths.js'
import type { Engine } from '../platform/tensorflow.js'
import type { WorkerData } from './gradient-worker.js'

/**
 * Gradients of a step by several threads, each with an engine of its own and a share of the rows; they read the weights
 * from the same memory. What comes out is the same for any number of threads, up to the order in which it is added up.
 * One engine with several threads of its own is no substitute: most of its operations are too small to be divided.
 */
export class ParallelGradients implements GradientSource {
  private workers: Helper[] = []
  private isWarm = false

  /** @param threads in all, this one counted */
  constructor(
    readonly local: LocalGradients,
    private readonly engine: Engine,
    private readonly threads: number,
  ) {
    // Before anybody holds on to the arrays as they were.
    local.network.share()
    local.text.share()
  }

  async gradients(batch: Batch): Promise<BatchGradients> {
    // The first step is done alone: the native library keeps names of what it meets for all threads, unguarded. Those of
    // dropout it meets only with a batch that has it.
    if (!this.isWarm) {
      const found = await this.local.gradients(batch)
      this.isWarm = batch.dropout !== null || this.local.units === undefined
      return found
    }
    const [own, ...others] = divide(batch, this.threads)
    while (this.workers.length < others.length) this.workers.push(new Helper(dataOf(this.local, this.engine)))
    const asked = others.map((part, index) => this.workers[index].gradients(part))
    const found = await Promise.all([...asked, this.local.gradients(own)])
    return found.reduce(addGradients)
  }

  dispose(): void {
    for (const worker of this.workers) worker.stop()
    this.workers = []
    this.local.dispose()
  }
}

/** A thread that computes gradients, one batch at a time. */
class Helper {
  private readonly worker: Worker
  private waiting: { resolve: (found: BatchGradients) => void; reject: (error: Error) => void } | undefined
  /** Why it does not answer any more. */
  private ended: Error | undefined

  constructor(data: WorkerData) {
    // From the build also where this runs from its sources, as in tests: threads start from JavaScript.
    this.worker = new Worker(packagePath('dist', 'src', 'training', 'gradient-worker.js'), { workerData: data })
    this.worker.on('message', (found: BatchGradients) => this.waiting?.resolve(found))
    this.worker.on('error', (error) => this.end(error))
    this.worker.on('messageerror', (error) => this.end(error))
    this.worker.on('exit', (code) => this.end(new Error(`A training thread ended with code ${code}.`)))
  }

  gradients(batch: Batch): Promise<BatchGradients> {
    return new Promise((resolve, reject) => {
      // What is sent to a thread that has ended is lost without a word.
      if (this.ended) return reject(this.ended)
      this.waiting = { resolve, reject }
      this.worker.postMessage(batch)
    })
  }

  private end(why: Error): void {
    this.ended ??= why
    this.waiting?.reject(this.ended)
  }

  stop(): void {
    this.waiting = undefined
    void this.worker.terminate()
  }
}

function dataOf({ network, text, units }: LocalGradients, engine: Engine): WorkerData {
  return { engine, config: network.config, weights: network.weights, text: text.toArrays(), units }
}

/** As many parts as there are threads, or rows where these are fewer. */
export function divide(batch: Batch, threads: number): Batch[] {
  const { rows, dropout } = batch
  const parts = Math.min(threads, rows.length)
  let from = 0
  return Array.from({ length: parts }, (_, part) => {
    const own: Row[] = rows.slice(
      Math.round((part * rows.length) / parts),
      Math.round(((part + 1) * rows.length) / parts),
    )
    const share = { ...batch, rows: own, dropout: dropout && { starts: dropout.starts, from: dropout.from + from } }
    from += own.reduce((sum, row) => sum + row.items.length, 0)
    return share
  })
}

/** Sums of what two parts of one step found. */
export function addGradients(one: BatchGradients, other: BatchGradients): BatchGradients {
  const gradients = { ...one.gradients }
  for (const [name, gradient] of Object.entries(other.gradients)) {
    const before = gradients[name]
    gradients[name] = before ? addGradient(before, gradient) : gradient
  }
  return { loss: one.loss + other.loss, gradients }
}

function addGradient(one: Gradient, other: Gradient): Gradient {
  if (!one.rows || !other.rows) {
    for (let i = 0; i < one.values.length; i++) one.values[i] += other.values[i]
    return one
  }
  const width = one.values.length / one.rows.length
  const places = new Map<number, number>()
  one.rows.forEach((row, place) => places.set(row, place))
  const fresh = other.rows.filter((row) => !places.has(row))
  fresh.forEach((row) => places.set(row, places.size))
  const values = new Float32Array(places.size * width)
  values.set(one.values)
  other.rows.forEach((row, i) => {
    const to = places.get(row)! * width
    for (let k = 0; k < width; k++) values[to + k] += other.values[i * width + k]
  })
  return { values, rows: Uint32Array.from(places.keys()) }
}
