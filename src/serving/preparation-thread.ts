import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { prepare, type Preparation, type Prepared } from './preparation.js'

const WORKER = new URL('./preparation.worker.js', import.meta.url)
/** Run from TypeScript there is no compiled worker to start. */
const compiled = existsSync(fileURLToPath(WORKER))

/** The buffers of typed arrays, to be moved instead of copied. */
export const buffersOf = (...arrays: ArrayBufferView[]) => [
  ...new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer)),
]

/** `prepare` in a thread of its own: a tenant's first request must not hold up the others. Takes the arrays of `input` away. */
export function prepareAside(input: Preparation): Promise<Prepared> {
  if (!compiled) return Promise.resolve(prepare(input))
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER)
    worker.once('message', (prepared: Prepared) => {
      resolve(prepared)
      void worker.terminate()
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the preparation of a model ended with ${code}`)))
    const { users, items, types, times } = input.events
    const tokens = Object.values(input.tokens ?? {})
    worker.postMessage(input, buffersOf(...input.vectors, ...tokens, users, items, types, times))
  })
}
