import { Kafka, logLevel } from 'kafkajs'
import type { Config } from './config.js'
import type { Logger } from './logger.js'

const LEVELS: Record<number, 'error' | 'warn' | 'debug' | 'trace'> = {
  [logLevel.ERROR]: 'warn',
  [logLevel.WARN]: 'warn',
  [logLevel.INFO]: 'debug',
  [logLevel.DEBUG]: 'trace',
}

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
