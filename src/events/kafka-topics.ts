import type { Admin } from 'kafkajs'
import type { Config } from '../platform/config.js'
import type { Logger } from '../platform/logger.js'

type KafkaConfig = NonNullable<Config['kafka']>

/** Letters hold values of any size that the other topics take, and their headers. */
const MAX_LETTER_BYTES = 16 * 1024 * 1024
const DEAD_LETTER_DAYS = 30
/** As many consumers as partitions can share the work; users are spread over them by key. */
const PARTITIONS = { events: 12, items: 6, deadLetters: 1 }

/** Makes the topics that are missing, where the broker lets us. Where it does not, says so: somebody else has to. */
export async function ensureTopics(admin: Admin, config: KafkaConfig, logger: Logger): Promise<void> {
  const existing = new Set(await admin.listTopics())
  const wanted = [
    { topic: config.eventsTopic, numPartitions: PARTITIONS.events },
    { topic: config.itemsTopic, numPartitions: PARTITIONS.items },
    {
      topic: config.deadLettersTopic,
      numPartitions: PARTITIONS.deadLetters,
      configEntries: [
        { name: 'max.message.bytes', value: String(MAX_LETTER_BYTES) },
        { name: 'retention.ms', value: String(DEAD_LETTER_DAYS * 86_400_000) },
      ],
    },
  ]
  for (const topic of wanted.filter(({ topic }) => !existing.has(topic))) {
    try {
      // -1: as many replicas as the broker's own default.
      await admin.createTopics({ topics: [{ replicationFactor: -1, ...topic }], waitForLeaders: true })
      logger.info({ topic: topic.topic, partitions: topic.numPartitions }, 'made a Kafka topic')
    } catch (error) {
      // Another instance was faster, and not every broker had heard of it.
      if ((await admin.listTopics()).includes(topic.topic)) continue
      logger.warn({ err: error, topic: topic.topic }, 'a Kafka topic is missing and could not be made: make it by hand')
    }
  }
}
