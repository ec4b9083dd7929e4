import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { ROLES } from '../../src/platform/config.js'
import { BrokerProcess, kafkaScripts } from './broker-process.js'
import { DatabaseServer } from './database-server.js'
import type { Member } from './member.js'
import { ServiceProcess } from './service-process.js'
import { until } from './system.js'

const OF_EACH_ROLE = 2
const BROKERS = 3
const LOG_LEVEL = 'warn'

export interface ClusterOptions {
  /** Of PostgreSQL, as `['fsync=off']`. */
  postgresSettings?: string[]
  /** Further environment of every service process. */
  env?: Record<string, string>
}

/** Many of each on one machine: one PostgreSQL, three Kafka brokers, two processes of each role, from the build as it is. */
export class Cluster {
  readonly operatorKey = randomBytes(24).toString('base64url')
  readonly services: ServiceProcess[] = []
  readonly brokers: BrokerProcess[] = []
  readonly topics = { events: 'attune.events', items: 'attune.items', deadLetters: 'attune.dead-letters' }
  readonly group = 'attune'
  private readonly killAll = () => {
    for (const service of this.services) service.killAtOnce()
    this.database.killAtOnce()
  }

  private constructor(
    readonly folder: string,
    readonly database: DatabaseServer,
  ) {}

  /** @throws Error where a member does not come up; none is left running then */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const { freePort } = await kafkaScripts()
    const ports: number[] = []
    while (ports.length <= OF_EACH_ROLE * ROLES.length) ports.push(await freePort(ports))
    const folder = await mkdtemp(join(tmpdir(), 'attune-cluster-'))
    const [databasePort, ...servicePorts] = ports
    const database = new DatabaseServer(join(folder, 'database'), databasePort, options.postgresSettings ?? [])
    const cluster = new Cluster(folder, database)
    // However this program ends, nothing of it stays (the brokers have a guard of their own).
    process.once('exit', cluster.killAll)
    try {
      await cluster.startAll(servicePorts, options)
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Everything that can be killed. */
  get members(): Member[] {
    return [...this.services, ...this.brokers, this.database]
  }

  get apis(): ServiceProcess[] {
    return this.services.filter(({ role }) => role === 'api')
  }

  member(name: string): Member {
    const found = this.members.find((member) => member.name === name)
    if (!found) throw new Error(`no member ${name}`)
    return found
  }

  get brokerList(): string[] {
    return this.brokers.map(({ address }) => address)
  }

  kafka(): Kafka {
    return new Kafka({ brokers: this.brokerList, logLevel: logLevel.NOTHING })
  }

  /** Messages of both topics that the group has not committed yet. */
  async lag(): Promise<number> {
    return this.withAdmin(async (admin) => {
      const topics = [this.topics.events, this.topics.items]
      let lag = 0
      for (const { topic, partitions } of await admin.fetchOffsets({ groupId: this.group, topics })) {
        const ends = new Map((await admin.fetchTopicOffsets(topic)).map((end) => [end.partition, end]))
        for (const { partition, offset } of partitions) {
          const end = ends.get(partition)
          lag += Number(end?.high ?? 0) - Math.max(Number(end?.low ?? 0), Number(offset))
        }
      }
      return lag
    })
  }

  async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.kafka().admin({ retry: { retries: 8 } })
    await admin.connect()
    return work(admin).finally(() => admin.disconnect())
  }

  /** What is wrong, by member; empty: every process is ready and all messages are consumed. */
  async complaints(): Promise<string[]> {
    const health = await Promise.all(this.services.map(async (service) => ({ service, ...(await service.health()) })))
    const unwell = health.flatMap(({ service: { name }, ready, checks }) => [
      ...(ready ? [] : [`${name}: not ready`]),
      ...Object.entries(checks).flatMap(([check, found]) => (found === 'ok' ? [] : [`${name}: ${check} ${found}`])),
    ])
    const lag = await this.lag().catch((error: Error) => error.message)
    return [...unwell, ...(lag === 0 ? [] : [`lag: ${lag}`])]
  }

  /** In order; deletes the folder. */
  async stop(): Promise<void> {
    process.off('exit', this.killAll)
    await Promise.allSettled(this.services.map((service) => service.stop()))
    // In turn they would wait for each other: the last one has no majority to say goodbye to.
    await Promise.allSettled(this.brokers.map((broker) => broker.kill()))
    await this.database.stop().catch(() => this.database.killAtOnce())
    await rm(this.folder, { recursive: true, force: true })
  }

  private async startAll(ports: number[], { env = {} }: ClusterOptions) {
    const { startKafkaCluster } = await kafkaScripts()
    const [brokers] = await Promise.all([
      startKafkaCluster({ dataDir: join(this.folder, 'kafka'), size: BROKERS }),
      this.database.start(),
    ])
    this.brokers.push(...brokers.map((broker, i) => new BrokerProcess(`broker-${i + 1}`, broker)))
    const shared = {
      DATABASE_URL: this.database.url,
      OPERATOR_KEY: this.operatorKey,
      KAFKA_BROKERS: this.brokerList.join(','),
      KAFKA_EVENTS_TOPIC: this.topics.events,
      KAFKA_ITEMS_TOPIC: this.topics.items,
      KAFKA_DEAD_LETTERS_TOPIC: this.topics.deadLetters,
      KAFKA_GROUP: this.group,
      // Found at once; which engine trains says nothing about the cluster.
      BACKEND: 'wasm',
      TRAINER_CONCURRENCY: '1',
      MODEL_MEMORY_MB: '256',
      LOG_LEVEL,
      ...env,
    }
    for (const role of ROLES)
      for (let number = 1; number <= OF_EACH_ROLE; number++) {
        const name = `${role}-${number}`
        const dataDir = join(this.folder, name)
        await mkdir(dataDir)
        const port = ports[this.services.length]
        this.services.push(
          new ServiceProcess(name, role, port, { ...shared, DATA_DIR: dataDir }, join(dataDir, 'output.log')),
        )
      }
    // All at once: whoever comes first migrates, and makes the topics.
    await Promise.all(this.services.map((service) => service.start()))
    await until('a healthy cluster', async () => (await this.complaints()).length === 0, 60_000, 500)
  }
}
