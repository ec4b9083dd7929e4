import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { checkBatchSize, Rejected } from '../platform/schema.js'
import { QuotasService } from '../tenants/quotas.service.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { Event } from './event.js'
import { EventsService } from './events.service.js'

const sendEvents = contract({
  method: 'POST',
  path: '/v1/tenants/:tenant/events',
  summary: 'Tell what users did; a bad event is refused by itself, one that is known already changes nothing',
  tag: 'Events',
  access: 'ingest',
  status: 202,
  // Anything is taken here, so that a bad entry is told by its index; the document shows what is meant.
  body: z.strictObject({ events: z.array(z.union([z.unknown(), Event])) }),
  response: z.object({ accepted: z.number().int(), duplicates: z.number().int(), rejected: Rejected }),
})

@Controller()
export class EventsController {
  constructor(
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(QuotasService) private readonly quotas: QuotasService,
  ) {}

  @Route(sendEvents)
  async send(@Parsed() { tenant, body }: Input<typeof sendEvents>) {
    checkBatchSize(body.events)
    const { settings } = await this.tenants.get(tenant)
    this.quotas.take(tenant, 'events', settings.quotas.eventsPerSecond, body.events.length)
    return this.events.ingest(tenant, body.events)
  }
}
