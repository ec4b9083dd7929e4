import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ROOT_CONTEXT, trace, type Tracer } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-node'
import type { Logger } from './logger.js'
import { packagePath } from './paths.js'

/** A collector that is away must hold up neither a batch nor the end of the service for longer. */
const EXPORT_MS = 5000

/** What `Tracing` needs of OpenTelemetry. Only this file imports it, and only `startTracing` imports this file. */
export interface Otel {
  tracer: Tracer
  trace: typeof trace
  root: typeof ROOT_CONTEXT
  /** Sends what waits. */
  stop(): Promise<void>
}

/**
 * Everything that is left unsaid here is set by OpenTelemetry's own variables: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
 * OTEL_TRACES_SAMPLER, OTEL_BSP_*, OTEL_EXPORTER_OTLP_HEADERS. Nothing is registered for the whole process.
 * @param endpoint of a collector that takes OTLP over HTTP
 */
export function startOtel(endpoint: string, logger: Logger): Otel {
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }
  const own = resourceFromAttributes({
    'service.name': 'attune',
    'service.version': version,
    'service.instance.id': randomUUID(),
  })
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_MS,
  })
  const provider = new BasicTracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(sayingFailures(exporter, logger), { exportTimeoutMillis: 2 * EXPORT_MS })],
  })
  return {
    tracer: provider.getTracer('attune', version),
    trace,
    root: ROOT_CONTEXT,
    stop: () =>
      provider.shutdown().catch((error: unknown) => logger.warn({ err: error }, 'the last traces could not be sent')),
  }
}

/** Says once that traces get lost, and once that they arrive again. */
function sayingFailures(exporter: SpanExporter, logger: Logger): SpanExporter {
  let failing = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined
        if (failed !== failing) {
          failing = failed
          if (failed) logger.warn({ err: result.error, spans: spans.length }, 'traces can not be sent, and are lost')
          else logger.info('traces are sent again')
        }
        done(result)
      }),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  }
}
