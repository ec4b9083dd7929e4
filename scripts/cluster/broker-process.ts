import { pathToFileURL } from 'node:url'
import { packagePath } from '../../src/platform/paths.js'
import type { KafkaBroker } from '../kafka.mjs'
import type { Member } from './member.js'

/** The scripts are not compiled: they lie beside the build, not in it. */
export const kafkaScripts = () =>
  import(pathToFileURL(packagePath('scripts', 'kafka.mjs')).href) as Promise<typeof import('../kafka.mjs')>

/** One of several Kafka brokers. */
export class BrokerProcess implements Member {
  readonly role = 'broker'

  constructor(
    readonly name: string,
    private broker: KafkaBroker,
  ) {}

  get address(): string {
    return this.broker.brokers
  }

  async start(): Promise<void> {
    const { startKafka } = await kafkaScripts()
    this.broker = await startKafka({ dataDir: this.broker.dataDir })
  }

  kill(): Promise<void> {
    return this.broker.kill()
  }

  stop(): Promise<void> {
    return this.broker.stop()
  }
}
