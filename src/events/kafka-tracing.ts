import type { Span, SpanContext } from '@opentelemetry/api'
import type { KafkaMessage } from 'kafkajs'
import { readTraceparent, type Tracing } from '../platform/tracing.js'
import { headerText } from './dead-letters.js'

/** Of a batch with more traces in it, the others are in the batch's own trace only. */
const MOST_TRACES = 100

/**
 * Runs the storing of a batch in a span, by the conventions for messaging. Where its messages tell of one trace the batch is
 * a part of it; otherwise it has a trace of its own, and each message's trace gets a span that leads there.
 */
export async function tracedBatch<T>(
  tracing: Tracing,
  { topic, partition, messages, group }: { topic: string; partition: number; messages: KafkaMessage[]; group: string },
  store: () => Promise<T>,
): Promise<T> {
  if (!tracing.isOn) return store()
  const name = `process ${topic}`
  const place = {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'messaging.consumer.group.name': group,
  }
  const sent = senders(messages)
  const traces = new Set(sent.map(({ from }) => from.traceId))
  const options = {
    kind: 'consumer',
    attributes: { ...place, 'messaging.batch.message_count': messages.length },
    ...(traces.size === 1 && { parent: sent[0].from }),
    links: sent.map(({ from }) => from),
  } as const
  return tracing.span(name, options, async (batch) => {
    const spans = options.parent ? [] : sent.map(({ from, offset }) => spanOf(from, offset, batch))
    try {
      return await store()
    } finally {
      for (const span of spans) span?.end()
    }
  })

  function spanOf(parent: SpanContext, offset: string, batch: Span | null) {
    const attributes = { ...place, 'messaging.kafka.offset': Number(offset) }
    return tracing.start(name, { kind: 'consumer', attributes, parent, links: batch ? [batch.spanContext()] : [] })
  }
}

function senders(messages: KafkaMessage[]): { from: SpanContext; offset: string }[] {
  const found: { from: SpanContext; offset: string }[] = []
  for (const { headers, offset } of messages) {
    const from = readTraceparent(headerText(headers, 'traceparent'))
    if (from && found.push({ from, offset }) === MOST_TRACES) break
  }
  return found
}
