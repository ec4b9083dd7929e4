import { Inject, Injectable } from '@nestjs/common'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Span } from '@opentelemetry/api'
import type { AttuneRequest } from './http.js'
import { LOGGER, type Logger } from './logger.js'
import { Metrics } from './metrics.js'
import { fail, readTraceparent, Tracing } from './tracing.js'
import { within } from './work-context.js'

/** Seconds. The contract's calls take milliseconds; a batch of 1000 may take a second. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** The `route` of what no route is for: paths come from outside. */
const UNMATCHED = 'unmatched'

/** What is told of every request: how many there are, what became of them, how long they took, whose they were. */
@Injectable()
export class HttpRequests {
  private readonly seconds
  private readonly inFlight
  private readonly ofTenants
  private readonly spans = new WeakMap<FastifyRequest, Span>()

  constructor(
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Tracing) private readonly tracing: Tracing,
  ) {
    this.seconds = metrics.histogram(
      'attune_http_request_seconds',
      'Requests by route and class of status, from the head to the last byte of the answer; no streams of events, nor the time that a refusal was held back',
      ['method', 'route', 'status'],
      BUCKETS,
    )
    this.inFlight = metrics.gauge('attune_http_requests_in_flight', 'Requests that are not answered yet')
    this.ofTenants = metrics.counter('attune_http_tenant_requests_total', 'Requests let in, by tenant', [
      'tenant',
      'status',
    ])
  }

  /** Watches every request of a server. */
  watch(server: FastifyInstance): void {
    server.addHook('onRequest', (request, _reply, done) => {
      this.inFlight.inc()
      this.startSpan(request)
      done()
    })
    // Once the body was read: what reads it knows nothing of the request any more.
    server.addHook('preHandler', (request, _reply, done) =>
      within({ requestId: request.id, span: this.spans.get(request) }, done),
    )
    server.addHook('onResponse', (request, reply, done) => {
      this.inFlight.dec()
      this.endSpan(request, reply)
      this.answered(request, reply)
      done()
    })
  }

  /** For an answer that no hook sees, as that to an address which can't be read. */
  answered(request: FastifyRequest, reply: FastifyReply): void {
    const { tenantId, heldMs = 0 } = request as AttuneRequest
    // The path is left out: it holds ids of users and items.
    const route = request.routeOptions.url ?? UNMATCHED
    const ms = Math.round(reply.elapsedTime)
    const about = {
      requestId: request.id,
      tenant: tenantId,
      method: request.method,
      route,
      status: reply.statusCode,
      ms,
    }
    this.logger.debug(about, 'request answered')
    const status = `${Math.floor(reply.statusCode / 100)}xx`
    if (tenantId !== undefined) this.ofTenants.inc({ tenant: this.metrics.tenantLabel(tenantId), status })
    // It lasts as long as somebody looks on: that is no latency.
    if (reply.raw.getHeader('content-type')?.toString().startsWith('text/event-stream')) return
    this.seconds.observe(
      { method: methodOf(request.method), route, status },
      Math.max(0, reply.elapsedTime - heldMs) / 1000,
    )
  }

  private startSpan(request: FastifyRequest) {
    if (!this.tracing.isOn) return
    const { url: route } = request.routeOptions
    const method = methodOf(request.method)
    const { traceparent } = request.headers
    const span = this.tracing.start(route ? `${method} ${route}` : method, {
      kind: 'server',
      // By the conventions there is the path too: it would hold ids of users and items.
      attributes: { 'http.request.method': method, 'url.scheme': 'http', ...(route && { 'http.route': route }) },
      parent: readTraceparent(typeof traceparent === 'string' ? traceparent : undefined),
    })
    if (span) this.spans.set(request, span)
  }

  private endSpan(request: FastifyRequest, reply: FastifyReply) {
    const span = this.spans.get(request)
    if (!span) return
    const { tenantId } = request as AttuneRequest
    span.setAttributes({
      'http.response.status_code': reply.statusCode,
      'attune.request.id': request.id,
      ...(tenantId !== undefined && { 'attune.tenant.id': tenantId }),
    })
    if (reply.statusCode >= 500) fail(span, { code: String(reply.statusCode) })
    else span.end()
  }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const methodOf = (method: string) => (METHODS.has(method) ? method : 'other')
