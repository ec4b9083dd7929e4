import type { Body, CallOptions, Query, Schemas } from './calls.js'
import { allOf } from './pages.js'
import type { Transport } from './transport.js'

type ListQuery = Query<'get', '/v1/dead-letters'>
export type LetterChoice = Pick<ListQuery, 'code' | 'topic' | 'tenant'>

/** Messages from Kafka that could not be used: for the operator of a service. */
export class DeadLetters {
  constructor(private readonly transport: Transport) {}

  /** Those that failed last first, with the number of all that wait by code. */
  list(query?: ListQuery, options?: CallOptions) {
    return this.transport.call('get', '/v1/dead-letters', { query }, options)
  }

  all(choice: LetterChoice = {}, options?: CallOptions): AsyncGenerator<Schemas['DeadLetter']> {
    return allOf((cursor) => this.list({ ...choice, limit: 200, ...(cursor && { cursor }) }, options))
  }

  /** One with its value and headers. */
  get(id: string, options?: CallOptions) {
    return this.transport.call('get', '/v1/dead-letters/{id}', { path: { id } }, options)
  }

  /** Sends one round again; where it still can not be used it comes back. */
  replay(id: string, options?: CallOptions) {
    const path = '/v1/dead-letters/{id}/replay'
    return this.transport.call('post', path, { path: { id }, repeatable: false }, options)
  }

  /** Sends those of a choice round again, at most `limit`. Further calls are given the `before` of the first answer. */
  replayAll(choice: Body<'post', '/v1/dead-letters/replay'>, options?: CallOptions) {
    return this.transport.call('post', '/v1/dead-letters/replay', { body: choice, repeatable: false }, options)
  }

  /** Made once only: by a second try it would be no longer there, which reads as if it never was. */
  async drop(id: string, options?: CallOptions): Promise<void> {
    await this.transport.call('delete', '/v1/dead-letters/{id}', { path: { id }, repeatable: false }, options)
  }

  /** Drops those of a choice; all where nothing is chosen. Made once only: a second try would take what came since. */
  dropAll(choice: LetterChoice, options?: CallOptions) {
    return this.transport.call('post', '/v1/dead-letters/drop', { body: choice, repeatable: false }, options)
  }
}
