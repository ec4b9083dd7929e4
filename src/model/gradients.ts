import * as tf from '@tensorflow/tfjs-core'
import { type Gradients, product } from './layers.js'
import { softmaxLoss } from './loss.js'
import { gatherRows, type Network } from './network.js'
import { negativeBiases, type Negatives } from './negatives.js'
import { type Row, stackRows } from './packing.js'
import { runSequence, sequenceTensors, SIDE, type SequenceTensors } from './sequence.js'

/** Gradient of one weight; with `rows`, only of those rows of it. */
export interface Gradient {
  values: Float32Array
  rows?: Uint32Array
}

export type BatchText = { raw: Float32Array } | { projected: Float32Array }

export interface Batch {
  /** Of one length. */
  rows: Row[]
  negatives: Negatives
  /** Rows of text vectors, [items, textLength], when the adaptor learns too; otherwise their projections. */
  text: (items: Uint32Array) => BatchText
  /** A mask [tokens, width] for one place of the network and some tokens of the batch, or null when nothing is dropped. */
  dropout: ((place: number, from: number, tokens: number) => tf.Tensor2D) | null
}

/**
 * Mean loss over the targets of a batch and its gradient at every weight, by one pass forwards and backwards. Indices are
 * followed in plain arrays and dense algebra is done in tensors, each where it is fast. All rows go at once, but for the
 * WebAssembly engine: it is fastest where a row's matrices fit into the processor's cache, and slow at batches.
 */
export async function batchGradients(
  network: Network,
  batch: Batch,
): Promise<{ loss: number; gradients: Record<string, Gradient> }> {
  const { config, weights } = network
  const { width, textLength } = config
  const items = itemsOf(batch)
  const text = batch.text(items)
  const raw = 'raw' in text ? tf.tensor2d(text.raw, [items.length, textLength]) : undefined
  const vectors = 'raw' in text ? await values(() => tf.matMul(raw!, adaptorOf(network))) : text.projected
  const residual = gatherRows(weights.residual.data, items, width)
  for (let i = 0; i < vectors.length; i++) vectors[i] += residual[i]

  const tensors = tf.tidy(() => sequenceTensors(config, weights))
  const pass = new Pass(network, batch, tensors, vectors, items)
  let loss = 0
  if (tf.getBackend() === 'wasm') {
    for (const [index, row] of batch.rows.entries()) loss += await pass.run(row, index * row.length)
  } else loss = await pass.run(stackRows(batch.rows), 0)
  const gradients = pass.finish()
  if (raw) {
    const gradient = gradients.residual.values
    // Turns the small product rather than the large text.
    gradients.adaptor = {
      values: await values(() => tf.transpose(product(tf.tensor2d(gradient, [items.length, width]), raw, 'a'))),
    }
  }
  raw?.dispose()
  tf.dispose(tensors)
  return { loss, gradients }
}

const adaptorOf = ({ config, weights }: Network) =>
  tf.tensor2d(weights.adaptor.data.slice(), [config.textLength, config.width])

/** Asynchronous, since WebGPU answers in no other way. */
async function values(compute: () => tf.Tensor): Promise<Float32Array> {
  const result = tf.tidy(compute)
  const read = await result.data<'float32'>()
  result.dispose()
  return read
}

/** Distinct items of a batch: tokens, targets and negatives. */
function itemsOf({ rows, negatives }: Batch): Uint32Array {
  const items = new Set<number>(negatives.items)
  for (const row of rows) {
    for (const item of row.items) items.add(item)
    for (const item of row.targets) if (item >= 0) items.add(item)
  }
  return Uint32Array.from(items)
}

/** Runs the rows of one batch and adds up their gradients. */
class Pass {
  private readonly sums = new Map<string, Float32Array>()
  private readonly itemGradient: Float32Array
  private readonly places = new Map<number, number>()
  private readonly negatives: tf.Tensor2D
  private readonly negativesT: tf.Tensor2D
  private readonly targetWeight: number

  /** @param vectors [items, width] of the batch's items @param items which they are */
  constructor(
    private readonly network: Network,
    private readonly batch: Batch,
    private readonly tensors: SequenceTensors,
    private readonly vectors: Float32Array,
    private readonly items: Uint32Array,
  ) {
    const { width } = network.config
    items.forEach((item, place) => this.places.set(item, place))
    this.itemGradient = new Float32Array(vectors.length)
    const negatives = gatherRows(vectors, this.placesOf(batch.negatives.items), width)
    this.negatives = tf.tensor2d(negatives, [batch.negatives.items.length, width])
    this.negativesT = tf.transpose(this.negatives)
    this.targetWeight = batch.rows.reduce((sum, row) => row.weights.reduce((total, weight) => total + weight, sum), 0)
  }

  /**
   * Part of the mean loss; its gradients are added up.
   * @param row one or several stacked @param from how many tokens of the batch come before it
   */
  async run(row: Row, from: number): Promise<number> {
    if (!row.weights.some((weight) => weight > 0)) return 0
    const { config, weights, scale } = this.network
    const { batch } = this
    const D = config.width
    const T = row.items.length
    const places = this.placesOf(row.items)
    // A position without target gets any vector: its weight is 0.
    const targets = this.placesOf(Array.from(row.targets, (target, i) => (target >= 0 ? target : row.items[i])))
    const parts: { name: string; size: number }[] = []
    // One reading for all: each makes the engine finish what it is at.
    const flat = await values(() => {
      const found: tf.Tensor1D[] = []
      const add = (name: string, gradient: tf.Tensor2D) => {
        parts.push({ name, size: gradient.size })
        found.push(tf.reshape(gradient, [gradient.size]))
      }
      const gradients: Gradients = { add }
      const { dropout } = batch
      const pass = runSequence(
        config,
        weights,
        this.tensors,
        row,
        tf.tensor2d(gatherRows(this.vectors, places, D), [T, D]),
        dropout && ((place) => dropout(place, from, T)),
      )
      const loss = softmaxLoss(
        pass.users,
        tf.tensor2d(gatherRows(this.vectors, targets, D), [T, D]),
        this.negatives,
        this.negativesT,
        this.biasesOf(row),
        tf.tensor2d(
          row.weights.map((weight) => weight / this.targetWeight),
          [T, 1],
        ),
        scale,
      )
      const slopes = loss.backward()
      add('loss', tf.reshape(tf.sum(loss.losses), [1, 1]))
      add('negatives', slopes.negativesT)
      add('logScale', slopes.logScale)
      add('targets', slopes.targets)
      add('items', pass.backward(slopes.users, gradients))
      return tf.concat1d(found)
    })
    let loss = 0
    let at = 0
    for (const { name, size } of parts) {
      const part = flat.subarray(at, (at += size))
      if (name === 'loss') loss = part[0]
      else if (name === 'items') addRows(this.itemGradient, places, part, D)
      else if (name === 'targets') addRows(this.itemGradient, targets, part, D)
      else this.addUp(name, part)
    }
    return loss
  }

  /** All gradients of the rows run; that of the item vectors stands under 'residual'. */
  finish(): Record<string, Gradient> {
    const { width, maxLength } = this.network.config
    const gradients: Record<string, Gradient> = {}
    for (const [name, sum] of this.sums) {
      if (name === 'negatives') this.addNegatives(sum)
      else if (name === 'side') this.addSide(sum, gradients)
      else gradients[name] = { values: name.includes('distance') ? byDistance(sum, maxLength) : sum }
    }
    tf.dispose([this.negatives, this.negativesT])
    gradients.residual = { values: this.itemGradient.subarray(0, this.items.length * width), rows: this.items }
    return gradients
  }

  /** [T, N] */
  private biasesOf(row: Row): tf.Tensor2D {
    const N = this.batch.negatives.items.length
    const { biases, sequences } = negativeBiases(row, this.batch.negatives)
    if (tf.getBackend() === 'wasm') return tf.tensor2d(gatherRows(biases, sequences, N), [sequences.length, N])
    return tf.gather(tf.tensor2d(biases, [biases.length / N, N]), tf.tensor1d(sequences, 'int32'))
  }

  private addUp(name: string, values: Float32Array): void {
    const sum = this.sums.get(name)
    if (!sum) this.sums.set(name, values)
    else for (let i = 0; i < values.length; i++) sum[i] += values[i]
  }

  /** @param gradient [width, N] */
  private addNegatives(gradient: Float32Array): void {
    const { width } = this.network.config
    const N = this.batch.negatives.items.length
    const turned = new Float32Array(N * width)
    for (let k = 0; k < width; k++) for (let j = 0; j < N; j++) turned[j * width + k] = gradient[k * N + j]
    addRows(this.itemGradient, this.placesOf(this.batch.negatives.items), turned, width)
  }

  private addSide(gradient: Float32Array, gradients: Record<string, Gradient>): void {
    let at = 0
    for (const name of SIDE) {
      gradients[name] = { values: gradient.subarray(at, (at += this.network.weights[name].data.length)) }
    }
  }

  private placesOf(items: ArrayLike<number>): Uint32Array {
    const places = new Uint32Array(items.length)
    for (let i = 0; i < items.length; i++) places[i] = this.places.get(items[i])!
    return places
  }
}

/** Adds row i of `values` to row rows[i] of `sums`. */
function addRows(sums: Float32Array, rows: ArrayLike<number>, values: Float32Array, width: number): void {
  for (let i = 0; i < rows.length; i++) {
    const to = rows[i] * width
    for (let k = 0, from = i * width; k < width; k++) sums[to + k] += values[from + k]
  }
}

/** From the order of `diagonalSums` to one number for each distance inside the window. */
function byDistance(sums: Float32Array, window: number): Float32Array {
  const result = new Float32Array(window)
  result[0] = sums[0]
  for (let distance = 1; distance < window && distance < sums.length - 1; distance++) {
    result[distance] = sums[sums.length - distance]
  }
  return result
}
