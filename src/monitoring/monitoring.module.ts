import { Module } from '@nestjs/common'
import { TenantsModule } from '../tenants/tenants.module.js'
import { FreshnessService } from './freshness.service.js'
import { MonitoringController } from './monitoring.controller.js'
import { SketchesService } from './sketches.service.js'

/** What is measured of the serving of each tenant, and kept to be looked at and acted on. */
@Module({
  imports: [TenantsModule],
  controllers: [MonitoringController],
  providers: [FreshnessService, SketchesService],
  exports: [FreshnessService, SketchesService],
})
export class MonitoringModule {}
