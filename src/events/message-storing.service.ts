import { Inject, Injectable } from '@nestjs/common'
import type { KafkaMessage } from 'kafkajs'
import { ItemsService, type PlacedChange } from '../catalog/items.service.js'
import { AppError } from '../platform/errors.js'
import type { Rejection } from '../platform/schema.js'
import { within } from '../platform/work-context.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { type DeadLetter, type Origin, originOf } from './dead-letters.js'
import type { PlacedEvent } from './event.js'
import { EventsService } from './events.service.js'
import { parseEventMessage, parseItemMessage, readItemKey, type Unusable } from './message-parsing.js'

/** A message with its place in the chunk. */
interface Placed {
  message: KafkaMessage
  origin: Origin
}

/** Stores chunks of messages, in the order of their partition, and tells which of them can't be used. */
@Injectable()
export class MessageStoringService {
  constructor(
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(ItemsService) private readonly items: ItemsService,
    @Inject(TenantsService) private readonly tenants: TenantsService,
  ) {}

  /** @throws what may pass (the database is away): then the whole chunk has to come again, and changes nothing twice */
  async storeEvents(topic: string, partition: number, messages: KafkaMessage[]): Promise<DeadLetter[]> {
    const letters = new Letters(topic, partition, messages)
    const byTenant = new Map<string, PlacedEvent[]>()
    letters.placed.forEach(({ message, origin }, index) => {
      const { value, unusable } = parseEventMessage(message.value, origin)
      if (unusable) letters.add(index, unusable)
      else grouped(byTenant, value.tenantId).push({ index, event: value.event })
    })
    for (const [tenantId, placed] of byTenant)
      await this.forTenant(tenantId, placed, letters, async () => {
        const { rejected } = await this.events.store(tenantId, placed, 'kafka')
        return rejected
      })
    return letters.all()
  }

  /** As `storeEvents`; a message without a value deletes the item of its key. */
  async storeItems(topic: string, partition: number, messages: KafkaMessage[]): Promise<DeadLetter[]> {
    const letters = new Letters(topic, partition, messages)
    const byTenant = new Map<string, PlacedChange[]>()
    for (const [index, { message }] of letters.placed.entries()) {
      const { change, unusable } = await this.readChange(message)
      if (unusable) letters.add(index, unusable)
      else grouped(byTenant, change.tenantId).push({ index, ...change })
    }
    for (const [tenantId, changes] of byTenant)
      await this.forTenant(tenantId, changes, letters, () => this.items.apply(tenantId, changes))
    return letters.all()
  }

  private async readChange(message: KafkaMessage) {
    if (message.value !== null) {
      const { value, unusable } = parseItemMessage(message.value)
      if (unusable) return { unusable }
      return { change: { tenantId: value.tenantId, itemId: value.item.itemId, item: value.item } }
    }
    const { value: pairs, unusable } = readItemKey(message.key)
    if (unusable) return { unusable }
    const meant: typeof pairs = []
    for (const pair of pairs) if (await this.isKnown(pair.tenantId)) meant.push(pair)
    if (meant.length === 0) return { unusable: UNKNOWN_TENANT }
    if (meant.length > 1)
      return { unusable: { code: 'AMBIGUOUS_KEY', reason: 'The key may mean an item of more than one tenant.' } }
    return { change: { ...meant[0], item: null } }
  }

  private async isKnown(tenantId: string): Promise<boolean> {
    return this.tenants.get(tenantId).then(
      () => true,
      (error: unknown) => {
        if (isNotFound(error)) return false
        throw error
      },
    )
  }

  /** Stores one tenant's part of a chunk; a tenant that is gone takes only its own messages along. */
  private async forTenant(
    tenantId: string,
    placed: { index: number }[],
    letters: Letters,
    store: () => Promise<Rejection[]>,
  ): Promise<void> {
    try {
      await this.tenants.get(tenantId)
      for (const { index, code, reason } of await within({ tenant: tenantId }, store))
        letters.add(index, { code, reason })
    } catch (error) {
      if (!isNotFound(error)) throw error
      for (const { index } of placed) letters.add(index, UNKNOWN_TENANT)
    }
  }
}

const UNKNOWN_TENANT: Unusable = { code: 'UNKNOWN_TENANT', reason: 'There is no such tenant.' }
const isNotFound = (error: unknown) => error instanceof AppError && error.code === 'NOT_FOUND'

function grouped<T>(groups: Map<string, T[]>, key: string): T[] {
  const group = groups.get(key) ?? []
  groups.set(key, group)
  return group
}

/** What of a chunk can't be used. */
class Letters {
  readonly placed: Placed[]
  private readonly found = new Map<number, Unusable>()

  constructor(topic: string, partition: number, messages: KafkaMessage[]) {
    this.placed = messages.map((message) => ({ message, origin: originOf(topic, partition, message) }))
  }

  add(index: number, unusable: Unusable) {
    this.found.set(index, unusable)
  }

  /** In the order of the partition. */
  all(): DeadLetter[] {
    const indices = [...this.found.keys()].sort((a, b) => a - b)
    return indices.map((index) => ({ ...this.placed[index], ...(this.found.get(index) as Unusable) }))
  }
}
