import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  attention,
  type BlockWeights,
  diagonalSums,
  feedForward,
  type Gradients,
  type Layer,
  layerNorm,
} from '../../src/model/layers.js'
import { softmaxLoss } from '../../src/model/loss.js'
import { MASKED } from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'

/**
 * The plain, readable form of each layer and its numeric gradients: what the hand-written passes have to equal. (Not tfjs's
 * own gradients: its build for Node comes without those of the single operations.)
 */
const L = 5
const D = 6
const H = 3
const F = 8
const N = 4
const random = new Random(1)
const matrix = (rows: number, columns: number, deviation = 0.7) =>
  tf.tensor2d(random.normals(rows * columns, deviation), [rows, columns])

const plainNorm = (x: tf.Tensor) => {
  const { mean, variance } = tf.moments(x, 1, true)
  return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-6)))
}
const plainHead = (
  x: tf.Tensor,
  q: tf.Tensor,
  bq: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  o: tf.Tensor,
  bias: tf.Tensor,
) => {
  const scores = tf.matMul(tf.add(tf.matMul(x, q), bq), tf.matMul(x, k), false, true)
  return tf.matMul(tf.matMul(tf.softmax(tf.add(tf.mul(scores, 1 / Math.sqrt(H)), bias)), tf.matMul(x, v)), o)
}
const plainFeedForward = (x: tf.Tensor, w1: tf.Tensor, b1: tf.Tensor, w2: tf.Tensor, b2: tf.Tensor) =>
  tf.add(tf.matMul(tf.relu(tf.add(tf.matMul(x, w1), b1)), w2), b2)

const close = (actual: tf.Tensor, expected: tf.Tensor, tolerance = 2e-3) => {
  expect(actual.shape).toEqual(expected.shape)
  const wanted = expected.dataSync()
  actual.dataSync().forEach((value, i) => expect(Math.abs(value - wanted[i])).toBeLessThan(tolerance))
}
const collector = () => {
  const found: Record<string, tf.Tensor2D> = {}
  const gradients: Gradients = { add: (name, gradient) => void (found[name] = gradient) }
  return { found, gradients }
}
/** Output of the plain form, and by central differences its gradients under the gradient `outer` at its output. */
const reference = (plain: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], outer: tf.Tensor) => {
  const step = 1e-2
  const along = (changed: tf.Tensor, place: number) => {
    const given = inputs.map((input, i) => (i === place ? changed : input))
    return tf.tidy(() => tf.sum(tf.mul(plain(...given), outer)).dataSync()[0])
  }
  const gradients = inputs.map((input, place) => {
    const values = input.dataSync()
    const slopes = values.map((value, i) => {
      const moved = (by: number) => along(tf.tensor(values.with(i, value + by), input.shape), place)
      return value === MASKED ? 0 : (moved(step) - moved(-step)) / (2 * step)
    })
    return tf.tensor(slopes, input.shape)
  })
  return { output: plain(...inputs), gradients }
}

beforeAll(async () => {
  await tf.setBackend('cpu')
})

const block = (): BlockWeights => {
  const turned = (x: tf.Tensor2D) => tf.transpose(x)
  const heads = [0, 1].map(() => {
    const [query, key, value, output] = [matrix(D, H), matrix(D, H), matrix(D, H), matrix(H, D)]
    const queryBias = matrix(1, H)
    return {
      ...{ query, key, value, output, queryBias },
      ...{ queryT: turned(query), keyT: turned(key), valueT: turned(value), outputT: turned(output) },
    }
  })
  const [expand, contract] = [matrix(D, F), matrix(F, D)]
  return {
    ...{ heads, expand, contract, expandT: turned(expand), contractT: turned(contract) },
    ...{ outputBias: matrix(1, D), expandBias: matrix(1, F), contractBias: matrix(1, D) },
  }
}
const causal = () =>
  tf.tensor2d(
    Array.from({ length: L }, (_, i) => Array.from({ length: L }, (_, j) => (j > i ? MASKED : 0.3 * random.normal()))),
  )

describe('layers', () => {
  it('layerNorm', () => {
    const x = matrix(L, D)
    const outer = matrix(L, D)
    const layer: Layer = layerNorm(x)
    const plain = reference(plainNorm, [x], outer)
    close(layer.output, plain.output, 1e-5)
    close(layer.backward(outer), plain.gradients[0])
  })

  it('attention', () => {
    const weights = block()
    const x = matrix(L, D)
    const outer = matrix(L, D)
    const biases = [causal(), causal()]
    const { found, gradients } = collector()
    const layer = attention(x, x, 1, biases, weights, gradients, 'a')
    const [one, two] = weights.heads
    const inputs = [one, two].flatMap((w, h) => [w.query, w.queryBias, w.key, w.value, w.output, biases[h]])
    const plain = reference(
      (x, ...w) =>
        tf.add(
          tf.add(plainHead(x, w[0], w[1], w[2], w[3], w[4], w[5]), plainHead(x, w[6], w[7], w[8], w[9], w[10], w[11])),
          w[12],
        ),
      [x, ...inputs, weights.outputBias],
      outer,
    )
    close(layer.output, plain.output, 1e-5)
    close(layer.backward(outer), plain.gradients[0])
    const expected = plain.gradients.slice(1)
    for (const h of [0, 1]) {
      const [query, queryBias, key, value, output, bias] = expected.slice(6 * h, 6 * h + 6)
      close(found[`a.query.${h}`], query)
      close(found[`a.query.bias.${h}`], queryBias)
      close(found[`a.key.${h}`], tf.transpose(key))
      close(found[`a.value.${h}`], tf.transpose(value))
      close(found[`a.output.${h}`], tf.transpose(output))
      close(found[`a.distance.${h}`], diagonalSums(bias as tf.Tensor2D))
    }
    close(found['a.output.bias'], expected[12])
  })

  it('feedForward', () => {
    const weights = block()
    const x = matrix(L, D)
    const outer = matrix(L, D)
    const { found, gradients } = collector()
    const layer = feedForward(x, weights, gradients, 'f')
    const { expand, expandBias, contract, contractBias } = weights
    const plain = reference(plainFeedForward, [x, expand, expandBias, contract, contractBias], outer)
    close(layer.output, plain.output, 1e-5)
    close(layer.backward(outer), plain.gradients[0])
    close(found['f.expand'], plain.gradients[1])
    close(found['f.expand.bias'], plain.gradients[2])
    close(found['f.contract'], tf.transpose(plain.gradients[3]))
    close(found['f.contract.bias'], plain.gradients[4])
  })

  it('diagonalSums puts the main diagonal first and the one k below it k from the end', () => {
    const x = tf.tensor2d([
      [1, 0, 0],
      [2, 3, 0],
      [4, 5, 6],
    ])
    expect([...diagonalSums(x).dataSync()]).toEqual([10, 0, 4, 7])
  })
})

describe('softmaxLoss', () => {
  it('is the weighted cross entropy of the target among itself and the negatives, with its gradients', () => {
    const [users, targets, negatives] = [matrix(L, D), matrix(L, D), matrix(N, D)]
    const biases = tf.tensor2d(random.normals(L * N, 1), [L, N])
    const masked = tf.where(tf.less(tf.tensor2d(random.normals(L * N, 1), [L, N]), -1), tf.fill([L, N], MASKED), biases)
    const weights = tf.tensor2d([1, 0.5, 0, 2, 1], [L, 1])
    const logScale = tf.scalar(0.6)
    const plain = (...[u, t, n, s]: tf.Tensor[]) => {
      const scale = tf.exp(s)
      const target = tf.sum(tf.mul(tf.mul(u, scale), t), 1, true)
      const scores = tf.concat([target, tf.add(tf.matMul(tf.mul(u, scale), n, false, true), masked)], 1)
      return tf.sum(tf.mul(tf.sub(tf.logSumExp(scores, 1, true), target), weights))
    }
    const result = softmaxLoss(
      ...([users, targets, negatives, tf.transpose(negatives), masked, weights] as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
      ]),
      Math.exp(0.6),
    )
    const wanted = reference(plain, [users, targets, negatives, logScale], tf.scalar(1))
    const [u, t, n, s] = wanted.gradients
    close(tf.sum(result.losses), wanted.output, 1e-5)
    const slopes = result.backward()
    close(slopes.users, u)
    close(slopes.targets, t)
    close(slopes.negativesT, tf.transpose(n))
    close(tf.reshape(slopes.logScale, []), s)
  })
})
