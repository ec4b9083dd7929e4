import * as tf from '@tensorflow/tfjs-core'

/**
 * The layers of the network, each with its own gradient. Every one returns its output and a function from the gradient at
 * the output to the gradient at the input, which hands the gradients of its weights to `Gradients.add` on the way.
 *
 * No autodiff: the WebAssembly backend lacks kernels that recorded gradients need, and every operation has a price of its
 * own, more than its arithmetic where rows are short. Dense maps see the tokens of all rows as one matrix; only attention
 * tells B rows of L tokens apart.
 * Shapes: T = B * L tokens, Q of each row queried (all L in training), D width, H width of a head, F inner width.
 */
export type Layer = { output: tf.Tensor2D; backward: (gradient: tf.Tensor2D) => tf.Tensor2D }

export interface Gradients {
  add(name: string, gradient: tf.Tensor2D): void
}

/** Weights of a pass, as tensors; T at the end of a name says transposed. */
export type BlockWeights = {
  heads: HeadWeights[]
  /** [1, D] */
  outputBias: tf.Tensor2D
  /** [D, F], [F, D], [1, F] */
  expand: tf.Tensor2D
  expandT: tf.Tensor2D
  expandBias: tf.Tensor2D
  /** [F, D], [D, F], [1, D] */
  contract: tf.Tensor2D
  contractT: tf.Tensor2D
  contractBias: tf.Tensor2D
}

export type HeadWeights = {
  /** [D, H], [H, D], [1, H] */
  query: tf.Tensor2D
  queryT: tf.Tensor2D
  queryBias: tf.Tensor2D
  /** [D, H]; a bias on keys changes no softmax, one on values only shifts the output's bias */
  key: tf.Tensor2D
  keyT: tf.Tensor2D
  value: tf.Tensor2D
  valueT: tf.Tensor2D
  /** [H, D], [D, H] */
  output: tf.Tensor2D
  outputT: tf.Tensor2D
}

const VARIANCE_FLOOR = 1e-6

/**
 * Matrix products of the rows that lie one after another in `a` and `b`; of the two as they are where there is one row.
 * The WebAssembly backend multiplies batches, and matrices that a flag turns, ten times slower than plain ones: it gets one
 * row at a time (see `batchGradients`), and its matrices turned beforehand.
 * @param turned which of the two is to be transposed
 */
export function product(a: tf.Tensor2D, b: tf.Tensor2D, turned: 'a' | 'b' | 'none' = 'none', rows = 1): tf.Tensor2D {
  if (tf.getBackend() === 'wasm') {
    return tf.matMul(turned === 'a' ? tf.transpose(a) : a, turned === 'b' ? tf.transpose(b) : b)
  }
  if (rows === 1) return tf.matMul(a, b, turned === 'a', turned === 'b')
  const apart = (x: tf.Tensor2D): tf.Tensor3D => tf.reshape(x, [rows, x.shape[0] / rows, x.shape[1]])
  const result: tf.Tensor3D = tf.matMul(apart(a), apart(b), turned === 'a', turned === 'b')
  return tf.reshape(result, [rows * result.shape[1], result.shape[2]])
}

/** Sums over the rows of x: [T, n] to [1, n] */
export function columnSums(x: tf.Tensor2D): tf.Tensor2D {
  // The WebAssembly backend turns the matrix for a sum along its columns.
  return tf.getBackend() === 'wasm' ? tf.matMul(tf.ones([1, x.shape[0]]), x) : tf.sum(x, 0, true)
}

/** Layer normalisation (Ba et al. 2016) without gain and bias, which the next linear map absorbs. x: [T, D] */
export function layerNorm(x: tf.Tensor2D): Layer {
  const centred = tf.sub(x, tf.mean(x, 1, true))
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), VARIANCE_FLOOR)) // [T, 1]
  const output: tf.Tensor2D = tf.mul(centred, inverse)
  return {
    output,
    backward: (gradient) => {
      const along = tf.mul(output, tf.mean(tf.mul(gradient, output), 1, true))
      return tf.mul(tf.sub(tf.sub(gradient, tf.mean(gradient, 1, true)), along), inverse)
    },
  }
}

/**
 * Causal attention of several heads (Vaswani et al. 2017) with a learned bias for each distance (Raffel et al. 2020).
 * @param queries [B * Q, D] @param tokens [T, D], the same tensor in training
 * @param biases for each head [B * Q, L]: what is added to its scores, see `attentionMask` and `distanceBias`
 */
export function attention(
  queries: tf.Tensor2D,
  tokens: tf.Tensor2D,
  rows: number,
  biases: tf.Tensor2D[],
  weights: BlockWeights,
  gradients: Gradients,
  name: string,
): Layer {
  const sharpness = 1 / Math.sqrt(weights.heads[0].query.shape[1])
  const heads = weights.heads.map((head, h) => {
    const query: tf.Tensor2D = tf.mul(tf.add(tf.matMul(queries, head.query), head.queryBias), sharpness) // [B * Q, H]
    const key = tf.matMul<tf.Tensor2D>(tokens, head.key) // [T, H]
    const value = tf.matMul<tf.Tensor2D>(tokens, head.value) // [T, H]
    const weight: tf.Tensor2D = tf.softmax(tf.add(product(query, key, 'b', rows), biases[h])) // [B * Q, L]
    return { query, key, value, weight, context: product(weight, value, 'none', rows) } // context: [B * Q, H]
  })
  const parts = heads.map(({ context }, h) => tf.matMul<tf.Tensor2D>(context, weights.heads[h].output)) // [B * Q, D] each
  const output: tf.Tensor2D = tf.add(sum(parts), weights.outputBias)
  return {
    output,
    backward: (gradient) => {
      gradients.add(`${name}.output.bias`, columnSums(gradient))
      const inputs = heads.flatMap(({ query, key, value, weight, context }, h) => {
        const head = weights.heads[h]
        gradients.add(`${name}.output.${h}`, product(gradient, context, 'a')) // [D, H]
        const contextGradient = tf.matMul<tf.Tensor2D>(gradient, head.outputT) // [T, H]
        const valueGradient = product(weight, contextGradient, 'a', rows) // [T, H]
        // Of the softmax: p (g - sum(p g)), and sum(p g) = context . contextGradient.
        const slack = tf.sub(
          product(contextGradient, value, 'b', rows),
          tf.sum(tf.mul(context, contextGradient), 1, true),
        )
        const scoreGradient: tf.Tensor2D = tf.mul(weight, slack) // [T, L]
        gradients.add(`${name}.distance.${h}`, diagonalSums(rowSums(scoreGradient, rows)))
        const queryGradient: tf.Tensor2D = tf.mul(product(scoreGradient, key, 'none', rows), sharpness) // [T, H]
        const keyGradient = product(scoreGradient, query, 'a', rows) // [T, H]
        gradients.add(`${name}.query.${h}`, product(tokens, queryGradient, 'a')) // [D, H]
        gradients.add(`${name}.query.bias.${h}`, columnSums(queryGradient))
        gradients.add(`${name}.key.${h}`, product(keyGradient, tokens, 'a')) // [H, D]
        gradients.add(`${name}.value.${h}`, product(valueGradient, tokens, 'a')) // [H, D]
        return [
          tf.matMul<tf.Tensor2D>(queryGradient, head.queryT),
          tf.matMul<tf.Tensor2D>(keyGradient, head.keyT),
          tf.matMul<tf.Tensor2D>(valueGradient, head.valueT),
        ]
      })
      return sum(inputs)
    },
  }
}

/** Two linear maps with a rectifier between. x: [T, D] */
export function feedForward(x: tf.Tensor2D, weights: BlockWeights, gradients: Gradients, name: string): Layer {
  const inner: tf.Tensor2D = tf.relu(tf.add(tf.matMul(x, weights.expand), weights.expandBias)) // [T, F]
  const output: tf.Tensor2D = tf.add(tf.matMul(inner, weights.contract), weights.contractBias)
  return {
    output,
    backward: (gradient) => {
      gradients.add(`${name}.contract.bias`, columnSums(gradient))
      gradients.add(`${name}.contract`, product(gradient, inner, 'a')) // [D, F]
      const innerGradient: tf.Tensor2D = tf.mul(tf.matMul(gradient, weights.contractT), tf.sign(inner)) // [T, F]; the rectifier leaves nothing below 0
      gradients.add(`${name}.expand.bias`, columnSums(innerGradient))
      gradients.add(`${name}.expand`, product(x, innerGradient, 'a')) // [D, F]
      return tf.matMul(innerGradient, weights.expandT)
    },
  }
}

/**
 * Sums of a lower triangle's diagonals. x: [L, L], nothing above its diagonal; returns [1, L + 1] with the main diagonal
 * at 0 and the one k below it at L + 1 - k.
 *
 * Read row by row as if rows were one longer, element (i, j) moves to column j - i (modulo L + 1), so that diagonals become
 * columns: one matrix product instead of a pass over the square in JavaScript.
 */
export function diagonalSums(x: tf.Tensor2D): tf.Tensor2D {
  const length = x.shape[0]
  const padded = tf.pad(tf.reshape(x, [length * length]), [[0, length]])
  return columnSums(tf.reshape(padded, [length, length + 1]))
}

/** Sum over the rows that lie one after another. x: [B * L, n], returns [L, n] */
function rowSums(x: tf.Tensor2D, rows: number): tf.Tensor2D {
  return rows === 1 ? x : tf.sum(tf.reshape(x, [rows, x.shape[0] / rows, x.shape[1]]), 0)
}

function sum(parts: tf.Tensor2D[]): tf.Tensor2D {
  return parts.reduce((total, part) => tf.add(total, part))
}
