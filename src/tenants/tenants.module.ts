import { Inject, Module, type BeforeApplicationShutdown } from '@nestjs/common'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { AuditService } from './audit.service.js'
import { ConsoleSessions } from './console-sessions.service.js'
import { KeysService } from './keys.service.js'
import { QuotaGate } from './quota-gate.js'
import { QuotaHits } from './quota-hits.service.js'
import { QuotaLevels } from './quota-levels.service.js'
import { QuotasService } from './quotas.service.js'
import { TenantsController } from './tenants.controller.js'
import { TenantsService } from './tenants.service.js'

/** A removed tenant is invisible at once; its rows may take this long to start going. */
const PURGE_EVERY_MS = 5000

const SERVICES = [
  AuditService,
  ConsoleSessions,
  KeysService,
  QuotaGate,
  QuotaHits,
  QuotaLevels,
  QuotasService,
  TenantsService,
]

@Module({
  controllers: [TenantsController],
  providers: SERVICES,
  exports: SERVICES,
})
export class TenantsModule implements BeforeApplicationShutdown {
  private readonly purging: Loop

  constructor(@Inject(TenantsService) tenants: TenantsService, @Inject(LOGGER) logger: Logger) {
    this.purging = new Loop(
      () => tenants.purge(),
      PURGE_EVERY_MS,
      (error) => logger.warn({ err: error }, 'could not purge removed tenants'),
    ).start()
  }

  beforeApplicationShutdown() {
    return this.purging.stop()
  }
}
