import { Module } from '@nestjs/common'
import { TenantsModule } from '../tenants/tenants.module.js'
import { ArtifactsService } from './artifacts.service.js'
import { RegistryController } from './registry.controller.js'
import { VersionsOverview } from './versions-overview.service.js'
import { VersionsService } from './versions.service.js'

@Module({
  imports: [TenantsModule],
  controllers: [RegistryController],
  providers: [ArtifactsService, VersionsOverview, VersionsService],
  exports: [VersionsOverview, VersionsService],
})
export class RegistryModule {}
