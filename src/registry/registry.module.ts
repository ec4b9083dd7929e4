import { Module } from '@nestjs/common'
import { TenantsModule } from '../tenants/tenants.module.js'
import { RegistryController } from './registry.controller.js'
import { VersionsService } from './versions.service.js'

@Module({
  imports: [TenantsModule],
  controllers: [RegistryController],
  providers: [VersionsService],
  exports: [VersionsService],
})
export class RegistryModule {}
