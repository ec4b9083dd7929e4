import type { TestProject } from 'vitest/node'
import { checkKafka, prepareKafka, startKafka, type KafkaBroker } from '../../scripts/kafka.mjs'
import { openDoor } from './door.js'

/** What a test file is told: an address, or why there is none here. A broken broker is neither: it fails the test. */
export type KafkaAnswer = { brokers: string } | { reason: string } | { failed: string }

declare module 'vitest' {
  interface ProvidedContext {
    /** Ask here (GET) for the run's Kafka broker; the first who asks starts it. */
    kafkaDoor: string
  }
}

/**
 * Vitest's global set-up: one broker for all test files of a run, in whatever worker they are, started by the first
 * that asks, so that a run without Kafka tests pays nothing for it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let broker: KafkaBroker | null = null

  const start = async (): Promise<KafkaAnswer> => {
    const possible = await checkKafka()
    if (!possible.ok) return { reason: possible.reason }
    try {
      await prepareKafka()
    } catch (error) {
      return { reason: (error as Error).message }
    }
    try {
      broker = await startKafka()
      return { brokers: broker.brokers }
    } catch (error) {
      return { failed: (error as Error).message }
    }
  }

  const door = await openDoor(start)
  project.provide('kafkaDoor', door.url)

  return async () => {
    const found = await door.close()
    await broker?.stop()
    // Once more at the very end, where a long run's output is read.
    if (found && 'reason' in found) console.error(`\n!!! SKIPPED: Kafka tests (${found.reason})\n`)
  }
}
