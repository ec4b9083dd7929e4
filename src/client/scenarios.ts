import type { Body, CallOptions, WithFilters } from './calls.js'
import type { Transport } from './transport.js'

const SCENARIO = '/v1/tenants/{tenant}/scenarios/{name}'

/** Named placements, each with the options that its recommendations have unless a request says otherwise. */
export class Scenarios {
  constructor(private readonly transport: Transport) {}

  put(name: string, defaults: WithFilters<Body<'put', typeof SCENARIO>>, options?: CallOptions) {
    const body = defaults as Body<'put', typeof SCENARIO>
    return this.transport.call('put', SCENARIO, { path: { name }, body }, options)
  }

  get(name: string, options?: CallOptions) {
    return this.transport.call('get', SCENARIO, { path: { name } }, options)
  }

  async delete(name: string, options?: CallOptions): Promise<void> {
    await this.transport.call('delete', SCENARIO, { path: { name } }, options)
  }
}
