import * as tf from '@tensorflow/tfjs-core'

/**
 * The layers of the network, each with its own gradient. Every one returns its output and a function from the gradient at
 * the output to the gradient at the input, which hands the gradients of its weights to `Gradients.add` on the way.
 *
 * No autodiff and only two-dimensional tensors, because of the WebAssembly backend: it lacks kernels that recorded gradients
 * need, multiplies batches and transposed flags ten times slower than plain matrices, and each operation has a price.
 * Shapes: L tokens of a row, Q of them queried (all of them in training), D width, H width of a head, F inner width.
 */
export type Layer = { output: tf.Tensor2D; backward: (gradient: tf.Tensor2D) => tf.Tensor2D }

export interface Gradients {
  add(name: string, gradient: tf.Tensor2D): void
}

/** Weights of one row's pass, as tensors; T at the end of a name says transposed. */
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

export const columnSums = (x: tf.Tensor2D): tf.Tensor2D => tf.matMul(tf.ones([1, x.shape[0]]), x)

export const transpose = (x: tf.Tensor2D): tf.Tensor2D => tf.transpose(x)

/** Layer normalisation (Ba et al. 2016) without gain and bias, which the next linear map absorbs. x: [L, D] */
export function layerNorm(x: tf.Tensor2D): Layer {
  const centred = tf.sub(x, tf.mean(x, 1, true))
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), VARIANCE_FLOOR)) // [L, 1]
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
 * @param queries [Q, D] @param tokens [L, D], the same tensor in training
 * @param biases for each head [Q, L]: what is added to its scores, see `attentionBias`
 */
export function attention(
  queries: tf.Tensor2D,
  tokens: tf.Tensor2D,
  biases: tf.Tensor2D[],
  weights: BlockWeights,
  gradients: Gradients,
  name: string,
): Layer {
  const sharpness = 1 / Math.sqrt(weights.heads[0].query.shape[1])
  const tokensT = transpose(tokens) // [D, L]
  const heads = weights.heads.map((head, h) => {
    const query: tf.Tensor2D = tf.mul(tf.add(tf.matMul(queries, head.query), head.queryBias), sharpness) // [Q, H]
    const keyT = tf.matMul(head.keyT, tokensT) // [H, L]
    const value = tf.matMul<tf.Tensor2D>(tokens, head.value) // [L, H]
    const weight: tf.Tensor2D = tf.softmax(tf.add(tf.matMul(query, keyT), biases[h])) // [Q, L]
    return { query, value, weight, context: tf.matMul<tf.Tensor2D>(weight, value) } // context: [Q, H]
  })
  const parts = heads.map(({ context }, h) => tf.matMul<tf.Tensor2D>(context, weights.heads[h].output)) // [Q, D] each
  const output: tf.Tensor2D = tf.add(sum(parts), weights.outputBias)
  return {
    output,
    backward: (gradient) => {
      const gradientT = transpose(gradient) // [D, L]
      gradients.add(`${name}.output.bias`, columnSums(gradient))
      const direct: tf.Tensor2D[] = []
      const throughKeysT: tf.Tensor2D[] = []
      heads.forEach(({ query, value, weight, context }, h) => {
        const head = weights.heads[h]
        gradients.add(`${name}.output.${h}`, tf.matMul(gradientT, context)) // [D, H]
        const contextGradient = tf.matMul<tf.Tensor2D>(gradient, head.outputT) // [L, H]
        const valueGradientT = tf.matMul(tf.matMul(head.output, gradientT), weight) // [H, L]
        // Of the softmax: p (g - sum(p g)), and sum(p g) = context . contextGradient.
        const slack = tf.sub(
          tf.matMul(contextGradient, transpose(value)),
          tf.sum(tf.mul(context, contextGradient), 1, true),
        )
        const scoreGradient: tf.Tensor2D = tf.mul(weight, slack) // [L, L]
        gradients.add(`${name}.distance.${h}`, diagonalSums(scoreGradient))
        const key = tf.matMul(tokens, head.key) // [L, H]
        const queryGradient: tf.Tensor2D = tf.mul(tf.matMul(scoreGradient, key), sharpness) // [L, H]
        const keyGradientT = tf.matMul(transpose(query), scoreGradient) // [H, L]
        gradients.add(`${name}.query.${h}`, tf.matMul(tokensT, queryGradient)) // [D, H]
        gradients.add(`${name}.query.bias.${h}`, columnSums(queryGradient))
        gradients.add(`${name}.key.${h}`, tf.matMul(keyGradientT, tokens)) // [H, D]
        gradients.add(`${name}.value.${h}`, tf.matMul(valueGradientT, tokens)) // [H, D]
        direct.push(tf.matMul(queryGradient, head.queryT))
        throughKeysT.push(tf.matMul(head.key, keyGradientT), tf.matMul(head.value, valueGradientT))
      })
      return tf.add(sum(direct), transpose(sum(throughKeysT)))
    },
  }
}

/** Two linear maps with a rectifier between. x: [L, D] */
export function feedForward(x: tf.Tensor2D, weights: BlockWeights, gradients: Gradients, name: string): Layer {
  const inner: tf.Tensor2D = tf.relu(tf.add(tf.matMul(x, weights.expand), weights.expandBias)) // [L, F]
  const output: tf.Tensor2D = tf.add(tf.matMul(inner, weights.contract), weights.contractBias)
  return {
    output,
    backward: (gradient) => {
      gradients.add(`${name}.contract.bias`, columnSums(gradient))
      gradients.add(`${name}.contract`, tf.matMul(transpose(gradient), inner)) // [D, F]
      const innerGradient: tf.Tensor2D = tf.mul(tf.matMul(gradient, weights.contractT), tf.step(inner)) // [L, F]
      gradients.add(`${name}.expand.bias`, columnSums(innerGradient))
      gradients.add(`${name}.expand`, tf.matMul(transpose(x), innerGradient)) // [D, F]
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

function sum(parts: tf.Tensor2D[]): tf.Tensor2D {
  return parts.reduce((total, part) => tf.add(total, part))
}
