import { backoff, sleep } from './backoff.js'
import type { Body, CallOptions, Query, Schemas } from './calls.js'
import { allOf } from './pages.js'
import { AttuneError } from './problem.js'
import { serverSentEvents } from './server-sent-events.js'
import type { Transport } from './transport.js'

const RUN = '/v1/tenants/{tenant}/training-runs/{id}'
/** The service says something every 15 s: three of those missed, and the connection is dead. */
const SILENCE_MS = 50_000
const TRIES = 6
const MOST_WAIT_MS = 10_000

/** One thing that a run reported: `attempt`, `estimate`, `state`, `progress`, `quality` or `metrics`; the last is `end`. */
export interface RunEvent {
  event: string
  data: Record<string, unknown>
}

/** Fine-tunings of a tenant. */
export class Runs {
  constructor(private readonly transport: Transport) {}

  /** @returns the run, with state `skipped` where nothing is new @throws AttuneError RUN_IN_PROGRESS, NOT_ENOUGH_DATA */
  start(request: Body<'post', '/v1/tenants/{tenant}/training-runs'> = {}, options?: CallOptions) {
    const path = '/v1/tenants/{tenant}/training-runs'
    return this.transport.call('post', path, { body: request, repeatable: false }, options)
  }

  list(query?: Query<'get', '/v1/tenants/{tenant}/training-runs'>, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/training-runs', { query }, options)
  }

  all(options?: CallOptions): AsyncGenerator<Schemas['TrainingRun']> {
    return allOf((cursor) => this.list({ limit: 100, ...(cursor && { cursor }) }, options))
  }

  get(id: string, options?: CallOptions) {
    return this.transport.call('get', RUN, { path: { id } }, options)
  }

  cancel(id: string, options?: CallOptions) {
    return this.transport.call('post', `${RUN}/cancel`, { path: { id } }, options)
  }

  /**
   * What a run reported so far, and what it reports until it has ended. A connection that breaks is made anew, and goes on
   * after the last event.
   * @throws AttuneError where it cannot be made for a while
   */
  async *follow(id: string, options: CallOptions = {}): AsyncGenerator<RunEvent> {
    let last = ''
    let wait = 2000
    for (let failed = 0; ;) {
      try {
        const headers: Record<string, string> = last === '' ? {} : { 'last-event-id': last }
        const body = await this.transport.open('get', `${RUN}/events`, { path: { id }, headers }, options)
        for await (const told of serverSentEvents(watched(body), (ms) => (wait = ms))) {
          failed = 0
          if (told.id !== '') last = told.id
          yield { event: told.event, data: JSON.parse(told.data) as Record<string, unknown> }
          if (told.event === 'end') return
        }
      } catch (error) {
        options.signal?.throwIfAborted()
        if (error instanceof AttuneError && !error.retryable) throw error
        if (failed + 1 >= TRIES) throw error
      }
      failed += 1
      await sleep(wait + backoff(failed, wait, MOST_WAIT_MS), options.signal)
    }
  }
}

/** The same stream, which fails where nothing comes for too long: a connection may die without a word. */
function watched(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let timer: ReturnType<typeof setTimeout> | undefined
      const silence = new Promise<never>((_, fail) => {
        timer = setTimeout(
          () => fail(new AttuneError('TIMEOUT', 'The run says nothing.', { retryable: true })),
          SILENCE_MS,
        )
      })
      try {
        const { done, value } = await Promise.race([reader.read(), silence])
        if (done) controller.close()
        else controller.enqueue(value)
      } finally {
        clearTimeout(timer)
      }
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

/** Model versions of a tenant, and which of them is served. */
export class Versions {
  constructor(private readonly transport: Transport) {}

  list(query?: Query<'get', '/v1/tenants/{tenant}/model-versions'>, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/model-versions', { query }, options)
  }

  all(options?: CallOptions): AsyncGenerator<Schemas['ModelVersionSummary']> {
    return allOf((cursor) => this.list({ limit: 100, ...(cursor && { cursor }) }, options))
  }

  get(id: string, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/model-versions/{id}', { path: { id } }, options)
  }

  /** Serves this version. */
  promote(id: string, options?: CallOptions) {
    return this.transport.call('post', '/v1/tenants/{tenant}/model-versions/{id}/promote', { path: { id } }, options)
  }

  /** Back to what was served before. Never made twice by itself: each call goes one further back. */
  rollback(options?: CallOptions) {
    const path = '/v1/tenants/{tenant}/model-versions/rollback'
    return this.transport.call('post', path, { repeatable: false }, options)
  }
}
