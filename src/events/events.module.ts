import { Module } from '@nestjs/common'
import { CatalogModule } from '../catalog/catalog.module.js'
import { TenantsModule } from '../tenants/tenants.module.js'
import { ConsumerHealth } from './consumer-health.js'
import { ConsumerLagService } from './consumer-lag.service.js'
import { DeadLettersController } from './dead-letters.controller.js'
import { BrowsingController } from './browsing.controller.js'
import { EventCountsController } from './event-counts.controller.js'
import { EventCountsService } from './event-counts.service.js'
import { EventsConsumer } from './events.consumer.js'
import { EventsController } from './events.controller.js'
import { EventsService } from './events.service.js'
import { MessageStoringService } from './message-storing.service.js'
import { RetentionService } from './retention.service.js'
import { TopicLetters } from './topic-letters.js'
import { UsersController } from './users.controller.js'
import { UsersService } from './users.service.js'
import { WaitingLetters } from './waiting-letters.service.js'

@Module({
  imports: [TenantsModule, CatalogModule],
  controllers: [BrowsingController, DeadLettersController, EventCountsController, EventsController, UsersController],
  providers: [
    ConsumerHealth,
    ConsumerLagService,
    EventCountsService,
    EventsConsumer,
    EventsService,
    MessageStoringService,
    RetentionService,
    TopicLetters,
    UsersService,
    WaitingLetters,
  ],
  exports: [ConsumerHealth, ConsumerLagService, EventCountsService, EventsService, UsersService],
})
export class EventsModule {}
