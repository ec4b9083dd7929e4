import { type DynamicModule, Module } from '@nestjs/common'
import { CONFIG, type Config } from './config.js'
import { Database, DATABASE_HANDLE, type DatabaseHandle } from './database.js'
import { HttpRequests } from './http-requests.js'
import { LOGGER, type Logger } from './logger.js'
import { Metrics } from './metrics.js'
import { Tracing } from './tracing.js'

/** What every room may ask for. */
@Module({})
export class PlatformModule {
  static with(config: Config, logger: Logger, handle: DatabaseHandle, tracing: Tracing): DynamicModule {
    return {
      module: PlatformModule,
      global: true,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: DATABASE_HANDLE, useValue: handle },
        { provide: Tracing, useValue: tracing },
        Database,
        { provide: Metrics, useValue: new Metrics(config) },
        HttpRequests,
      ],
      exports: [CONFIG, LOGGER, Database, Metrics, HttpRequests, Tracing],
    }
  }
}
