/// <reference lib="esnext.disposable" preserve="true" />
import type { Answer, Body, CallOptions, Method, PathOf, Query, WithFilters } from './calls.js'
import { Items } from './catalog.js'
import { DeadLetters } from './dead-letters.js'
import { EventQueue, type QueueOptions } from './event-queue.js'
import { Scenarios } from './scenarios.js'
import { Keys, Tenants } from './tenants.js'
import { Runs, Versions } from './training.js'
import { type ClientOptions, Transport, type TypedRequest } from './transport.js'
import { Users } from './users.js'

export interface AttuneOptions extends ClientOptions {
  /** How `events.add` gathers and sends. */
  events?: QueueOptions
}

type RecommendRequest = WithFilters<Body<'post', '/v1/tenants/{tenant}/recommendations'>>

/**
 * A client of the service for Node and browsers. Calls that fail for a reason that may pass are made again; all errors are
 * `AttuneError`.
 *
 *     await using attune = new Attune({ server: 'http://127.0.0.1:3000', key, tenant: 'acme-shop' })
 *     attune.events.add({ userId: 'ada', itemId: 'boots', type: 'purchase' })
 *     const { items } = await attune.recommend({ userId: 'ada', count: 5 })
 */
export class Attune {
  readonly items: Items
  readonly events: EventQueue
  readonly tenants: Tenants
  readonly keys: Keys
  readonly runs: Runs
  readonly versions: Versions
  readonly scenarios: Scenarios
  readonly users: Users
  readonly deadLetters: DeadLetters
  private readonly transport: Transport

  /** @throws AttuneError INVALID_OPTION */
  constructor(private readonly options: AttuneOptions) {
    this.transport = new Transport(options)
    this.items = new Items(this.transport)
    this.events = new EventQueue(this.transport, options.events)
    this.tenants = new Tenants(this.transport)
    this.keys = new Keys(this.transport)
    this.runs = new Runs(this.transport)
    this.versions = new Versions(this.transport)
    this.scenarios = new Scenarios(this.transport)
    this.users = new Users(this.transport)
    this.deadLetters = new DeadLetters(this.transport)
  }

  /** The same client for another tenant, with an event queue of its own. */
  for(tenant: string): Attune {
    return new Attune({ ...this.options, tenant })
  }

  /** Items for a user, for a history, or for anybody. */
  recommend(request: RecommendRequest = {}, options?: CallOptions) {
    const body = request as Body<'post', '/v1/tenants/{tenant}/recommendations'>
    return this.transport.call('post', '/v1/tenants/{tenant}/recommendations', { body }, options)
  }

  recommendFor(
    userId: string,
    query?: Query<'get', '/v1/tenants/{tenant}/users/{userId}/recommendations'>,
    options?: CallOptions,
  ) {
    const path = '/v1/tenants/{tenant}/users/{userId}/recommendations'
    return this.transport.call('get', path, { path: { userId }, query }, options)
  }

  /** More like this item. */
  similar(itemId: string, query?: Query<'get', '/v1/tenants/{tenant}/items/{itemId}/similar'>, options?: CallOptions) {
    return this.transport.call(
      'get',
      '/v1/tenants/{tenant}/items/{itemId}/similar',
      { path: { itemId }, query },
      options,
    )
  }

  /** What is wanted now. */
  trending(query?: Query<'get', '/v1/tenants/{tenant}/trending'>, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/trending', { query }, options)
  }

  /** Puts given items in order for a user or a history. */
  rank(request: Body<'post', '/v1/tenants/{tenant}/rankings'>, options?: CallOptions) {
    return this.transport.call('post', '/v1/tenants/{tenant}/rankings', { body: request }, options)
  }

  /** What is there, what is served, and what a training lacks. */
  readiness(options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/readiness', {}, options)
  }

  /** Who did what, newest first. */
  audit(query?: Query<'get', '/v1/tenants/{tenant}/audit'>, options?: CallOptions) {
    return this.transport.call('get', '/v1/tenants/{tenant}/audit', { query }, options)
  }

  /**
   * Any call of the contract by its method and path, as `call('get', '/v1/tenants/{tenant}/readiness')`. The tenant is
   * filled in; other names of the path are given in `path`.
   * @throws AttuneError, or the reason of the caller's signal
   */
  call<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    request?: TypedRequest<M, P>,
    options?: CallOptions,
  ): Promise<Answer<M, P>> {
    return this.transport.call(method, path, request, options)
  }

  /** Sends the events that wait, and takes no more. */
  async close(): Promise<void> {
    await this.events.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
