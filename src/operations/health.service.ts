import { Inject, Injectable, type OnApplicationBootstrap, Optional } from '@nestjs/common'
import { ConsumerHealth } from '../events/consumer-health.js'
import { Database } from '../platform/database.js'
import { type EngineState, TrainerEngine } from '../training/trainer-engine.js'
import { LiveModels } from '../serving/live-models.service.js'

/** How long the database may take to answer a probe. */
const PING_MS = 2000

@Injectable()
export class HealthService implements OnApplicationBootstrap {
  private warm = false

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ConsumerHealth) private readonly consumer: ConsumerHealth,
    @Inject(TrainerEngine) private readonly engine: TrainerEngine,
    @Optional() @Inject(LiveModels) private readonly models?: LiveModels,
  ) {}

  onApplicationBootstrap() {
    void this.models?.warm().then(() => (this.warm = true))
  }

  /** Why the process should be restarted, or null. Passing trouble (the database away) is no reason. */
  broken(): string | null {
    return this.consumer.state === 'broken' ? 'The Kafka consumer has ended for good.' : null
  }

  /** The engine of training runs here; null: this process does not train, or does not know yet. */
  training(): (Pick<EngineState, 'engine'> & { fallback: boolean }) | null {
    const { known } = this.engine
    // Not the reasons: they may hold paths, and a probe asks without a key.
    return known ? { engine: known.engine, fallback: known.fallback !== null } : null
  }

  /** Each check by name: 'ok' or what is wrong. */
  async check(): Promise<{ ready: boolean; checks: Record<string, string> }> {
    const checks: Record<string, string> = {
      database: await outcome(withTimeout(this.database.ping(), PING_MS)),
      consumer: this.consumer.check(),
      ...(this.models && { models: this.warm ? 'ok' : 'warming up' }),
    }
    // While Kafka is away requests can still be answered: that is said here, and is no reason to send them elsewhere.
    const blocking = Object.entries(checks).filter(([name, check]) => check !== 'ok' && name !== 'consumer')
    return { ready: blocking.length === 0 && this.broken() === null, checks }
  }
}

const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    // What the database says may hold an address: the operator finds it in the log.
    () => 'does not answer',
  )

function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => (timer = setTimeout(() => fail(new Error('too late')), ms)))
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
