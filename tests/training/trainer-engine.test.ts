import { describe, expect, it } from 'vitest'
import { testService } from '../support/service.js'
import { fallbackOf } from '../../src/training/trainer-engine.js'

describe('falling back to a slower engine', () => {
  const absent = { cuda: 'not installed', native: 'not installed' }

  it('is none where there is nothing better on the machine', () => {
    expect(fallbackOf('wasm', absent, false)).toBeNull()
    expect(fallbackOf('cuda', {}, true)).toBeNull()
    expect(fallbackOf('native', { cuda: 'not installed' }, false)).toBeNull()
  })

  it('is said where a GPU is left idle', () => {
    expect(fallbackOf('wasm', absent, true)).toMatch(/falls back to 'wasm', and leaves the GPU .* cuda: not installed/)
    expect(fallbackOf('native', { cuda: 'no CUDA device is usable' }, true)).toContain('no CUDA device is usable')
  })

  it('is said where an engine is installed and does not work', () => {
    const said = fallbackOf('wasm', { ...absent, native: 'libtensorflow.so.2: cannot open' }, false)
    expect(said).toMatch(/falls back to 'wasm'\. native: libtensorflow/)
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
