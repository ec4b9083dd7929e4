import type { Attributes, Link, Span, SpanContext, TimeInput } from '@opentelemetry/api'
import type { Config } from './config.js'
import type { Logger } from './logger.js'
import type { Otel } from './otel.js'
import { within, workContext } from './work-context.js'

/** As in `SpanKind` of OpenTelemetry, which is not loaded where nobody wants traces. */
export const KIND = { internal: 0, server: 1, client: 2, producer: 3, consumer: 4 } as const
const STATUS_ERROR = 2

export interface SpanOptions {
  kind?: keyof typeof KIND
  attributes?: Attributes
  /** What it is a part of; without it, the span in which the code runs. */
  parent?: SpanContext
  links?: SpanContext[]
  startTime?: TimeInput
}

/** @param endpoint absent: nothing is loaded, and every span costs one comparison */
export async function startTracing({ otlpEndpoint }: Pick<Config, 'otlpEndpoint'>, logger: Logger): Promise<Tracing> {
  if (otlpEndpoint === undefined) return new Tracing(null)
  const { startOtel } = await import('./otel.js')
  return new Tracing(startOtel(otlpEndpoint, logger))
}

/**
 * Traces, by hand in the few places that say where time goes. The span in which code runs travels in the work context. No
 * attribute holds a parameter of a statement, a body, a key, or an id of a user or an item.
 */
export class Tracing {
  constructor(private readonly otel: Otel | null) {}

  get isOn(): boolean {
    return this.otel !== null
  }

  /** Runs `work` in a span of its own, which ends with it. @param work gets null where there are no traces */
  span<T>(name: string, options: SpanOptions, work: (span: Span | null) => T): T {
    const span = this.start(name, options)
    if (!span) return work(null)
    let result: T
    try {
      result = within({ span }, () => work(span))
    } catch (error) {
      fail(span, error)
      throw error
    }
    if (!(result instanceof Promise)) {
      span.end()
      return result
    }
    return result.then(
      (value: unknown) => {
        span.end()
        return value
      },
      (error: unknown) => {
        fail(span, error)
        throw error
      },
    ) as T
  }

  /** The same, but only as a part of a trace that goes on: what loops do by themselves would be nothing but noise. */
  inner<T>(name: string, options: SpanOptions, work: (span: Span | null) => T): T {
    return this.otel && workContext()?.span ? this.span(name, options, work) : work(null)
  }

  /** A span that the caller ends; null where there are no traces. */
  start(name: string, { kind = 'internal', attributes, parent, links, startTime }: SpanOptions): Span | null {
    if (!this.otel) return null
    const { tracer, trace, root } = this.otel
    const around = parent ?? workContext()?.span?.spanContext()
    const context = around ? trace.setSpanContext(root, around) : root
    const options = { kind: KIND[kind], attributes, startTime, links: links?.map((link): Link => ({ context: link })) }
    return tracer.startSpan(name, options, context)
  }

  /** Sends what waits. */
  async stop(): Promise<void> {
    await this.otel?.stop()
  }
}

/** Ends a span as one that failed. The error's message stays out: it may repeat a value. */
export function fail(span: Span, error: unknown): void {
  const { name, code } = error as { name?: unknown; code?: unknown }
  span.setAttribute('error.type', typeof code === 'string' ? code : typeof name === 'string' ? name : 'unknown')
  span.setStatus({ code: STATUS_ERROR })
  span.end()
}

/** W3C Trace Context: version, trace, parent, flags; a later version may have more behind. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Where a trace comes from, by a `traceparent` header; undefined where there is none that can be read. */
export function readTraceparent(header: string | undefined): SpanContext | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(header ?? '') ?? []
  if (!version || version === 'ff' || (version === '00' && more)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
}
