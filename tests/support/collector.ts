import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

type Value = { stringValue?: string; intValue?: number | string; boolValue?: boolean; doubleValue?: number }
interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: { key: string; value: Value }[]
  links?: { traceId: string; spanId: string }[]
  status: { code?: number }
}

export interface CollectedSpan extends Pick<OtlpSpan, 'traceId' | 'spanId' | 'name' | 'kind'> {
  parent: string | null
  attributes: Record<string, string | number | boolean | undefined>
  links: { traceId: string; spanId: string }[]
  failed: boolean
  /** Milliseconds since 1970. */
  from: number
  to: number
}

interface Body {
  resourceSpans: {
    resource: { attributes: OtlpSpan['attributes'] }
    scopeSpans: { spans: OtlpSpan[] }[]
  }[]
}

const attributesOf = (pairs: OtlpSpan['attributes']) =>
  Object.fromEntries(
    pairs.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? (value.intValue && Number(value.intValue)),
    ]),
  )

/** A collector of traces that takes OTLP/HTTP as JSON (https://opentelemetry.io/docs/specs/otlp/#otlphttp). */
export async function startCollector() {
  const spans: CollectedSpan[] = []
  const resources: Record<string, unknown>[] = []
  let raw = ''
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.method !== 'POST' || request.url !== '/v1/traces') return response.writeHead(404).end()
      const bytes = Buffer.concat(chunks)
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8')
      raw += text
      for (const { resource, scopeSpans } of (JSON.parse(text) as Body).resourceSpans) {
        resources.push(attributesOf(resource.attributes))
        for (const span of scopeSpans.flatMap((scope) => scope.spans))
          spans.push({
            traceId: span.traceId,
            spanId: span.spanId,
            parent: span.parentSpanId ? span.parentSpanId : null,
            name: span.name,
            kind: span.kind,
            attributes: attributesOf(span.attributes),
            links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
            failed: span.status.code === 2,
            from: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
            to: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
          })
      }
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    resources,
    /** All that came, as it came. */
    text: () => raw,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
