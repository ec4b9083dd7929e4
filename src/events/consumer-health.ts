import { Inject, Injectable } from '@nestjs/common'
import { Metrics } from '../platform/metrics.js'

/** How the Kafka consumer of this process is doing. */
@Injectable()
export class ConsumerHealth {
  /** `off`: there is none here. `broken`: it ended for good and the process should be restarted. */
  state: 'off' | 'starting' | 'running' | 'broken' = 'off'
  lastError: string | null = null
  /** Messages not yet consumed, by `topic/partition`, over the whole group. */
  readonly lag = new Map<string, number>()
  /** Partitions that wait because of a failure that may pass, by `topic/partition`: why. */
  readonly waiting = new Map<string, string>()
  private readonly lagGauge

  constructor(@Inject(Metrics) metrics: Metrics) {
    this.lagGauge = metrics.gauge('attune_kafka_lag', 'Messages that the group has not committed yet', [
      'topic',
      'partition',
    ])
    metrics.gauge(
      'attune_kafka_partitions_waiting',
      'Partitions that wait here because of a failure that may pass',
      [],
      (gauge) => gauge.set(this.waiting.size),
    )
    metrics.gauge(
      'attune_kafka_consumer_state',
      '1 for the state that the consumer is in: off, starting, running or broken',
      ['state'],
      (gauge) => {
        gauge.reset()
        gauge.set({ state: this.state }, 1)
      },
    )
  }

  get running(): boolean {
    return this.state === 'running'
  }

  setLag(topic: string, partition: number, messages: number) {
    this.lag.set(`${topic}/${partition}`, messages)
    this.lagGauge.set({ topic, partition: String(partition) }, messages)
  }

  /** 'ok', or what is wrong. */
  check(): string {
    if (this.state === 'off' || this.state === 'running') return 'ok'
    return this.state === 'broken' ? 'the consumer has ended' : 'not consuming yet'
  }
}
