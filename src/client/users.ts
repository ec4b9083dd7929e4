import type { CallOptions } from './calls.js'
import { lines } from './server-sent-events.js'
import type { Transport } from './transport.js'

/** The data of a user: needs the scope `manage`. */
export class Users {
  constructor(private readonly transport: Transport) {}

  /** Removes every row of a user; `erasure` proves it. */
  erase(userId: string, options?: CallOptions) {
    return this.transport.call('delete', '/v1/tenants/{tenant}/users/{userId}', { path: { userId } }, options)
  }

  erasure(id: string, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/erasures/{id}', { path: { id } }, options)
  }

  /** Everything that is kept of a user, row by row. */
  async *export(userId: string, options?: CallOptions): AsyncGenerator<Record<string, unknown>> {
    const body = await this.transport.open(
      'get',
      '/v1/tenants/{tenant}/users/{userId}/export',
      { path: { userId } },
      options,
    )
    for await (const line of lines(body)) if (line !== '') yield JSON.parse(line) as Record<string, unknown>
  }

  /** Joins an anonymous visitor to an account. */
  merge(userId: string, into: string, options?: CallOptions) {
    const path = '/v1/tenants/{tenant}/users/{userId}/merge'
    return this.transport.call('post', path, { path: { userId }, body: { into } }, options)
  }
}
