import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { type Admin, type Consumer, type KafkaMessage, type Producer } from 'kafkajs'
import { setTimeout } from 'node:timers/promises'
import { CONFIG, type Config } from '../platform/config.js'
import { createKafka, createProducer } from '../platform/kafka.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Metrics } from '../platform/metrics.js'
import { Tracing } from '../platform/tracing.js'
import { ConsumerHealth } from './consumer-health.js'
import { ConsumerLagService } from './consumer-lag.service.js'
import { sendDeadLetters } from './dead-letters.js'
import { KafkaMetrics } from './kafka-metrics.js'
import { tracedBatch } from './kafka-tracing.js'
import { ensureTopics } from './kafka-topics.js'
import { MessageStoringService } from './message-storing.service.js'
import { PartitionLoop } from './partition-loop.js'
import { TopicLetters } from './topic-letters.js'
import { WaitingLetters } from './waiting-letters.service.js'

const LAG_EVERY_MS = 10_000
const FIRST_BACKOFF_MS = 1000
const LONGEST_BACKOFF_MS = 30_000

/** Consumes the topics of events and items where this process has the role `ingest` and there is a broker. */
@Injectable()
export class EventsConsumer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private consumer?: Consumer
  private producer?: Producer
  private admin?: Admin
  private loop?: PartitionLoop
  private lagLoop?: Loop
  private starting?: Promise<void>
  private takingIn?: Promise<void>
  private readonly stopping = new AbortController()
  private readonly metrics

  constructor(
    @Inject(MessageStoringService) private readonly storing: MessageStoringService,
    @Inject(ConsumerHealth) private readonly health: ConsumerHealth,
    @Inject(ConsumerLagService) private readonly lag: ConsumerLagService,
    @Inject(WaitingLetters) private readonly waiting: WaitingLetters,
    @Inject(TopicLetters) private readonly topicLetters: TopicLetters,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
    @Inject(Tracing) private readonly tracing: Tracing,
  ) {
    this.metrics = new KafkaMetrics(metrics)
  }

  onApplicationBootstrap() {
    const { kafka, roles } = this.config
    // A broker that is away must not keep the rest from starting.
    if (kafka && roles.includes('ingest')) this.starting = this.startUntilItWorks(kafka)
  }

  /** Finishes the chunks at hand, commits them, and leaves the group, so that others take over at once. */
  async beforeApplicationShutdown() {
    this.stopping.abort()
    this.loop?.stop()
    await this.lagLoop?.stop()
    await this.starting
    await this.takingIn
    await this.disconnect()
  }

  private async startUntilItWorks(kafka: NonNullable<Config['kafka']>): Promise<void> {
    this.health.state = 'starting'
    for (
      let backoff = FIRST_BACKOFF_MS;
      !this.stopping.signal.aborted;
      backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS)
    ) {
      try {
        return await this.start(kafka)
      } catch (error) {
        this.health.lastError = error instanceof Error ? error.message : String(error)
        this.logger.warn({ err: error }, 'could not start to consume from Kafka; trying again')
        await this.disconnect()
        await setTimeout(backoff, undefined, { signal: this.stopping.signal }).catch(() => undefined)
      }
    }
  }

  private async start(kafka: NonNullable<Config['kafka']>): Promise<void> {
    const client = createKafka(kafka, this.logger)
    this.admin = client.admin()
    await this.admin.connect()
    await ensureTopics(this.admin, kafka, this.logger)
    this.producer = createProducer(client)
    await this.producer.connect()
    this.consumer = client.consumer({
      groupId: kafka.group,
      sessionTimeout: 15_000,
      heartbeatInterval: 3000,
      rebalanceTimeout: 30_000,
      minBytes: 1,
      maxWaitTimeInMs: 250,
      maxBytesPerPartition: 1024 * 1024,
      maxBytes: 8 * 1024 * 1024,
      allowAutoTopicCreation: false,
    })
    this.watch(this.consumer)
    await this.consumer.connect()
    // From the beginning where the group is new: what was sent before the first start counts too.
    await this.consumer.subscribe({ topics: [kafka.eventsTopic, kafka.itemsTopic], fromBeginning: true })
    const loop = new PartitionLoop(
      (topic, partition, messages) =>
        tracedBatch(this.tracing, { topic, partition, messages, group: kafka.group }, () =>
          this.metrics.batch(topic, messages.length, () => this.storeChunk(kafka, topic, partition, messages)),
        ),
      this.health,
      this.logger,
    )
    this.loop = loop
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 3,
      eachBatch: (payload) => loop.eachBatch(payload),
    })
    this.takingIn ??= this.takeIn(kafka)
    this.lagLoop ??= new Loop(
      () => this.measureLag(kafka),
      LAG_EVERY_MS,
      (error) => this.logger.debug({ err: error }, 'could not measure the lag'),
    ).start()
  }

  /** Beside the work at hand. What fails is tried again by the next start. */
  private async takeIn(kafka: NonNullable<Config['kafka']>): Promise<void> {
    try {
      await this.topicLetters.takeIn(kafka, this.stopping.signal)
    } catch (error) {
      this.logger.warn({ err: error }, 'could not take in the dead letters that lie in the topic only')
    }
  }

  private async storeChunk(
    kafka: NonNullable<Config['kafka']>,
    topic: string,
    partition: number,
    messages: KafkaMessage[],
  ): Promise<void> {
    const letters =
      topic === kafka.itemsTopic
        ? await this.storing.storeItems(topic, partition, messages)
        : await this.storing.storeEvents(topic, partition, messages)
    if (letters.length === 0) return
    if (!this.producer) throw new Error('no producer for dead letters')
    // Before the topic: a second time changes nothing here.
    await this.waiting.add(topic, partition, letters)
    await sendDeadLetters(this.producer, kafka.deadLettersTopic, letters)
    for (const { code } of letters) this.metrics.deadLetter(topic, code)
    this.logger.info({ topic, partition, letters: letters.length }, 'messages went to the dead-letter topic')
  }

  private watch(consumer: Consumer) {
    const { GROUP_JOIN, CRASH, DISCONNECT, REBALANCING } = consumer.events
    consumer.on(REBALANCING, () => this.metrics.rebalanced())
    consumer.on(GROUP_JOIN, () => {
      this.health.state = 'running'
      this.health.lastError = null
    })
    consumer.on(DISCONNECT, () => {
      if (this.health.state === 'running') this.health.state = 'starting'
    })
    consumer.on(CRASH, ({ payload }) => {
      this.health.lastError = payload.error.message
      this.health.state = payload.restart ? 'starting' : 'broken'
      if (payload.restart || this.stopping.signal.aborted) return
      // It does not come back by itself, and a process that looks alive and consumes nothing is worse than none.
      this.logger.fatal({ err: payload.error }, 'the Kafka consumer has ended: the process stops to be started anew')
      process.exitCode = 1
      process.kill(process.pid, 'SIGTERM')
    })
  }

  private async measureLag(kafka: NonNullable<Config['kafka']>): Promise<void> {
    if (!this.admin) return
    const topics = [kafka.eventsTopic, kafka.itemsTopic]
    let total = 0
    const committed = await this.admin.fetchOffsets({ groupId: kafka.group, topics })
    for (const { topic, partitions } of committed) {
      const ends = await this.admin.fetchTopicOffsets(topic)
      for (const { partition, offset } of partitions) {
        const end = ends.find((candidate) => candidate.partition === partition)
        // -1: nothing was committed yet.
        const next = Number(offset) < 0 ? Number(end?.low ?? 0) : Number(offset)
        const behind = Math.max(0, Number(end?.high ?? 0) - next)
        this.health.setLag(topic, partition, behind)
        total += behind
      }
    }
    await this.lag.tell(kafka.group, total)
  }

  private async disconnect(): Promise<void> {
    this.loop?.stop()
    for (const connection of [this.consumer, this.producer, this.admin])
      await connection?.disconnect().catch((error: unknown) => this.logger.debug({ err: error }, 'while disconnecting'))
    this.consumer = this.producer = this.admin = undefined
  }
}
