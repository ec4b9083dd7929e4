import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { prepare, type Preparation, type Prepared } from './preparation.js'

const WORKER = new URL('./preparation.worker.js', import.meta.url)
/** Run from TypeScript there is no compiled worker to start. */
const compiled = existsSync(fileURLToPath(WORKER))

/** What is larger gets a thread of its own, so that small tenants don't wait minutes for it. */
const SMALL = { items: 20_000, events: 200_000 }

/** What a worker answers to the preparation of this number. */
export interface PreparedAnswer {
  number: number
  prepared?: Prepared
  error?: unknown
}

/** The buffers of typed arrays, to be moved instead of copied. */
export const buffersOf = (...arrays: ArrayBufferView[]) => [
  ...new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer)),
]

/** A thread that prepares one model after the other: starting one takes several times as long as a small model. */
class PreparationThread {
  private readonly worker = new Worker(WORKER)
  private readonly waiting = new Map<
    number,
    { resolve: (prepared: Prepared) => void; reject: (why: unknown) => void }
  >()
  private count = 0

  /** @param onEnd it can be asked no more */
  constructor(onEnd: () => void) {
    const end = (why: unknown) => {
      onEnd()
      for (const { reject } of this.waiting.values()) reject(why)
      this.waiting.clear()
    }
    this.worker.on('message', ({ number, prepared, error }: PreparedAnswer) => {
      const asked = this.waiting.get(number)
      this.waiting.delete(number)
      if (this.waiting.size === 0) this.worker.unref()
      if (prepared) asked?.resolve(prepared)
      else asked?.reject(error)
    })
    this.worker.on('error', end)
    this.worker.on('exit', (code) => end(new Error(`the preparation of a model ended with ${code}`)))
    this.worker.unref()
  }

  prepare(input: Preparation): Promise<Prepared> {
    const { users, items, types, times } = input.events
    const tokens = Object.values(input.tokens ?? {})
    const moved = buffersOf(...input.vectors, ...tokens, users, items, types, times)
    return new Promise((resolve, reject) => {
      const number = this.count++
      this.waiting.set(number, { resolve, reject })
      this.worker.ref()
      this.worker.postMessage({ number, input }, moved)
    })
  }

  stop(): void {
    void this.worker.terminate()
  }
}

let resident: PreparationThread | undefined

/** `prepare` in another thread: a tenant's first request must not hold up the others. Takes the arrays of `input` away. */
export async function prepareAside(input: Preparation): Promise<Prepared> {
  if (!compiled) return prepare(input)
  if (input.itemCount <= SMALL.items && input.events.items.length <= SMALL.events) {
    resident ??= new PreparationThread(() => (resident = undefined))
    return resident.prepare(input)
  }
  const own = new PreparationThread(() => undefined)
  try {
    return await own.prepare(input)
  } finally {
    own.stop()
  }
}
