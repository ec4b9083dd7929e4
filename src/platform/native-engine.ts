import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import util from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { packagePath } from './paths.js'

/** The engines that are no dependencies: `npm run engine -- NAME` makes them, each in a folder of its own. */
const OPTIONAL = ['native', 'cuda', 'webgpu'] as const
export type OptionalEngine = (typeof OPTIONAL)[number]
export const isOptional = (engine: string): engine is OptionalEngine => (OPTIONAL as readonly string[]).includes(engine)

const PACKAGES = { native: '@tensorflow/tfjs-node', cuda: '@tensorflow/tfjs-node-gpu' }

/** Where `npm run engine` puts an engine; its `engine.json` is written last, so a folder with one that can be read is complete. */
export const engineFolder = (engine: OptionalEngine) => packagePath('engines', engine)
export function isMade(folder: string): boolean {
  try {
    JSON.parse(readFileSync(join(folder, 'engine.json'), 'utf8'))
    return true
  } catch {
    return false
  }
}

/**
 * Registers the backend 'tensorflow' over a native library: from the folder that `npm run engine` made, else from the
 * package of npm's, where somebody installed that. A process can hold only one of the two libraries.
 * @param folder instead of the usual one
 * @throws Error MODULE_NOT_FOUND where there is neither
 */
export async function loadNative(engine: 'native' | 'cuda', folder = engineFolder(engine)): Promise<void> {
  // Gone in Node 23; the native packages still call it.
  if (!('isNullOrUndefined' in util)) {
    Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined })
  }
  if (!isMade(folder)) await load(PACKAGES[engine])
  else if (!tf.findBackend('tensorflow')) registerFrom(folder, PACKAGES[engine])
}

/**
 * What the package's own entry does, without the parts that need all of TensorFlow.js: its kernels, its backend, and the
 * addon. Their `require('@tensorflow/tfjs')` finds a stand-in in the folder, which is the tfjs-core of this project.
 */
function registerFrom(folder: string, packageName: string): void {
  const require = createRequire(join(folder, 'engine.json'))
  const addon: unknown = require('./tfjs_binding.node')
  require('./tfjs-node/dist/register_all_kernels.js')
  const { NodeJSKernelBackend } = require('./tfjs-node/dist/nodejs_kernel_backend.js') as {
    NodeJSKernelBackend: new (addon: unknown, packageName: string) => tf.KernelBackend
  }
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(addon, packageName), 3)
}

/** Bytes of memory of the first NVIDIA GPU, as its driver's own tool says; undefined where it does not. */
export function gpuMemory(): number | undefined {
  try {
    const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits']
    return parseGpuMemory(execFileSync('nvidia-smi', query, { timeout: 10_000, stdio: 'pipe' }).toString())
  } catch {
    return undefined
  }
}

/** @param printed MiB, a line for each GPU */
export function parseGpuMemory(printed: string): number | undefined {
  const mebibytes = Number.parseInt(printed, 10)
  return mebibytes > 0 ? mebibytes * 2 ** 20 : undefined
}

/** An optional package: its name is a variable so that the compiler does not ask for it. */
async function load(name: string): Promise<void> {
  await import(name)
}
