import { describe, expect, it } from 'vitest'
import { testService } from '../support/service.js'
import { fallbackOf } from '../../src/training/trainer-engine.js'

describe('falling back to a slower engine', () => {
  const nothing = { gpu: false, cudaInstalled: false }
  const noDriver = 'no CUDA device is usable: no NVIDIA driver is loaded'
  const absent = { cuda: noDriver, native: 'not installed (npm run engine -- native)' }

  it('is none where there is nothing better on the machine', () => {
    expect(fallbackOf('wasm', absent, nothing)).toBeNull()
    expect(fallbackOf('native', { cuda: noDriver }, nothing)).toBeNull()
    expect(fallbackOf('cuda', {}, { gpu: true, cudaInstalled: true })).toBeNull()
  })

  it('is said where a GPU is left idle', () => {
    const said = fallbackOf('wasm', { ...absent, cuda: 'not installed' }, { gpu: true, cudaInstalled: false })
    expect(said).toBe("Training falls back to 'wasm', and leaves the GPU of this machine idle. cuda: not installed")
  })

  it('is said where an engine is installed and does not work', () => {
    const native = { ...absent, native: 'libtensorflow.so.2: cannot open' }
    expect(fallbackOf('wasm', native, nothing)).toMatch(/falls back to 'wasm'\. native: libtensorflow/)
    expect(fallbackOf('native', { cuda: noDriver }, { gpu: false, cudaInstalled: true })).toContain(noDriver)
  })
})

// Needs the build: engines are tried in a process of their own.
describe('the engine of a trainer', () => {
  it('is in the metrics and in the answer to a probe', async () => {
    const service = await testService({ BACKEND: 'wasm' })
    try {
      const ready = async () => (await service.call('GET', '/health/ready', { key: '' })).body as { training?: object }
      await expect
        .poll(async () => (await ready()).training, { timeout: 15_000 })
        .toEqual({ engine: 'wasm', fallback: false })
      const { body } = await service.call('GET', '/metrics', { key: '' })
      expect(body).toContain('attune_training_engine_info{engine="wasm",asked="wasm"} 1')
      expect(body).toMatch(/^attune_training_engine_fallback 0$/m)
    } finally {
      await service.stop()
    }
  })

  it('is nobody’s business where nothing is trained', async () => {
    const service = await testService({ ROLES: 'api' })
    try {
      await expect
        .poll(async () => (await service.call('GET', '/health/ready', { key: '' })).body)
        .toMatchObject({ status: 'ready', training: null })
    } finally {
      await service.stop()
    }
  })
})
