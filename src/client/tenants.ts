import type { Body, CallOptions, Query, Schemas } from './calls.js'
import { allOf } from './pages.js'
import type { Transport } from './transport.js'

/** The tenants of a service: for its operator, and for a key with `manage` its own. */
export class Tenants {
  constructor(private readonly transport: Transport) {}

  /** Makes a tenant and its first key, which is shown this once. */
  create(tenant: Body<'post', '/v1/tenants'>, options?: CallOptions) {
    return this.transport.call('post', '/v1/tenants', { body: tenant, repeatable: false }, options)
  }

  list(query?: Query<'get', '/v1/tenants'>, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants', { query }, options)
  }

  all(options?: CallOptions): AsyncGenerator<Schemas['Tenant']> {
    return allOf((cursor) => this.list({ limit: 1000, ...(cursor && { cursor }) }, options))
  }

  /** Without an id: the client's own tenant. So of all that follow. */
  get(tenant?: string, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}', pathOf(tenant), options)
  }

  /** Settings are merged; null takes a field back to its default. */
  update(changes: Body<'patch', '/v1/tenants/{tenant}'>, tenant?: string, options?: CallOptions) {
    return this.transport.call('patch', '/v1/tenants/{tenant}', { ...pathOf(tenant), body: changes }, options)
  }

  /** Deletes a tenant and everything of it. */
  delete(tenant?: string, options?: CallOptions) {
    return this.transport.call('delete', '/v1/tenants/{tenant}', pathOf(tenant), options)
  }
}

const pathOf = (tenant: string | undefined) => (tenant === undefined ? {} : { path: { tenant } })

/** The keys of a tenant. */
export class Keys {
  constructor(private readonly transport: Transport) {}

  /** Makes a key, which is shown this once. */
  create(key: Body<'post', '/v1/tenants/{tenant}/keys'>, options?: CallOptions) {
    return this.transport.call('post', '/v1/tenants/{tenant}/keys', { body: key, repeatable: false }, options)
  }

  list(options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/keys', {}, options)
  }

  async revoke(id: string, options?: CallOptions): Promise<void> {
    await this.transport.call('delete', '/v1/tenants/{tenant}/keys/{id}', { path: { id } }, options)
  }
}
