import { Kafka, logLevel, type Message, Partitioners, type Producer } from 'kafkajs'
import { setTimeout } from 'node:timers/promises'
import type { Config } from './config.js'
import type { Logger } from './logger.js'

const LEVELS: Record<number, 'error' | 'warn' | 'debug' | 'trace'> = {
  [logLevel.ERROR]: 'warn',
  [logLevel.WARN]: 'warn',
  [logLevel.INFO]: 'debug',
  [logLevel.DEBUG]: 'trace',
}

const RETRY_AFTER_MS = 200

/** The one place that makes a Kafka client, so that another library can take its place. */
export function createKafka(config: NonNullable<Config['kafka']>, logger: Logger): Kafka {
  return new Kafka({
    clientId: 'attune',
    brokers: config.brokers,
    ssl: config.ssl,
    sasl: config.sasl as never,
    connectionTimeout: 5000,
    // Nothing is given up inside the client for long: the loops above it decide how long to go on.
    retry: { initialRetryTime: 200, maxRetryTime: 5000, retries: 8 },
    logCreator:
      () =>
      ({ level, log: { message, ...rest } }) => {
        logger[LEVELS[level] ?? 'debug']({ kafka: { ...rest, logger: undefined, timestamp: undefined } }, message)
      },
  })
}

/**
 * A producer for `sendAll`. Not idempotent: that one loses acknowledged messages when an answer is lost. It tries once:
 * its second try passes over each broker that has answered the first, and with it over the partitions that this broker has
 * come to lead meanwhile, whose messages would be lost and told of as sent.
 */
export const createProducer = (kafka: Kafka): Producer =>
  kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { retries: 0 },
  })

/**
 * Sends, and waits until each message is on all replicas of its partition. What may pass is tried again, all of it: what
 * comes twice has to be dropped where it is read.
 * @throws what the client throws: then any of it may have been sent
 */
export async function sendAll(producer: Producer, topic: string, messages: Message[], tries = 3): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await producer.send({ topic, acks: -1, messages })
      return
    } catch (error) {
      const mayPass = error instanceof Error && error.name === 'KafkaJSNumberOfRetriesExceeded'
      if (!mayPass || attempt === tries) throw error
      await setTimeout(RETRY_AFTER_MS * attempt)
    }
}
