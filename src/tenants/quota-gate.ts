import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sendProblem } from '../platform/http.filter.js'
import type { AttuneRequest } from '../platform/http.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { HeldRefusals } from './held-refusals.js'
import { KeysService } from './keys.service.js'
import { QuotasService, type RateQuota } from './quotas.service.js'

const EVENTS = /^\/v1\/tenants\/:tenant\/events$/
/** What is smaller is read by the guard's way, and its events are counted one by one. */
const CHEAP_BYTES = 4096
/** An event as clients send them: of what is not read, their number is only guessed. */
const EVENT_BYTES = 150

/**
 * Refuses what a tenant has no quota left for before its body is read and anything is asked of the database: who sends a
 * hundred times too much must cost the others next to nothing. Whoever isn't known yet goes on to the guard, which
 * refuses just the same. Whoever goes on all the same waits for his refusal.
 */
@Injectable()
export class QuotaGate implements BeforeApplicationShutdown {
  private readonly held = new HeldRefusals()

  constructor(
    @Inject(KeysService) private readonly keys: KeysService,
    @Inject(QuotasService) private readonly quotas: QuotasService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Stands before every request of a server. */
  watch(server: FastifyInstance): void {
    server.addHook('onRequest', (request, reply, done) => {
      const excess = this.excessOf(request)
      if (!excess) return done()
      const { tenantId, quota, amount } = excess
      const since = Date.now()
      ;(request as AttuneRequest).tenantId = tenantId
      this.held.hold(tenantId, since, () => {
        const now = Date.now()
        ;(request as AttuneRequest).heldMs = now - since
        const refusal = this.quotas.refuse(tenantId, quota, amount, now)
        if (refusal) sendProblem(refusal, request, reply, this.logger)
        else done()
      })
    })
  }

  beforeApplicationShutdown() {
    this.held.stop()
  }

  /** What a request asks for that its tenant has no quota left for. */
  private excessOf(request: FastifyRequest): { tenantId: string; quota: RateQuota; amount: number } | null {
    const { tenant } = (request.params ?? {}) as { tenant?: string }
    if (tenant === undefined) return null
    // The common case first: there is quota left, and nothing to find out.
    const isOut = this.quotas.isEmpty(tenant, 'requests')
    const bytes = Number(request.headers['content-length'] ?? 0)
    const sendsMany = bytes > CHEAP_BYTES && request.method === 'POST' && EVENTS.test(request.routeOptions.url ?? '')
    if (!isOut && !(sendsMany && this.quotas.isEmpty(tenant, 'events'))) return null
    const caller = this.keys.lastKnownCaller(request.headers.authorization)
    if (caller?.kind !== 'key' || caller.tenantId !== tenant) return null
    return isOut
      ? { tenantId: tenant, quota: 'requests', amount: 1 }
      : { tenantId: tenant, quota: 'events', amount: Math.round(bytes / EVENT_BYTES) }
  }
}
