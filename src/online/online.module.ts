import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common'
import { EventsModule } from '../events/events.module.js'
import { CONFIG, type Config } from '../platform/config.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { RegistryModule } from '../registry/registry.module.js'
import { TenantsModule } from '../tenants/tenants.module.js'
import { AnswersService } from './answers.service.js'
import { AttributionService } from './attribution.service.js'
import { ExperimentsService } from './experiments.service.js'
import { GuardService } from './guard.service.js'
import { OnlineMetricsController } from './online-metrics.controller.js'
import { OnlineMetricsService } from './online-metrics.service.js'
import { OnlineRetentionService } from './online-retention.service.js'

const ATTRIBUTE_EVERY_MS = 1000
const GUARD_EVERY_MS = 5000
const SWEEP_EVERY_MS = 3_600_000

/** What came of answers: counted by every instance that answers, attributed by those with the role `ingest`. */
@Module({
  imports: [TenantsModule, EventsModule, RegistryModule],
  controllers: [OnlineMetricsController],
  providers: [
    AnswersService,
    AttributionService,
    ExperimentsService,
    GuardService,
    OnlineMetricsService,
    OnlineRetentionService,
  ],
  exports: [AnswersService, ExperimentsService],
})
export class OnlineModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loops: Loop[] = []
  private stopping = false

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(AttributionService) private readonly attribution: AttributionService,
    @Inject(GuardService) private readonly guard: GuardService,
    @Inject(OnlineRetentionService) private readonly retention: OnlineRetentionService,
  ) {}

  onApplicationBootstrap() {
    if (!this.config.roles.includes('ingest')) return
    const isStopping = () => this.stopping
    this.loop(() => this.attribution.round(isStopping), ATTRIBUTE_EVERY_MS, 'could not attribute events')
    this.loop(() => this.guard.round(isStopping), GUARD_EVERY_MS, 'could not guard promotions')
    this.loop(() => this.retention.sweep(Date.now(), isStopping), SWEEP_EVERY_MS, 'could not delete old counts')
  }

  async beforeApplicationShutdown() {
    this.stopping = true
    await Promise.all(this.loops.map((loop) => loop.stop()))
  }

  private loop(work: () => Promise<void>, everyMs: number, failure: string) {
    this.loops.push(new Loop(work, everyMs, (error) => this.logger.warn({ err: error }, failure)).start())
  }
}
