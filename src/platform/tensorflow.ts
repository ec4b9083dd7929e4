import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import type { Config } from './config.js'
import { AppError } from './errors.js'
import { engineFolder, gpuMemory, isMade, isOptional, loadNative } from './native-engine.js'
import { loadWebgpu } from './webgpu-engine.js'

export type Engine = Exclude<Config['backend'], 'auto'>

/** What a start may be told besides the name. */
export interface StartOptions {
  /** Where the engine lies, instead of the folder in which `npm run engine` puts it. */
  folder?: string
}

export interface Started {
  /** The engine in use. */
  backend: Engine
  /** Why each engine that was tried before it did not work. */
  reasons: Record<string, string>
  /** Memory of the GPU it computes on, where there is one and it says so. */
  gpuBytes?: number
}

// Fastest first. WebGPU is not among them: what reads results at once would wait for it in vain (`atOnce`).
export const AUTO: Engine[] = ['cuda', 'native', 'wasm', 'cpu']

// The device files of the driver, on Linux and on Windows' Linux.
const DRIVERS = ['/dev/nvidiactl', '/dev/dxg']

const starters: Record<Engine, (options: StartOptions) => Promise<void>> = {
  cuda: startCuda,
  native: startNative,
  webgpu: startWebgpu,
  wasm: startWasm,
  cpu: startCpu,
}

/**
 * Chooses the tensor engine of this process. Call it once, before the first tensor.
 * @param choice an engine by name, 'auto' for the fastest that works here, or engines to try in this order
 * @throws AppError ENGINE_UNAVAILABLE with the reason, when the engine that was asked for (or, by 'auto', every one) does not work
 */
export async function startTensorflow(
  choice: Config['backend'] | Engine[],
  options: StartOptions = {},
): Promise<Started> {
  const reasons: Record<string, string> = {}
  const engines = typeof choice === 'string' ? (choice === 'auto' ? AUTO : [choice]) : choice
  for (const engine of engines) {
    try {
      await starters[engine](options)
      const gpuBytes = engine === 'cuda' ? gpuMemory() : undefined
      return { backend: engine, reasons, ...(gpuBytes && { gpuBytes }) }
    } catch (error) {
      reasons[engine] = reasonOf(engine, error)
    }
  }
  const said = Object.entries(reasons).map(([engine, reason]) => `${engine}: ${reason}`)
  throw new AppError('ENGINE_UNAVAILABLE', `No tensor engine could be started. ${said.join('; ')}`, {
    status: 503,
    retryable: false,
    extra: { reasons },
  })
}

/**
 * Runs something that reads its results at once (`dataSync`), as computing recommendations does, on any engine: WebGPU
 * answers only later, so there it runs on the WebAssembly engine that was started beside it. Tensors cannot cross: those
 * that `work` reads it has to make itself.
 */
export function atOnce<T>(work: () => T): T {
  if (tf.getBackend() !== 'webgpu') return work()
  // Of an engine that is initialised, this takes effect before it returns its promise.
  void tf.setBackend('wasm')
  try {
    return work()
  } finally {
    void tf.setBackend('webgpu')
  }
}

async function startCuda({ folder }: StartOptions): Promise<void> {
  // Before a library of some gigabytes is loaded in vain, and before it is the only one that this process can hold.
  if (process.platform === 'linux' && !DRIVERS.some((file) => existsSync(file)))
    throw new Error(`no CUDA device is usable: no NVIDIA driver is loaded (${DRIVERS[0]} is missing)`)
  await startLibrary('cuda', folder)
  const backend: object = tf.backend()
  // Without a usable GPU the package silently computes on the CPU.
  if (!('isUsingGpuDevice' in backend && backend.isUsingGpuDevice === true))
    throw new Error('no CUDA device is usable: TensorFlow found none (nvidia-smi says whether the driver does)')
}

async function startNative({ folder }: StartOptions): Promise<void> {
  // A GPU package that found no GPU has registered the same engine already, and a process can hold only one of the two.
  if (tf.findBackend('tensorflow')) await use('tensorflow')
  else await startLibrary('native', folder)
}

async function startLibrary(engine: 'native' | 'cuda', folder?: string): Promise<void> {
  // The network is many small operations: a thread pool costs them more than it gives. Another setting is respected.
  process.env.TF_NUM_INTRAOP_THREADS ??= '1'
  // Not the lines on which instructions the library was built for; its warnings stay.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1'
  await loadNative(engine, folder)
  await use('tensorflow')
}

async function startWebgpu({ folder }: StartOptions): Promise<void> {
  await loadWebgpu(folder)
  await startWasm()
  await use('webgpu')
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

function reasonOf(engine: Engine, error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? error.code : undefined
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
  if (missing && isOptional(engine) && !isMade(engineFolder(engine)))
    return `not installed (npm run engine -- ${engine})`
  return error.message.split('\n')[0]
}
