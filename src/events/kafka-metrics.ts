import type { Metrics } from '../platform/metrics.js'

/** Seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What this process does with the topics. */
export class KafkaMetrics {
  private readonly seconds
  private readonly messages
  private readonly deadLetters
  private readonly rebalancesTotal
  private readonly retries

  constructor(metrics: Metrics) {
    this.seconds = metrics.histogram(
      'attune_kafka_batch_seconds',
      'Batches of messages until their rows and dead letters were durable',
      ['topic'],
      BUCKETS,
    )
    this.messages = metrics.counter('attune_kafka_messages_total', 'Messages that were dealt with', ['topic'])
    this.deadLetters = metrics.counter(
      'attune_kafka_dead_letters_total',
      'Messages that could not be used and went to the dead-letter topic, by code',
      ['topic', 'code'],
    )
    this.rebalancesTotal = metrics.counter(
      'attune_kafka_rebalances_total',
      'Times that the partitions were shared out anew while this process had some',
    )
    this.retries = metrics.counter(
      'attune_kafka_batch_failures_total',
      'Batches that failed for a reason that may pass: their partition waits and they come again',
      ['topic'],
    )
  }

  /** Times a batch until it is durable, and counts it. */
  async batch<T>(topic: string, messages: number, store: () => Promise<T>): Promise<T> {
    const end = this.seconds.startTimer({ topic })
    try {
      const result = await store()
      end()
      this.messages.inc({ topic }, messages)
      return result
    } catch (error) {
      this.retries.inc({ topic })
      throw error
    }
  }

  deadLetter(topic: string, code: string): void {
    this.deadLetters.inc({ topic, code })
  }

  rebalanced(): void {
    this.rebalancesTotal.inc()
  }
}
