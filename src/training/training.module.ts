import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common'
import { CatalogModule } from '../catalog/catalog.module.js'
import { EventsModule } from '../events/events.module.js'
import { CONFIG, type Config } from '../platform/config.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Metrics } from '../platform/metrics.js'
import { RegistryModule } from '../registry/registry.module.js'
import { TenantsModule } from '../tenants/tenants.module.js'
import { RunQueue } from './run-queue.js'
import { RunStream } from './run-stream.js'
import { RunsService } from './runs.service.js'
import { Scheduler } from './scheduler.js'
import { Trainer } from './trainer.js'
import { TrainingController } from './training.controller.js'

const LOOK_FOR_RUNS_MS = 1000
// A schedule names minutes.
const LOOK_AT_SCHEDULES_MS = 15_000

/** Training runs: any instance takes requests and shows them; those with the role `trainer` also do and schedule them. */
@Module({
  imports: [TenantsModule, CatalogModule, EventsModule, RegistryModule],
  controllers: [TrainingController],
  providers: [RunsService, RunQueue, RunStream, Trainer, Scheduler],
  exports: [RunsService, Scheduler],
})
export class TrainingModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController()
  private readonly loops: Loop[] = []

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(RunQueue) private readonly queue: RunQueue,
    @Inject(Trainer) private readonly trainer: Trainer,
    @Inject(Scheduler) private readonly scheduler: Scheduler,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap() {
    if (!this.config.roles.includes('trainer')) return
    // One loop for each run that may be worked on at once.
    const trainers = Array.from({ length: this.config.trainerConcurrency }, (_, slot) => this.trainerLoop(slot))
    this.runs.onQueued(() => trainers.forEach((loop) => loop.wake()))
    const waiting = this.metrics.gauge('attune_training_runs_waiting', 'Training runs in the queue, of all tenants')
    const scheduling = new Loop(
      async () => {
        await this.scheduler.look()
        waiting.set(await this.queue.waiting())
      },
      LOOK_AT_SCHEDULES_MS,
      (error) => this.logger.warn({ err: error }, 'could not look at the training schedules'),
    )
    this.loops.push(...trainers, scheduling)
    for (const loop of this.loops) loop.start()
  }

  async beforeApplicationShutdown() {
    this.stopping.abort()
    await Promise.all(this.loops.map((loop) => loop.stop()))
  }

  private trainerLoop(slot: number): Loop {
    const owner = `${hostname()}/${process.pid}/${slot}/${randomBytes(4).toString('hex')}`
    const loop: Loop = new Loop(
      async () => {
        if (this.stopping.signal.aborted) return
        const claim = await this.queue.claim(owner)
        if (!claim) return
        await this.trainer.work(claim, this.stopping.signal)
        // There may be another one waiting.
        loop.wake()
      },
      LOOK_FOR_RUNS_MS,
      (error) => this.logger.warn({ err: error }, 'could not look for training runs'),
    )
    return loop
  }
}
