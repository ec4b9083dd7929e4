import * as tf from '@tensorflow/tfjs-core'
import type { Gradients } from './layers.js'
import { softmaxLoss } from './loss.js'
import { gatherRows, sideVectors, type Network } from './network.js'
import { negativeBiases, type Negatives } from './negatives.js'
import type { Row } from './packing.js'
import { runSequence, sequenceTensors, type SequenceTensors } from './sequence.js'

/** Gradient of one weight; with `rows`, only of those rows of it. */
export interface Gradient {
  values: Float32Array
  rows?: Uint32Array
}

export type BatchText = { raw: Float32Array } | { projected: Float32Array }

export interface Batch {
  rows: Row[]
  negatives: Negatives
  /** Rows of text vectors, [items, textLength], when the adaptor learns too; otherwise their projections. */
  text: (items: Uint32Array) => BatchText
  /** Cuts a dropout mask of that many units, or null when nothing is dropped. */
  dropout: ((size: number) => Float32Array) | null
}

/**
 * Mean loss over the targets of a batch and its gradient at every weight, by one pass forwards and backwards through each
 * row. Indices are followed in plain arrays and dense algebra is done in tensors, each where it is fast.
 */
export function batchGradients(network: Network, batch: Batch): { loss: number; gradients: Record<string, Gradient> } {
  const { config, weights } = network
  const { width, textLength } = config
  const items = itemsOf(batch)
  const places = new Map<number, number>()
  items.forEach((item, place) => places.set(item, place))
  const text = batch.text(items)
  const vectors = 'raw' in text ? network.textVectors(text.raw) : text.projected
  const residual = gatherRows(weights.residual.data, items, width)
  for (let i = 0; i < vectors.length; i++) vectors[i] += residual[i]

  const tensors = tf.tidy(() => sequenceTensors(config, weights))
  const pass = new RowPass(network, batch, tensors, vectors, places)
  const loss = batch.rows.reduce((sum, row) => sum + pass.run(row), 0)
  const gradients = pass.finish()
  gradients.residual.rows = items
  if ('raw' in text) {
    gradients.adaptor = { values: adaptorGradient(text.raw, gradients.residual.values, textLength, width) }
  }
  tf.dispose(tensors)
  return { loss, gradients }
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

/** @param text [items, textLength] @param gradient [items, width] at the item vectors @returns [textLength, width] */
function adaptorGradient(text: Float32Array, gradient: Float32Array, textLength: number, width: number): Float32Array {
  const items = gradient.length / width
  const result = tf.tidy(() => {
    const gradientT = tf.transpose(tf.tensor2d(gradient, [items, width]))
    // Turns the small product rather than the large text.
    return tf.transpose(tf.matMul<tf.Tensor2D>(gradientT, tf.tensor2d(text, [items, textLength])))
  })
  const values = result.dataSync<'float32'>()
  result.dispose()
  return values
}

/** Runs the rows of one batch and adds up their gradients. */
class RowPass implements Gradients {
  private readonly totals = new Map<string, tf.Tensor2D>()
  private readonly itemGradient: Float32Array
  private readonly types: Float32Array
  private readonly gaps: Float32Array
  private readonly ends: Float32Array
  private readonly negatives: tf.Tensor2D
  private readonly negativesT: tf.Tensor2D
  private readonly targetWeight: number

  /** @param vectors [items, width] of the batch's items @param places where in it an item stands */
  constructor(
    private readonly network: Network,
    private readonly batch: Batch,
    private readonly tensors: SequenceTensors,
    private readonly vectors: Float32Array,
    private readonly places: Map<number, number>,
  ) {
    const { weights, config } = network
    this.itemGradient = new Float32Array(vectors.length)
    this.types = new Float32Array(weights.types.data.length)
    this.gaps = new Float32Array(weights.gaps.data.length)
    this.ends = new Float32Array(config.width)
    const negatives = gatherRows(vectors, this.placesOf(batch.negatives.items), config.width)
    this.negatives = tf.tensor2d(negatives, [batch.negatives.items.length, config.width])
    this.negativesT = tf.transpose(this.negatives)
    this.targetWeight = batch.rows.reduce((sum, row) => row.weights.reduce((total, weight) => total + weight, sum), 0)
  }

  add(name: string, gradient: tf.Tensor2D): void {
    const before = this.totals.get(name)
    this.totals.set(name, tf.keep(before ? tf.add(before, gradient) : tf.clone(gradient)))
    before?.dispose()
  }

  /** The row's share of the mean loss; its gradients are added up. */
  run(row: Row): number {
    if (!row.weights.some((weight) => weight > 0)) return 0
    const { config, weights, scale } = this.network
    const { batch } = this
    const D = config.width
    const L = row.length
    const places = this.placesOf(row.items)
    // A position without target gets any vector: its weight is 0.
    const targets = this.placesOf(Array.from(row.targets, (target, i) => (target >= 0 ? target : row.items[i])))
    const result = tf.tidy(() => {
      const matrix = (values: Float32Array, columns: number) => tf.tensor2d(values, [L, columns])
      const dropout = batch.dropout
      const pass = runSequence(
        config,
        weights,
        this.tensors,
        row,
        matrix(gatherRows(this.vectors, places, D), D),
        matrix(sideVectors(weights, row, D), D),
        dropout && (() => matrix(dropout(L * D), D)),
      )
      const loss = softmaxLoss(
        pass.users,
        matrix(gatherRows(this.vectors, targets, D), D),
        this.negatives,
        this.negativesT,
        matrix(negativeBiases(row, batch.negatives), batch.negatives.items.length),
        matrix(
          row.weights.map((weight) => weight / this.targetWeight),
          1,
        ),
        scale,
      )
      const slopes = loss.backward()
      this.add('negatives', slopes.negativesT)
      this.add('logScale', slopes.logScale)
      const inputs = pass.backward(slopes.users, this)
      return {
        loss: tf.sum(loss.losses),
        targets: slopes.targets,
        tokens: inputs.tokens,
        items: tf.add(inputs.mean, inputs.tokens),
      }
    })
    const tokens = result.tokens.dataSync<'float32'>()
    addRows(this.types, row.types, tokens, D)
    addRows(this.gaps, row.gaps, tokens, D)
    // Row 0 where it was added, past the end where not.
    addRows(
      this.ends,
      row.ends.map((end) => 1 - end),
      tokens,
      D,
    )
    addRows(this.itemGradient, places, result.items.dataSync<'float32'>(), D)
    addRows(this.itemGradient, targets, result.targets.dataSync<'float32'>(), D)
    const loss = result.loss.dataSync<'float32'>()[0]
    tf.dispose(result)
    return loss
  }

  /** All gradients of the rows run; that of the item vectors stands under 'residual'. */
  finish(): Record<string, Gradient> {
    const { maxLength, width } = this.network.config
    const gradients: Record<string, Gradient> = {}
    for (const [name, total] of this.totals) {
      const values = total.dataSync<'float32'>()
      gradients[name] = { values: name.includes('distance') ? byDistance(values, maxLength) : values }
      total.dispose()
    }
    const N = this.batch.negatives.items.length
    if (gradients.negatives) {
      const places = this.placesOf(this.batch.negatives.items)
      const turned = new Float32Array(N * width)
      for (let k = 0; k < width; k++) {
        for (let j = 0; j < N; j++) turned[j * width + k] = gradients.negatives.values[k * N + j]
      }
      addRows(this.itemGradient, places, turned, width)
      delete gradients.negatives
    }
    tf.dispose([this.negatives, this.negativesT])
    gradients.types = { values: this.types }
    gradients.gaps = { values: this.gaps }
    gradients.ends = { values: this.ends }
    gradients.residual = { values: this.itemGradient }
    return gradients
  }

  private placesOf(items: ArrayLike<number>): Uint32Array {
    const places = new Uint32Array(items.length)
    for (let i = 0; i < items.length; i++) places[i] = this.places.get(items[i])!
    return places
  }
}

/** Adds row i of `values` to row rows[i] of `sums`; rows past its end are left out. */
function addRows(sums: Float32Array, rows: ArrayLike<number>, values: Float32Array, width: number): void {
  for (let i = 0; i < rows.length; i++) {
    const to = rows[i] * width
    if (to >= sums.length) continue
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
