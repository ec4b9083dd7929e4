import { type DynamicModule, Module } from '@nestjs/common'
import { CatalogModule } from '../catalog/catalog.module.js'
import { EventsModule } from '../events/events.module.js'
import type { Role } from '../platform/config.js'
import { MonitoringModule } from '../monitoring/monitoring.module.js'
import { RegistryModule } from '../registry/registry.module.js'
import { ServingModule } from '../serving/serving.module.js'
import { TenantsModule } from '../tenants/tenants.module.js'
import { TrainingModule } from '../training/training.module.js'
import { ConsoleSessionController } from './console-session.controller.js'
import { DriftedTenants } from './drifted-tenants.js'
import { HealthController } from './health.controller.js'
import { HealthService } from './health.service.js'
import { OverviewController } from './overview.controller.js'
import { OverviewService } from './overview.service.js'
import { QuotaUseController } from './quota-use.controller.js'
import { QuotaUseService } from './quota-use.service.js'
import { ReadinessService } from './readiness.service.js'
import { ReadinessController } from './readiness.controller.js'
import { InstanceMetrics } from './instance-metrics.js'

@Module({})
export class OperationsModule {
  /** Every role answers its probes; what asks the live models is there where they are. */
  static for(roles: Role[]): DynamicModule {
    const api = roles.includes('api')
    return {
      module: OperationsModule,
      imports: [
        TenantsModule,
        CatalogModule,
        EventsModule,
        RegistryModule,
        MonitoringModule,
        TrainingModule,
        ...(api ? [ServingModule] : []),
      ],
      controllers: [
        HealthController,
        ...(api ? [ConsoleSessionController, OverviewController, QuotaUseController, ReadinessController] : []),
      ],
      providers: [
        HealthService,
        InstanceMetrics,
        ...(api ? [DriftedTenants, OverviewService, QuotaUseService, ReadinessService] : []),
      ],
    }
  }
}
