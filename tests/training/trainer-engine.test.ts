import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testService } from '../support/service.js'
import { fallbackOf, findEngine, TrainerEngine } from '../../src/training/trainer-engine.js'

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

describe('looking for an engine', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'attune-probe-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  /** Stands in for engines of other machines: `deadly` ones end their process as an unknown instruction does. */
  const machine = (deadly: string[], works: string[]) => {
    const program = join(folder, 'probe.cjs')
    const content = `const asked = process.argv[2]
      if (${JSON.stringify(deadly)}.includes(asked)) process.kill(process.pid, 'SIGILL')
      else if (${JSON.stringify(works)}.includes(asked)) console.log('a library prints\\n' + JSON.stringify({ engine: asked, reasons: {} }))
      else console.log(JSON.stringify({ error: 'none', reasons: { [asked]: 'not installed' } }))`
    writeFileSync(program, content)
    return program
  }

  it('goes on after one that ends the process which tries it', async () => {
    expect(await findEngine('auto', machine(['auto', 'native'], ['wasm', 'cpu']))).toEqual({
      engine: 'wasm',
      reasons: { cuda: 'not installed', native: 'its process was ended by SIGILL' },
    })
  })

  it('says of each why it does not work, where none does', async () => {
    await expect(findEngine('auto', machine(['auto', 'native', 'wasm'], []))).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/cuda: not installed; native: .*SIGILL; wasm: .*SIGILL; cpu:/) as string,
    })
  })

  it('takes no other than the one that was asked for', async () => {
    await expect(findEngine('native', machine(['native'], ['wasm']))).rejects.toThrow(/'native'.*ended by SIGILL/)
    expect(await findEngine('wasm', machine(['native'], ['wasm']))).toMatchObject({ engine: 'wasm' })
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

      // A run that could not start it says so aloud, and the next one asks again.
      const engine = service.app.get(TrainerEngine)
      engine.failed('wasm', 'It ended the process of a run.')
      expect((await service.call('GET', '/metrics', { key: '' })).body).toMatch(/^attune_training_engine_fallback 1$/m)
      expect(await ready()).toMatchObject({ training: { engine: 'wasm', fallback: true } })
      expect(await engine.find()).toEqual({ engine: 'wasm', reasons: {}, fallback: null })
      expect((await service.call('GET', '/metrics', { key: '' })).body).toMatch(/^attune_training_engine_fallback 0$/m)
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
