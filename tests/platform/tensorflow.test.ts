import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/platform/errors.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'

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
