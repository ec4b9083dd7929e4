import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common'
import { CatalogModule } from '../catalog/catalog.module.js'
import { EventsModule } from '../events/events.module.js'
import { CONFIG, type Config } from '../platform/config.js'
import { MonitoringModule } from '../monitoring/monitoring.module.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { RegistryModule } from '../registry/registry.module.js'
import { TenantsModule } from '../tenants/tenants.module.js'
import { runsAtOnce } from './capacity.js'
import { DriftTrigger } from './drift-trigger.js'
import { EstimatesService } from './estimates.service.js'
import { removeLeftFolders } from './run-folder.js'
import { RunQueue } from './run-queue.js'
import { RunStream } from './run-stream.js'
import { RunsOverview } from './runs-overview.service.js'
import { RunsService } from './runs.service.js'
import { Scheduler } from './scheduler.js'
import { Trainer } from './trainer.js'
import { TrainerEngine } from './trainer-engine.js'
import { TrainingMetrics } from './training-metrics.js'
import { TrainingWatch } from './training-watch.js'
import { TrainingController } from './training.controller.js'

const LOOK_FOR_RUNS_MS = 1000
// A schedule names minutes.
const LOOK_AT_SCHEDULES_MS = 15_000
const WATCH_EVERY_MS = 60_000
// Windows of days hardly move in a quarter of an hour.
const LOOK_AT_DRIFT_MS = 900_000

/** Training runs: any instance takes requests and shows them; those with the role `trainer` also do and schedule them. */
@Module({
  imports: [TenantsModule, CatalogModule, EventsModule, RegistryModule, MonitoringModule],
  controllers: [TrainingController],
  providers: [
    DriftTrigger,
    RunsOverview,
    RunsService,
    RunQueue,
    RunStream,
    Trainer,
    TrainerEngine,
    TrainingMetrics,
    TrainingWatch,
    EstimatesService,
    Scheduler,
  ],
  exports: [DriftTrigger, RunsOverview, RunsService, Scheduler, TrainerEngine, EstimatesService],
})
export class TrainingModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController()
  private readonly loops: Loop[] = []
  private starting: Promise<void> | undefined

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(RunQueue) private readonly queue: RunQueue,
    @Inject(Trainer) private readonly trainer: Trainer,
    @Inject(TrainerEngine) private readonly engine: TrainerEngine,
    @Inject(Scheduler) private readonly scheduler: Scheduler,
    @Inject(DriftTrigger) private readonly drift: DriftTrigger,
    @Inject(TrainingMetrics) private readonly metrics: TrainingMetrics,
    @Inject(TrainingWatch) private readonly watch: TrainingWatch,
  ) {}

  onApplicationBootstrap() {
    if (!this.config.roles.includes('trainer')) return
    const scheduling = new Loop(
      async () => {
        await this.scheduler.look()
        this.metrics.waiting.set(await this.queue.waiting())
      },
      LOOK_AT_SCHEDULES_MS,
      (error) => this.logger.warn({ err: error }, 'could not look at the training schedules'),
    )
    const watching = new Loop(
      () => this.watch.look(),
      WATCH_EVERY_MS,
      (error) => this.logger.warn({ err: error }, 'could not look at what came of training'),
    )
    const drifting = new Loop(
      () => this.drift.look(),
      LOOK_AT_DRIFT_MS,
      (error) => this.logger.warn({ err: error }, 'could not look how far tenants have drifted'),
    )
    this.loops.push(scheduling.start(), watching.start(), drifting.start())
    // Not waited for: finding the engine takes a second, and requests can be answered meanwhile.
    this.starting = this.startTrainers()
  }

  /** One loop for each run that may be worked on at once. */
  private async startTrainers(): Promise<void> {
    const { backend, trainerConcurrency } = this.config
    const engine = await this.engine.find().then(
      (found) => found.engine,
      // Each run then fails with the reasons, until the engine that was asked for is there.
      () => (backend === 'auto' ? 'cpu' : backend),
    )
    const left = await removeLeftFolders()
    if (left > 0) this.logger.warn({ folders: left }, 'removed the data of training runs whose process was killed')
    if (this.stopping.signal.aborted) return
    const trainers = Array.from({ length: runsAtOnce(engine, trainerConcurrency) }, (_, slot) => this.trainerLoop(slot))
    const wake = () => trainers.forEach((loop) => loop.wake())
    this.runs.onQueued(wake)
    this.trainer.capacity.onRelease(wake)
    this.loops.push(...trainers)
    for (const loop of trainers) loop.start()
    this.logger.info(
      { engine, runsAtOnce: trainers.length, memoryBytes: this.trainer.capacity.bytes },
      'waiting for training runs',
    )
  }

  async beforeApplicationShutdown() {
    this.stopping.abort()
    await this.starting
    await Promise.all(this.loops.map((loop) => loop.stop()))
  }

  private trainerLoop(slot: number): Loop {
    const owner = `${hostname()}/${process.pid}/${slot}/${randomBytes(4).toString('hex')}`
    const loop: Loop = new Loop(
      async () => {
        if (this.stopping.signal.aborted || this.trainer.capacity.isWaitedFor) return
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
