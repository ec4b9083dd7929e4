import { Module } from '@nestjs/common'
import { TenantsModule } from '../tenants/tenants.module.js'
import { ItemsController } from './items.controller.js'
import { ItemsService } from './items.service.js'

@Module({
  imports: [TenantsModule],
  controllers: [ItemsController],
  providers: [ItemsService],
  exports: [ItemsService],
})
export class CatalogModule {}
