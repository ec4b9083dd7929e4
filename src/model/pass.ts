import * as tf from '@tensorflow/tfjs-core'
import type { Batch } from './gradients.js'
import { type Gradients, product } from './layers.js'
import { softmaxLoss } from './loss.js'
import { gatherRows, type Network } from './network.js'
import { negativeBiases, type Negatives } from './negatives.js'
import { type Row, stackRows } from './packing.js'
import { runSequence, sequenceTensors, type SequenceTensors } from './sequence.js'

/** What a pass over a batch works with. */
export interface StepContext {
  network: Network
  batch: Batch
  places: Places
  /** Makes [items, textLength]. */
  texts: (items: Uint32Array) => tf.Tensor2D
  /** Makes a mask [tokens, width] for one place of the network and some tokens of the batch. */
  mask: (place: number, from: number, tokens: number) => tf.Tensor2D | null
}

/** The distinct items of a batch, and where among them each token, each target and each negative stands. */
interface Places {
  items: Uint32Array
  tokens: Int32Array
  targets: Int32Array
  negatives: Int32Array
}

/**
 * All rows in one pass. Engines prepare a kernel for each shape of matrix that they meet and keep many of them: sizes that
 * change from step to step are rounded up, what is added counting nothing, or both time and memory would go there.
 */
export async function allAtOnce(context: StepContext): Promise<Sums> {
  const { network, batch, places: found } = context
  const { tokens, targets } = found
  const row = stackRows(batch.rows)
  const predicting = Int32Array.from(row.weights.keys()).filter((token) => row.weights[token] > 0)
  // Engines differ in what they make of matrices without rows.
  if (predicting.length === 0) return new Map()
  const chosen = filledUp(predicting, 0)
  const weights = filledUp(
    Float32Array.from(predicting, (token) => row.weights[token]),
    0,
  )
  const items = filledUp(found.items, found.items[0])
  const negatives = filledUp(found.negatives, found.negatives[0])
  const sums = await readSums((add) => {
    const { text, vectors } = itemVectors(context, items)
    const aims = chosen.map((token) => targets[token])
    const places = [tokens, aims, negatives].map((some) => tf.tensor1d(some, 'int32'))
    const [tokenVectors, targetVectors, negativeVectors] = places.map((some) => tf.gather(vectors, some))
    const tensors = sequenceTensors(network.config, network.weights)
    const chosenOnes = { chosen, weights, targets: targetVectors }
    const given = { tensors, ...chosenOnes, tokens: tokenVectors, negatives: negativeVectors }
    const slopes = passRows(context, row, 0, { ...given, negativesT: tf.transpose(negativeVectors) }, add)
    const gradients = [slopes.tokens, slopes.targets, tf.transpose(slopes.negativesT)]
    const atItems: tf.Tensor2D = tf.unsortedSegmentSum(tf.concat2d(gradients, 0), tf.concat1d(places), items.length)
    add('residual', atItems)
    if (batch.learnsText) add('adaptor', adaptorGradient(text, atItems))
  })
  return sums.set('residual', take(sums, 'residual').subarray(0, found.items.length * network.config.width))
}

/** To one of sixteen sizes between two powers of two. */
function filledUp<T extends Int32Array | Uint32Array | Float32Array>(values: T, rest: number): T {
  const quantum = Math.max(8, 2 ** (Math.ceil(Math.log2(values.length)) - 4))
  const size = Math.ceil(values.length / quantum) * quantum
  const filled = (
    values instanceof Float32Array
      ? new Float32Array(size)
      : values instanceof Int32Array
        ? new Int32Array(size)
        : new Uint32Array(size)
  ) as T
  filled.fill(rest, values.length)
  filled.set(values)
  return filled
}

/** A pass for each row, what they have in common made once. */
export async function rowByRow(context: StepContext): Promise<Sums> {
  const { network, batch, places } = context
  const { tokens, targets, negatives } = places
  const { width } = network.config
  const [text, vectors] = tf.tidy(() => {
    const made = itemVectors(context, places.items)
    return [made.text, made.vectors]
  })
  const table = await vectors.data<'float32'>()
  const made = (places: Int32Array) => tf.tensor2d(gatherRows(table, places, width), [places.length, width])
  const shared = tf.tidy(() => {
    const negativeVectors = made(negatives)
    const tensors = sequenceTensors(network.config, network.weights)
    return { tensors, negatives: negativeVectors, negativesT: tf.transpose(negativeVectors) }
  })
  const sums: Sums = new Map()
  const atItems = new Float32Array(table.length)
  let from = 0
  for (const row of batch.rows) {
    const to = from + row.length
    const [rowTokens, rowTargets] = [tokens.subarray(from, to), targets.subarray(from, to)]
    const found = await readSums((add) => {
      const given = { ...shared, tokens: made(rowTokens), targets: made(rowTargets) }
      const atRows = passRows(context, row, from, given, add)
      add('tokens', atRows.tokens)
      add('targets', atRows.targets)
      add('negatives', atRows.negativesT)
    })
    addRows(atItems, rowTokens, take(found, 'tokens'), width)
    addRows(atItems, rowTargets, take(found, 'targets'), width)
    for (const [name, values] of found) addUp(sums, name, values)
    from = to
  }
  addRows(atItems, negatives, turned(take(sums, 'negatives'), width), width)
  sums.set('residual', atItems)
  if (batch.learnsText) {
    const [gradient] = (
      await readSums((add) => add('adaptor', adaptorGradient(text, tf.tensor2d(atItems, vectors.shape))))
    ).values()
    sums.set('adaptor', gradient)
  }
  tf.dispose([text, vectors])
  tf.dispose(shared)
  return sums
}

/** What a pass over some rows needs as tensors. */
interface Given {
  tensors: SequenceTensors
  /** [P] the tokens at which something is predicted; all T when absent */
  chosen?: Int32Array
  /** [P] how much each of them counts; the row's when absent */
  weights?: Float32Array
  /** [T, D] */
  tokens: tf.Tensor2D
  /** [P, D] */
  targets: tf.Tensor2D
  /** [N, D] and [D, N] */
  negatives: tf.Tensor2D
  negativesT: tf.Tensor2D
}

/**
 * Some rows of a batch forwards and backwards.
 * @param row one, or several stacked @param from how many tokens of the batch come before it
 * @returns the gradients at the item vectors that were given; those of the weights go to `add`
 */
function passRows(context: StepContext, row: Row, from: number, given: Given, add: Gradients['add']) {
  const { network, batch, mask } = context
  const { config, weights, scale } = network
  const T = row.items.length
  const total = batch.targetWeight
  const drop = batch.dropout && ((place: number) => mask(place, from, T)!)
  const pass = runSequence(config, weights, given.tensors, row, given.tokens, drop)
  const { chosen, targets, negatives, negativesT } = given
  const at = chosen && tf.tensor1d(chosen, 'int32')
  const users = at ? tf.gather(pass.users, at) : pass.users
  const weighed = given.weights ?? row.weights
  const shares = tf.tensor2d(
    weighed.map((weight) => (total > 0 ? weight / total : 0)),
    [weighed.length, 1],
  )
  const biases = biasesOf(row, batch.negatives, negatives.shape[0], chosen)
  const loss = softmaxLoss(users, targets, negatives, negativesT, biases, shares, scale)
  const slopes = loss.backward()
  add('loss', tf.reshape(tf.sum(loss.losses), [1, 1]))
  add('logScale', slopes.logScale)
  const atUsers = at ? tf.unsortedSegmentSum<tf.Tensor2D>(slopes.users, at, T) : slopes.users
  return { tokens: pass.backward(atUsers, { add }), targets: slopes.targets, negativesT: slopes.negativesT }
}

/** [P, N] for the chosen tokens, of all T when absent. @param N the number of negatives, or more: the rest are masked */
function biasesOf(row: Row, negatives: Negatives, N: number, chosen?: Int32Array): tf.Tensor2D {
  const { biases, sequences: all } = negativeBiases(row, negatives, N)
  const sequences = chosen ? chosen.map((token) => all[token]) : all
  if (tf.getBackend() === 'wasm') return tf.tensor2d(gatherRows(biases, sequences, N), [sequences.length, N])
  return tf.gather(tf.tensor2d(biases, [biases.length / N, N]), tf.tensor1d(sequences, 'int32'))
}

/** Texts of the items, [items, textLength], and the items' vectors, [items, width]. */
function itemVectors({ network: { config, weights }, texts }: StepContext, items: Uint32Array) {
  const { width, textLength } = config
  const text = texts(items)
  const residual = tf.tensor2d(gatherRows(weights.residual.data, items, width), [items.length, width])
  // A copy, because an engine may keep what it is given while training goes on changing the weights.
  const adaptor = tf.tensor2d(weights.adaptor.data.slice(), [textLength, width])
  return { text, vectors: tf.add<tf.Tensor2D>(tf.matMul(text, adaptor), residual) }
}

/** @param text [items, textLength] @param gradient [items, width] @returns [textLength, width] */
function adaptorGradient(text: tf.Tensor2D, gradient: tf.Tensor2D): tf.Tensor2D {
  // Turns the small product rather than the large text.
  return tf.transpose(product(gradient, text, 'a'))
}

/** Distinct items of a batch, and the places of its tokens, targets and negatives among them. */
export function placesOf({ rows, negatives }: Batch): Places {
  const places = new Map<number, number>()
  const placeOf = (item: number) => {
    let place = places.get(item)
    if (place === undefined) places.set(item, (place = places.size))
    return place
  }
  const count = rows.reduce((sum, row) => sum + row.items.length, 0)
  const tokens = new Int32Array(count)
  const targets = new Int32Array(count)
  let at = 0
  for (const row of rows) {
    for (let i = 0; i < row.items.length; i++, at++) {
      tokens[at] = placeOf(row.items[i])
      // A position without target gets any vector: its weight is 0.
      targets[at] = row.targets[i] >= 0 ? placeOf(row.targets[i]) : tokens[at]
    }
  }
  const sampled = Int32Array.from(negatives.items, placeOf)
  return { items: Uint32Array.from(places.keys()), tokens, targets, negatives: sampled }
}

/** Gradients by name, flattened, and the loss. */
export type Sums = Map<string, Float32Array>

/** Reads all that `compute` adds at once: every reading makes the engine finish what it is at. */
async function readSums(compute: (add: Gradients['add']) => void): Promise<Sums> {
  const sizes = new Map<string, number>()
  const all = tf.tidy(() => {
    const found: tf.Tensor1D[] = []
    compute((name, gradient) => {
      sizes.set(name, gradient.size)
      found.push(tf.reshape(gradient, [gradient.size]))
    })
    return tf.concat1d(found)
  })
  // Not `dataSync`, since WebGPU has none.
  const values = await all.data<'float32'>()
  all.dispose()
  let at = 0
  return new Map([...sizes].map(([name, size]) => [name, values.subarray(at, (at += size))]))
}

function take(sums: Sums, name: string): Float32Array {
  const values = sums.get(name)!
  sums.delete(name)
  return values
}

function addUp(sums: Sums, name: string, values: Float32Array): void {
  const sum = sums.get(name)
  if (!sum) sums.set(name, values)
  else for (let i = 0; i < values.length; i++) sum[i] += values[i]
}

/** Adds row i of `values` to row rows[i] of `sums`. */
function addRows(sums: Float32Array, rows: ArrayLike<number>, values: Float32Array, width: number): void {
  for (let i = 0; i < rows.length; i++) {
    const to = rows[i] * width
    for (let k = 0, from = i * width; k < width; k++) sums[to + k] += values[from + k]
  }
}

/** @param matrix [rows, n] @returns [n, rows] */
function turned(matrix: Float32Array, rows: number): Float32Array {
  const n = matrix.length / rows
  const result = new Float32Array(matrix.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < n; j++) result[j * rows + i] = matrix[i * n + j]
  return result
}
