import { type BeforeApplicationShutdown, Inject, Module, type OnModuleInit } from '@nestjs/common'
import { CatalogModule } from '../catalog/catalog.module.js'
import { EventsModule } from '../events/events.module.js'
import { ERASURES_CHANNEL, readErased } from '../events/users.service.js'
import { AnswersService } from '../online/answers.service.js'
import { OnlineModule } from '../online/online.module.js'
import { CONFIG, type Config } from '../platform/config.js'
import { Database } from '../platform/database.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Metrics } from '../platform/metrics.js'
import { type Engine, startTensorflow } from '../platform/tensorflow.js'
import { MonitoringModule } from '../monitoring/monitoring.module.js'
import { RegistryModule } from '../registry/registry.module.js'
import { TenantsModule } from '../tenants/tenants.module.js'
import { AsideModels } from './aside-models.service.js'
import { AssignmentService } from './assignment.service.js'
import { ExperimentArms } from './experiment-arms.service.js'
import { ExperimentsController } from './experiments.controller.js'
import { InspectionController } from './inspection.controller.js'
import { LiveModels } from './live-models.service.js'
import { ModelNews } from './model-news.service.js'
import { ModelBuilder } from './model-builder.service.js'
import { RecommendController } from './recommend.controller.js'
import { RecommendService } from './recommend.service.js'
import { ScenariosController } from './scenarios.controller.js'
import { ScenariosService } from './scenarios.service.js'

// What is fastest at one user at a time, whatever training uses: a native engine takes twice as long over its many calls,
// a GPU longer still.
const ENGINES: Engine[] = ['wasm', 'cpu']

/** Answers recommendations: for the `api` role only. */
@Module({
  imports: [TenantsModule, CatalogModule, EventsModule, RegistryModule, MonitoringModule, OnlineModule],
  controllers: [RecommendController, InspectionController, ScenariosController, ExperimentsController],
  providers: [
    AsideModels,
    AssignmentService,
    ExperimentArms,
    LiveModels,
    ModelBuilder,
    ModelNews,
    RecommendService,
    ScenariosService,
  ],
  exports: [LiveModels],
})
export class ServingModule implements OnModuleInit, BeforeApplicationShutdown {
  private erasures: { stop: () => Promise<void> } | undefined

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(LiveModels) private readonly models: LiveModels,
    @Inject(AnswersService) private readonly answers: AnswersService,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  async onModuleInit() {
    const { backend, reasons } = await startTensorflow(this.config.backend === 'cpu' ? 'cpu' : ENGINES)
    this.logger.info({ backend, reasons }, 'tensor engine of serving')
    this.metrics.gauge('attune_tensor_engine', 'The tensor engine in use', ['engine']).set({ engine: backend }, 1)
    this.erasures = this.database.listen(ERASURES_CHANNEL, (payload) => {
      const erased = readErased(payload)
      if (!erased) return void this.logger.warn('a notification of an erasure can not be read')
      void this.answers
        .forget(erased.tenantId, erased.userId)
        .catch((error: unknown) => this.logger.warn({ err: error }, 'could not take back answers to an erased user'))
      this.models.userErased()
    })
  }

  async beforeApplicationShutdown() {
    await this.erasures?.stop()
  }
}
