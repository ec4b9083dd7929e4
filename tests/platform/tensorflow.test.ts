import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { checkEngines } from '../../src/platform/engine-check.js'
import { AppError } from '../../src/platform/errors.js'
import { parseGpuMemory } from '../../src/platform/native-engine.js'
import { atOnce, startTensorflow } from '../../src/platform/tensorflow.js'

const FASTEST_FIRST = ['cuda', 'native', 'wasm', 'cpu']

describe('startTensorflow', () => {
  it('starts an engine on any machine and says why each faster one did not work', async () => {
    const { backend, reasons } = await startTensorflow('auto')
    expect(Object.keys(reasons)).toEqual(FASTEST_FIRST.slice(0, FASTEST_FIRST.indexOf(backend)))
    for (const reason of Object.values(reasons)) expect(reason).not.toBe('')
  })

  it.each(['wasm', 'cpu'] as const)('starts %s when asked and computes with it', async (engine) => {
    expect(await startTensorflow(engine)).toEqual({ backend: engine, reasons: {} })
    expect(tf.getBackend()).toBe(engine)
    const product = tf.matMul([[1, 2]], [[3], [4]])
    expect([...product.dataSync()]).toEqual([11])
    product.dispose()
  })

  it('refuses an engine that cannot work, with the reason, instead of taking another', async () => {
    const failure = await startTensorflow('webgpu', { folder: '/nowhere' }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(AppError)
    expect(failure).toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryable: false })
    expect(failure).toHaveProperty('message', expect.stringMatching(/webgpu: not installed/))
  })
})

describe('parseGpuMemory', () => {
  it('reads the first GPU of what nvidia-smi prints, and nothing of anything else', () => {
    expect(parseGpuMemory('81559\n81559\n')).toBe(81559 * 2 ** 20)
    for (const printed of ['', '[N/A]\n', 'NVIDIA-SMI has failed']) expect(parseGpuMemory(printed)).toBeUndefined()
  })
})

describe('atOnce', () => {
  it('runs on the engine itself where that answers at once', async () => {
    await startTensorflow('wasm')
    expect(atOnce(() => tf.tidy(() => [...tf.square([2, 3]).dataSync()]))).toEqual([4, 9])
    expect(tf.getBackend()).toBe('wasm')
  })
})

describe('checkEngines', () => {
  it('finds each engine that computes rightly, with its rate, and the reason of each that does not', async () => {
    const checks = await checkEngines()
    expect(checks.map(({ engine }) => engine)).toEqual(['cuda', 'native', 'webgpu', 'wasm', 'cpu'])
    for (const { works, reason, gflops } of checks) {
      if (works) expect(gflops).toBeGreaterThan(0)
      else expect(reason).toMatch(/./)
    }
    // These come with the packages.
    expect(checks.filter(({ engine, works }) => works && ['wasm', 'cpu'].includes(engine))).toHaveLength(2)
    // The best that works alone is what auto takes here as well.
    const best = checks.find(({ engine, works }) => works && engine !== 'webgpu')?.engine
    expect((await startTensorflow('auto')).backend).toBe(best)
  })
})
