import * as tf from '@tensorflow/tfjs-core'
import { AppError } from './errors.js'
import { startTensorflow, type Engine } from './tensorflow.js'

// Tries one engine in this process: `engine-probe.js ENGINE [FOLDER]` prints { works, reason?, gflops? } as one line of JSON.

const SIZE = 512
const SECOND = 1000

/** A matrix of numbers around 1 / SIZE, so that a product of many stays finite. */
const matrix = (seed: number) =>
  Float32Array.from({ length: SIZE * SIZE }, (_, at) => (1 + Math.sin(seed + at * 0.7)) / SIZE)

/** @throws Error where the engine's product is not that of plain JavaScript */
async function checkProduct(a: Float32Array, b: Float32Array): Promise<void> {
  const product = tf.tidy(() => tf.matMul(tf.tensor2d(a, [SIZE, SIZE]), tf.tensor2d(b, [SIZE, SIZE])))
  const found = await product.data()
  product.dispose()
  for (let at = 0; at < found.length; at += 997) {
    const row = Math.floor(at / SIZE)
    let expected = 0
    for (let k = 0; k < SIZE; k++) expected += a[row * SIZE + k] * b[k * SIZE + (at % SIZE)]
    // TF32, as GPUs multiply, keeps ten bits.
    if (!(Math.abs(found[at] - expected) <= 2e-3 * Math.abs(expected)))
      throw new Error(`it computes wrongly: ${found[at]} instead of ${expected}`)
  }
}

/** Rounds of twice as many products until one takes long enough; reading the result waits for an engine that works ahead. */
async function rate(values: Float32Array): Promise<number> {
  const factor = tf.tensor2d(values, [SIZE, SIZE])
  for (let products = 1; ; products *= 2) {
    const from = performance.now()
    const power = tf.tidy(() => {
      let last: tf.Tensor2D = factor
      for (let n = 0; n < products; n++) last = tf.matMul(last, factor)
      return last
    })
    await power.data()
    const took = performance.now() - from
    power.dispose()
    if (took >= SECOND / 2) {
      factor.dispose()
      return (products * 2 * SIZE ** 3) / took / 1e6
    }
  }
}

async function probe(engine: Engine, folder?: string): Promise<object> {
  try {
    await startTensorflow(engine, { folder })
    const [a, b] = [matrix(1), matrix(2)]
    await checkProduct(a, b)
    return { works: true, gflops: Number((await rate(a)).toPrecision(3)) }
  } catch (error) {
    return { works: false, reason: reasonOf(engine, error) }
  }
}

function reasonOf(engine: Engine, error: unknown): string {
  const reasons = error instanceof AppError ? error.extra?.reasons : undefined
  if (reasons && typeof reasons === 'object' && engine in reasons)
    return String(reasons[engine as keyof typeof reasons])
  return error instanceof Error ? error.message : String(error)
}

const verdict = await probe(process.argv[2] as Engine, process.argv[3])
process.stdout.write(`${JSON.stringify(verdict)}\n`, () => process.exit(0))
