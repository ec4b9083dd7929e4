import { inject } from 'vitest'
import { knock } from './door.js'
import type { KafkaAnswer } from './kafka-of-the-run.js'

/**
 * The address list of a real Kafka broker for tests: that of `KAFKA_BROKERS` where it is set, else of one that is
 * started once for the whole run. Null where none can be had (no Java, no Maven), which is said loudly. The broker is
 * shared: a test names its topics and groups so that no other test can meet them.
 *
 * @throws {Error} when a broker should run but does not
 * @example
 * const brokers = await kafkaForTests()
 * describe.skipIf(brokers === null)('the consumer', () => { ... })
 */
export async function kafkaForTests(): Promise<string | null> {
  if (process.env.KAFKA_BROKERS) return process.env.KAFKA_BROKERS
  const answer = await knock<KafkaAnswer>(inject('kafkaDoor'))
  if ('brokers' in answer) return answer.brokers
  if ('failed' in answer) throw new Error(answer.failed)
  console.error(`SKIPPED: Kafka tests (${answer.reason})`)
  return null
}
