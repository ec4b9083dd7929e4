import { type DynamicModule, Module } from '@nestjs/common'
import { CatalogModule } from './catalog/catalog.module.js'
import { EventsModule } from './events/events.module.js'
import { MonitoringModule } from './monitoring/monitoring.module.js'
import { OnlineModule } from './online/online.module.js'
import { OperationsModule } from './operations/operations.module.js'
import type { Config } from './platform/config.js'
import type { DatabaseHandle } from './platform/database.js'
import type { Logger } from './platform/logger.js'
import { PlatformModule } from './platform/platform.module.js'
import type { Tracing } from './platform/tracing.js'
import { RegistryModule } from './registry/registry.module.js'
import { ServingModule } from './serving/serving.module.js'
import { AuthGuard } from './tenants/auth.guard.js'
import { hashKey, OPERATOR_KEY_HASH } from './tenants/keys.service.js'
import { TenantsModule } from './tenants/tenants.module.js'
import { TrainingModule } from './training/training.module.js'

/** The only file that knows all rooms. */
@Module({})
export class AppModule {
  static with(
    config: Config,
    logger: Logger,
    database: DatabaseHandle,
    tracing: Tracing,
    operatorKey: string,
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        PlatformModule.with(config, logger, database, tracing),
        {
          module: OperatorKeyModule,
          global: true,
          providers: [{ provide: OPERATOR_KEY_HASH, useValue: hashKey(operatorKey) }],
          exports: [OPERATOR_KEY_HASH],
        },
        TenantsModule,
        CatalogModule,
        EventsModule,
        RegistryModule,
        OnlineModule,
        MonitoringModule,
        TrainingModule,
        ...(config.roles.includes('api') ? [ServingModule] : []),
        OperationsModule.for(config.roles),
      ],
      providers: [AuthGuard],
    }
  }
}

@Module({})
class OperatorKeyModule {}
