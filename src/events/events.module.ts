import { Module } from '@nestjs/common'
import { CatalogModule } from '../catalog/catalog.module.js'
import { TenantsModule } from '../tenants/tenants.module.js'
import { EventsController } from './events.controller.js'
import { EventsService } from './events.service.js'
import { RetentionService } from './retention.service.js'
import { UsersController } from './users.controller.js'
import { UsersService } from './users.service.js'

@Module({
  imports: [TenantsModule, CatalogModule],
  controllers: [EventsController, UsersController],
  providers: [EventsService, RetentionService, UsersService],
  exports: [EventsService, UsersService],
})
export class EventsModule {}
