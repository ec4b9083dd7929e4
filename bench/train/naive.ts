import { register } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'
import { NegativeSampler } from '../../src/model/negatives.js'
import { MASKED } from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'
import { DEFAULT_CONFIG } from '../../src/model/weights.js'
import type { BenchShop } from './shop.js'
import type { Size } from './sizes.js'

/**
 * The same network written the plain way, which the WebAssembly step is held against: padded batches, stock layers, recorded
 * gradients, the stock Adam. Learned item vectors, pre-norm blocks, a softmax over the target and shared negatives.
 */
export async function naiveStep(
  shop: BenchShop,
  size: Size,
  users: number,
): Promise<() => Promise<{ events: number; loss: number }>> {
  await loadGradients()
  const { length: L, blocks, dropout } = size
  const { width: D, expansion } = DEFAULT_CONFIG
  addMissingKernel()
  const random = new Random(1)
  const weight = (rows: number, columns: number) =>
    tf.variable(tf.tensor2d(random.normals(rows * columns, 1 / Math.sqrt(columns)), [rows, columns]))
  const constant = (value: number, columns: number) => tf.variable(tf.fill<tf.Rank.R1>([columns], value))
  const norm = () => ({ gain: constant(1, D), bias: constant(0, D) })
  const linear = (from: number, to: number) => ({ kernel: weight(from, to), bias: constant(0, to) })
  const layers = Array.from({ length: blocks }, () => ({
    norm1: norm(),
    query: linear(D, D),
    key: linear(D, D),
    value: linear(D, D),
    output: linear(D, D),
    norm2: norm(),
    expand: linear(D, D * expansion),
    contract: linear(D * expansion, D),
  }))
  const items = weight(shop.items, D)
  const positions = weight(L, D)
  const last = norm()
  const optimizer = tf.train.adam(1e-3)
  // [L, L]
  const mask = tf.tensor2d(
    Float32Array.from({ length: L * L }, (_, i) => (i % L > Math.floor(i / L) ? MASKED : 0)),
    [L, L],
  )

  const normalise = (x: tf.Tensor, { gain, bias }: ReturnType<typeof norm>) => {
    const { mean, variance } = tf.moments(x, -1, true)
    return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-6))), gain), bias)
  }
  const dense = (x: tf.Tensor, { kernel, bias }: ReturnType<typeof linear>) =>
    tf.reshape(tf.add(tf.matMul(tf.reshape<tf.Rank.R2>(x, [-1, x.shape.at(-1)!]), kernel), bias), [
      ...x.shape.slice(0, -1),
      kernel.shape[1],
    ])
  const drop = (x: tf.Tensor) => (dropout > 0 ? tf.dropout(x, dropout) : x)
  const encode = (inputs: tf.Tensor2D): tf.Tensor => {
    let x: tf.Tensor = drop(tf.add(tf.gather(items, inputs), positions)) // [B, L, D]
    for (const layer of layers) {
      const normed = normalise(x, layer.norm1)
      const scores = tf.matMul(dense(normed, layer.query), dense(normed, layer.key), false, true) // [B, L, L]
      const shares = tf.softmax(tf.add(tf.mul(scores, 1 / Math.sqrt(D)), mask))
      x = tf.add(x, drop(dense(tf.matMul(shares, dense(normed, layer.value)), layer.output)))
      x = tf.add(x, drop(dense(tf.relu(dense(normalise(x, layer.norm2), layer.expand)), layer.contract)))
    }
    return normalise(x, last)
  }

  const { histories } = shop
  const counts = new Float64Array(shop.items)
  for (const item of histories.items) counts[item]++
  const sampler = new NegativeSampler(counts)
  const total = histories.offsets.length - 1
  return () => {
    const inputs = new Int32Array(users * L)
    const targets = new Int32Array(users * L)
    const real = new Float32Array(users * L)
    let events = 0
    for (let row = 0; row < users; row++) {
      const user = random.below(total)
      const end = histories.offsets[user + 1]
      const first = Math.max(histories.offsets[user], end - L)
      events += end - first
      for (let event = first, at = row * L; event < end; event++, at++) {
        inputs[at] = histories.items[event]
        if (event + 1 === end) continue
        targets[at] = histories.items[event + 1]
        real[at] = 1
      }
    }
    const drawn = sampler.draw(size.negatives, random)
    const loss = tf.tidy(() => {
      const cost = optimizer.minimize(() => {
        const vectors: tf.Tensor2D = tf.reshape(encode(tf.tensor2d(inputs, [users, L], 'int32')), [-1, D])
        const positive = tf.sum(tf.mul(vectors, tf.gather(items, tf.tensor1d(targets, 'int32'))), 1, true)
        const negatives = tf.gather(items, tf.tensor1d(Int32Array.from(drawn.items), 'int32'))
        const scores = tf.add(tf.matMul(vectors, negatives, false, true), tf.tensor1d(drawn.corrections))
        const logShares = tf.logSoftmax(tf.concat([positive, scores], 1)) // [B L, 1 + N]
        const losses = tf.mul(tf.neg(tf.squeeze(tf.slice(logShares, [0, 0], [-1, 1]))), tf.tensor1d(real))
        return tf.div(tf.sum(losses), tf.sum(tf.tensor1d(real)))
      }, true)
      return cost!.dataSync()[0]
    })
    return Promise.resolve({ events, loss })
  }
}

// The package leaves the gradients of its layers to bundlers: their files name each other without an ending.
const ENDINGS = `export const resolve = (name, context, next) =>
  next(name, context).catch((error) => (name.startsWith('.') ? next(name + '.js', context) : Promise.reject(error)))`

async function loadGradients(): Promise<void> {
  register(`data:text/javascript,${encodeURIComponent(ENDINGS)}`)
  // By a variable, so that the compiler does not look for types that are not there.
  const gradients = '@tensorflow/tfjs-core/dist/register_all_gradients.js'
  await import(gradients)
}

/** The gradient of a gather, which the WebAssembly backend lacks: sums of rows, here in plain JavaScript. */
function addMissingKernel(): void {
  const backendName = tf.getBackend()
  const kernelName = tf.UnsortedSegmentSum
  if (tf.getKernel(kernelName, backendName)) return
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { x, segmentIds } = inputs as Record<'x' | 'segmentIds', tf.TensorInfo>
      const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs
      const values = tf.engine().readSync(x.dataId) as Float32Array
      const rows = tf.engine().readSync(segmentIds.dataId) as Int32Array
      const width = values.length / rows.length
      const sums = new Float32Array(numSegments * width)
      for (let i = 0; i < rows.length; i++) {
        for (let k = 0; k < width; k++) sums[rows[i] * width + k] += values[i * width + k]
      }
      const shape = [numSegments, ...x.shape.slice(segmentIds.shape.length)]
      return tf.engine().makeTensorFromDataId(tf.backend().write(sums, shape, 'float32'), shape, 'float32')
    },
  })
}
