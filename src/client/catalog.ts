import { inBatches } from './batches.js'
import type { CallOptions, Item, Query, Rejected, Schemas } from './calls.js'
import { allOf } from './pages.js'
import type { Transport } from './transport.js'

/** The items of a tenant. */
export class Items {
  constructor(private readonly transport: Transport) {}

  /** Adds or replaces any number of items, in as many requests as they need, one after the other. @throws AttuneError */
  async upsert(items: readonly Item[], options?: CallOptions): Promise<{ accepted: number; rejected: Rejected[] }> {
    const sum = { accepted: 0, rejected: [] as Rejected[] }
    for (const { from, json } of inBatches('items', items)) {
      const answer = await this.transport.call('post', '/v1/tenants/{tenant}/items', { json }, options)
      sum.accepted += answer.accepted
      sum.rejected.push(...answer.rejected.map((entry) => ({ ...entry, index: from + entry.index })))
    }
    return sum
  }

  list(query?: Query<'get', '/v1/tenants/{tenant}/items'>, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/items', { query }, options)
  }

  /** Every item, page by page. */
  all(options?: CallOptions): AsyncGenerator<Omit<Schemas['ItemView'], 'embedding'>> {
    return allOf((cursor) => this.list({ limit: 1000, ...(cursor && { cursor }) }, options))
  }

  get(itemId: string, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/items/{itemId}', { path: { itemId } }, options)
  }

  async delete(itemId: string, options?: CallOptions): Promise<void> {
    await this.transport.call('delete', '/v1/tenants/{tenant}/items/{itemId}', { path: { itemId } }, options)
  }
}
