import * as tf from '@tensorflow/tfjs-core'
import type { Interaction } from './history.js'
import { packRow, type Row } from './packing.js'
import { runSequence, sequenceTensors, type SequenceTensors } from './sequence.js'
import type { NamedArrays } from './tensor-file.js'
import { rowsOf, type VectorRows } from './text-matrix.js'
import { arraysOf, weightsFrom, type NetworkConfig, type Weights } from './weights.js'

// Tokens to encode at a time: attention costs the square of it, each call of the backend a fixed price.
const ENCODE_TOKENS = 256
// Text rows to multiply at a time, so that a large catalogue is never held twice.
const TEXT_ROWS = 8192

/**
 * A sequential recommender (after SASRec, Kang and McAuley 2018): an item's vector is its text through the adaptor plus a
 * residual, a user's is the recency-weighted mean of his items' vectors plus alpha times a causal transformer over them.
 * A score is their dot product. Weights live in plain arrays; tensors are made of them when they are needed.
 */
export class Network {
  private tensors: SequenceTensors | undefined

  private constructor(
    readonly config: NetworkConfig,
    readonly weights: Weights,
  ) {}

  /** @throws Error when an array is missing or has another shape than the config says */
  static fromArrays(config: NetworkConfig, arrays: NamedArrays): Network {
    if (config.width % config.heads !== 0)
      throw new Error(`A width of ${config.width} has no ${config.heads} equal heads.`)
    return new Network(config, weightsFrom(config, arrays))
  }

  /** Over weights that somebody else changes, as in another thread. */
  static over(config: NetworkConfig, weights: Weights): Network {
    return new Network(config, weights)
  }

  /** Moves the weights to memory that threads can share. Who holds their arrays has to ask for them again. */
  share(): void {
    for (const weight of Object.values(this.weights)) {
      if (weight.data.buffer instanceof SharedArrayBuffer) continue
      const data = new Float32Array(new SharedArrayBuffer(weight.data.byteLength))
      data.set(weight.data)
      weight.data = data
    }
  }

  toArrays(): NamedArrays {
    return arraysOf(this.weights)
  }

  /** Takes over the values of weights of its own shapes, wherever they lie. */
  restore(arrays: NamedArrays): void {
    for (const [name, { data }] of Object.entries(this.weights)) data.set(arrays[name].data)
    this.dispose()
  }

  /** Items that have a residual. */
  get vocabulary(): number {
    return this.weights.residual.shape[0]
  }

  /** The newest events that `encode` looks at; older ones change nothing. */
  get memory(): number {
    const { blocks, maxLength, meanLength } = this.config
    return Math.max(meanLength, blocks * (maxLength - 1) + 1)
  }

  /** Scores are this much sharper than plain dot products under the softmax that the network was trained with. */
  get scale(): number {
    return Math.exp(this.weights.logScale.data[0])
  }

  /**
   * One vector for each item. Items past the vocabulary, new since training, have no residual.
   * @param text a row an item @returns [items, width]
   */
  itemVectors(text: VectorRows): Float32Array {
    const vectors = this.textVectors(text)
    const residual = this.weights.residual.data
    const shared = Math.min(text.items, this.vocabulary) * this.config.width
    for (let i = 0; i < shared; i++) vectors[i] += residual[i]
    return vectors
  }

  /** The text's part of the item vectors. @param text rows, or [n, textLength] @returns [n, width] */
  textVectors(text: VectorRows | Float32Array): Float32Array {
    const { textLength, width } = this.config
    const rows = rowsOf(text, textLength)
    const { items } = rows
    const vectors = new Float32Array(items * width)
    const adaptor = tf.tensor2d(this.weights.adaptor.data.slice(), [textLength, width])
    for (let from = 0; from < items; from += TEXT_ROWS) {
      const to = Math.min(items, from + TEXT_ROWS)
      const part = tf.tidy(() => tf.matMul(tf.tensor2d(rows.block(from, to), [to - from, textLength]), adaptor))
      vectors.set(part.dataSync(), from * width)
      part.dispose()
    }
    adaptor.dispose()
    return vectors
  }

  /**
   * The user's vector after each history (newest event last); zeros for an empty one.
   * @param vectors [n, width], from `itemVectors`: histories may only name items among them
   * @param asked moment at which each is asked about, in milliseconds since 1970; unknown when absent. What comes next in
   *   a basket or a visit is another thing than what the user comes back for.
   * @returns [histories, width]
   */
  encode(histories: Interaction[][], vectors: Float32Array, asked?: ArrayLike<number>): Float32Array {
    const { width } = this.config
    const users = new Float32Array(histories.length * width)
    const memory = this.memory
    for (let from = 0; from < histories.length;) {
      const chosen: number[] = []
      for (let tokens = 0; from < histories.length; from++) {
        const length = Math.min(memory, histories[from].length)
        if (chosen.length > 0 && tokens + length > ENCODE_TOKENS) break
        if (length > 0) chosen.push(from)
        tokens += length
      }
      if (chosen.length === 0) continue
      const { row, last } = packRow(
        chosen.map((index) => histories[index]),
        memory,
        asked && chosen.map((index) => asked[index]),
      )
      const encoded = this.encodeRow(row, last, vectors)
      chosen.forEach((index, i) => users.set(encoded.subarray(i * width, (i + 1) * width), index * width))
    }
    return users
  }

  private encodeRow(row: Row, at: number[], vectors: Float32Array): Float32Array {
    const { width } = this.config
    const shape: [number, number] = [row.length, width]
    this.tensors ??= tf.tidy(() => sequenceTensors(this.config, this.weights))
    const tensors = this.tensors
    const users = tf.tidy(() => {
      const items = tf.tensor2d(gatherRows(vectors, row.items, width), shape)
      return runSequence(this.config, this.weights, tensors, row, items, null, at).users
    })
    const values = users.dataSync<'float32'>()
    users.dispose()
    return values
  }

  /** Forgets the tensors made of the weights: after the weights changed, or when the network is no longer used. */
  dispose(): void {
    if (this.tensors) tf.dispose(this.tensors)
    this.tensors = undefined
  }
}

/** Rows of a matrix, one after another. Done here because gathering is the WebAssembly backend's slowest operation. */
export function gatherRows(matrix: Float32Array, rows: ArrayLike<number>, width: number): Float32Array {
  const result = new Float32Array(rows.length * width)
  for (let i = 0; i < rows.length; i++) {
    result.set(matrix.subarray(rows[i] * width, (rows[i] + 1) * width), i * width)
  }
  return result
}
