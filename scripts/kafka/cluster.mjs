// Several Apache Kafka brokers that hold copies of each other's partitions.

import { join } from 'node:path'
import { freePort, newClusterId, startKafka } from './broker.mjs'

/**
 * Starts brokers on 127.0.0.1, each with a folder of its own under `dataDir`, and resolves when all answer. Each partition
 * has a copy on every broker, and a write counts when two of them have it. One that was killed comes back with
 * `startKafka({ dataDir: broker.dataDir })`.
 *
 * @param {{ dataDir: string, size?: number, heapMb?: number }} options three, of 256 MB each, unless said
 * @returns {Promise<{ brokers: string, dataDir: string, stop(): Promise<void>, kill(): Promise<void>,
 *   exited: Promise<void> }[]>}
 * @throws {Error} as `startKafka`; none is left running then
 */
export async function startKafkaCluster({ dataDir, size = 3, heapMb = 256 }) {
  const ports = []
  while (ports.length < 2 * size) ports.push(await freePort(ports))
  const controllers = ports.slice(size)
  const clusterId = newClusterId()
  const voters = controllers.map((port, i) => `${i + 1}@127.0.0.1:${port}`).join(',')
  const started = await Promise.allSettled(
    controllers.map((controllerPort, i) =>
      startKafka({
        port: ports[i],
        dataDir: join(dataDir, `broker-${i + 1}`),
        heapMb,
        member: { id: i + 1, clusterId, controllerPort, voters, replicas: size },
      }),
    ),
  )
  const failed = started.find(({ status }) => status === 'rejected')
  const brokers = started.filter(({ status }) => status === 'fulfilled').map(({ value }) => value)
  if (!failed) return brokers
  await Promise.all(brokers.map((broker) => broker.kill()))
  throw failed.reason
}
