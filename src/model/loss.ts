import * as tf from '@tensorflow/tfjs-core'
import { product } from './layers.js'

export interface SoftmaxLoss {
  /** [T, 1], weighted cross entropy of each position */
  losses: tf.Tensor2D
  backward(): {
    /** [T, D] */
    users: tf.Tensor2D
    /** [T, D] */
    targets: tf.Tensor2D
    /** [D, N] */
    negativesT: tf.Tensor2D
    /** [1, 1], for the logarithm of the scale */
    logScale: tf.Tensor2D
  }
}

/**
 * Softmax cross entropy of each position's target against negatives that all positions share, with the logQ correction
 * (Bengio and Senecal 2008) in `biases`. The target is always among the candidates, so it is not corrected itself
 * (Khrylchenko et al. 2025).
 *
 * The target's score stays apart from the others: with z the log-sum of the negatives, the loss is softplus(z - target),
 * which needs no [T, 1 + N] copy, and one softmax over [T, N] serves loss and gradient.
 *
 * @param users [T, D] @param targets [T, D] item vectors @param negatives [N, D] @param negativesT the same, [D, N]
 * @param biases [T, N] added to the scores: minus the log of how often a negative was expected in the sample, or MASKED
 * @param weights [T, 1] @param scale of all scores, the inverse temperature
 */
export function softmaxLoss(
  users: tf.Tensor2D,
  targets: tf.Tensor2D,
  negatives: tf.Tensor2D,
  negativesT: tf.Tensor2D,
  biases: tf.Tensor2D,
  weights: tf.Tensor2D,
  scale: number,
): SoftmaxLoss {
  const scaled: tf.Tensor2D = tf.mul(users, scale) // [T, D]
  const targetScores = tf.sum(tf.mul(scaled, targets), 1, true) // [T, 1]
  const scores: tf.Tensor2D = tf.add(tf.matMul(scaled, negativesT), biases) // [T, N]
  const shares: tf.Tensor2D = tf.softmax(scores) // [T, N]
  // The largest score has the largest share: its score minus the log of its share is the log-sum of all.
  const logSum = tf.sub(tf.max(scores, 1, true), tf.log(tf.max(shares, 1, true))) // [T, 1]
  const margin: tf.Tensor2D = tf.sub(logSum, targetScores)
  return {
    losses: tf.mul<tf.Tensor2D>(tf.softplus(margin), weights),
    backward: () => {
      const slope: tf.Tensor2D = tf.mul(tf.sigmoid(margin), weights) // [T, 1]
      const pull: tf.Tensor2D = tf.mul(tf.sub(tf.matMul(shares, negatives), targets), slope) // [T, D], at the scaled users
      const sloped: tf.Tensor2D = tf.mul(scaled, slope)
      return {
        users: tf.mul(pull, scale),
        targets: tf.neg(sloped),
        negativesT: product(sloped, shares, 'a'),
        logScale: tf.reshape(tf.sum(tf.mul(pull, scaled)), [1, 1]),
      }
    },
  }
}
