import { Module } from '@nestjs/common'
import { EventsModule } from '../events/events.module.js'
import { TenantsModule } from '../tenants/tenants.module.js'
import { DriftService } from './drift.service.js'
import { FreshnessService } from './freshness.service.js'
import { MonitoringController } from './monitoring.controller.js'
import { SketchesService } from './sketches.service.js'

/** What is measured of the serving of each tenant, and kept to be looked at and acted on. */
@Module({
  imports: [TenantsModule, EventsModule],
  controllers: [MonitoringController],
  providers: [DriftService, FreshnessService, SketchesService],
  exports: [DriftService, FreshnessService, SketchesService],
})
export class MonitoringModule {}
