import { Inject, Injectable } from '@nestjs/common'
import { ItemsService } from '../catalog/items.service.js'
import { EventsService } from '../events/events.service.js'
import { TenantsService } from '../tenants/tenants.service.js'

/** How far a model of a tenant has read. */
export interface ReadSoFar {
  tenantId: string
  /** Horizons of `changesSince` and `writtenSince`. */
  items: string
  events: string
  /** Of the tenant, as `TenantsService.marks` has it. */
  mark: string | null
}

/**
 * Says which of very many models have anything to take in. Three statements for all of them: to look at each by itself
 * costs a process with a thousand tenants more than all its requests.
 */
@Injectable()
export class ModelNews {
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(ItemsService) private readonly items: ItemsService,
    @Inject(EventsService) private readonly events: EventsService,
  ) {}

  /** @returns for each read whether items, events or the tenant itself have changed since, or may have */
  async since(reads: ReadSoFar[]): Promise<boolean[]> {
    if (reads.length === 0) return []
    const [marks, items, events] = await Promise.all([
      this.tenants.marks(reads.map(({ tenantId }) => tenantId)),
      this.items.changedPast(reads.map(({ tenantId, items }) => ({ tenantId, horizon: items }))),
      this.events.writtenPast(reads.map(({ tenantId, events }) => ({ tenantId, horizon: events }))),
    ])
    return reads.map(({ tenantId, mark }, i) => items[i] || events[i] || mark === null || marks.get(tenantId) !== mark)
  }

  /** What is remembered of a tenant at a look: asked for before anything of it is read. */
  async markOf(tenantId: string): Promise<string | null> {
    return (await this.tenants.marks([tenantId])).get(tenantId) ?? null
  }
}
