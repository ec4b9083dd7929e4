import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import util from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import type { Config } from './config.js'
import { AppError } from './errors.js'

export type Engine = Exclude<Config['backend'], 'auto'>

export interface Started {
  /** The engine in use. */
  backend: Engine
  /** Why each engine that was tried before it did not work. */
  reasons: Record<string, string>
}

// Fastest first. WebGPU is not among them: see `startWebgpu`.
const AUTO: Engine[] = ['cuda', 'native', 'wasm', 'cpu']

const starters: Record<Engine, () => Promise<void>> = {
  cuda: startCuda,
  native: startNative,
  webgpu: startWebgpu,
  wasm: startWasm,
  cpu: startCpu,
}

/**
 * Chooses the tensor engine of this process. Call it once, before the first tensor.
 * @param choice an engine by name, or 'auto' for the fastest that works here
 * @throws AppError ENGINE_UNAVAILABLE with the reason, when the engine that was asked for (or, by 'auto', every one) does not work
 */
export async function startTensorflow(choice: Config['backend']): Promise<Started> {
  const reasons: Record<string, string> = {}
  for (const engine of choice === 'auto' ? AUTO : [choice]) {
    try {
      await starters[engine]()
      return { backend: engine, reasons }
    } catch (error) {
      reasons[engine] = reasonOf(error)
    }
  }
  const said = Object.entries(reasons).map(([engine, reason]) => `${engine}: ${reason}`)
  throw new AppError('ENGINE_UNAVAILABLE', `No tensor engine could be started. ${said.join('; ')}`, {
    status: 503,
    retryable: false,
    extra: { reasons },
  })
}

async function startCuda(): Promise<void> {
  await loadNative('@tensorflow/tfjs-node-gpu')
  const backend: object = tf.backend()
  // Without a usable GPU the package silently computes on the CPU.
  if (!('isUsingGpuDevice' in backend && backend.isUsingGpuDevice === true)) throw new Error('no CUDA device is usable')
}

async function startNative(): Promise<void> {
  // A GPU package that found no GPU has registered the same engine already, and a process can hold only one of the two.
  if (tf.findBackend('tensorflow')) await use('tensorflow')
  else await loadNative('@tensorflow/tfjs-node')
}

async function loadNative(name: string): Promise<void> {
  // The network is many small operations: a thread pool costs them more than it gives. Another setting is respected.
  process.env.TF_NUM_INTRAOP_THREADS ??= '1'
  // Gone in Node 23; the native packages still call it.
  if (!('isNullOrUndefined' in util)) {
    Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined })
  }
  await load(name)
  await use('tensorflow')
}

function startWebgpu(): Promise<void> {
  return Promise.reject(new Error('it only answers asynchronously, while recommendations are computed synchronously'))
}

async function startWasm(): Promise<void> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')
  setWasmPaths(join(dirname(manifest), 'wasm-out') + sep)
  await use('wasm')
}

async function startCpu(): Promise<void> {
  await import('@tensorflow/tfjs-backend-cpu')
  await use('cpu')
}

async function use(backend: string): Promise<void> {
  if (!(await tf.setBackend(backend))) throw new Error(`the engine '${backend}' did not initialise`)
  await tf.ready()
}

/** An optional package: its name is a variable so that the compiler does not ask for it. */
async function load(name: string): Promise<void> {
  await import(name)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? error.code : undefined
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return 'not installed'
  return error.message.split('\n')[0]
}
