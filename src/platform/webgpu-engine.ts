import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { engineFolder } from './native-engine.js'

interface Gpu {
  requestAdapter(options?: object): Promise<object | null>
}

/**
 * Registers the backend 'webgpu': Dawn, as Chrome has it, and the kernels of TensorFlow.js.
 * @param folder where `npm run engine -- webgpu` put them
 * @throws Error with the reason where there is no device
 */
export async function loadWebgpu(folder = engineFolder('webgpu')): Promise<void> {
  if (!existsSync(join(folder, 'engine.json')))
    throw Object.assign(new Error('not installed'), { code: 'MODULE_NOT_FOUND' })
  const { create, globals } = (await import(pathToFileURL(join(folder, 'node_modules/webgpu/index.js')).href)) as {
    create: (options: string[]) => Gpu
    globals: object
  }
  const gpu = create([])
  if (!(await gpu.requestAdapter({ powerPreference: 'high-performance' })))
    throw new Error('no GPU is usable: there is no Vulkan driver, or it found no device')
  Object.assign(globalThis, globals)
  const { navigator } = globalThis as { navigator?: object }
  // Node has one since version 21, without a gpu.
  if (navigator) Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true })
  else Object.assign(globalThis, { navigator: { gpu, userAgent: `Node.js/${process.versions.node}` } })
  createRequire(join(folder, 'engine.json'))('@tensorflow/tfjs-backend-webgpu')
}
