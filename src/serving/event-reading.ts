import { setImmediate } from 'node:timers/promises'
import type { CountedEvent } from '../events/event.js'
import type { EventsService } from '../events/events.service.js'
import type { EventType } from '../model/history.js'
import type { Reads } from '../platform/database.js'
import { type Settings, typeReader } from '../tenants/settings.js'
import type { CatalogMirror } from './catalog-mirror.js'
import { EventLog } from './event-log.js'

/** Counts of more events than these change no list that anybody would notice. */
export const COUNTED_EVENTS = 1_000_000

/**
 * Reads the events that a new model counts, in pages.
 * @returns beside them how far was read, the arrivals that the next read may give again, and the ids of items that are not
 * in the catalogue
 */
export async function readEventLog(
  events: EventsService,
  tenantId: string,
  settings: Settings,
  types: EventType[],
  catalog: CatalogMirror,
  reads: Reads,
) {
  const placeOf = typeReader(types)
  const log = new EventLog()
  const unknown = new Set<string>()
  const arrivals = new Set<number>()
  const take = ([arrival, userId, itemId, type, value, at]: CountedEvent) => {
    arrivals.add(arrival)
    const item = catalog.indexOf(itemId)
    if (item === undefined) return void unknown.add(itemId)
    const event = { item, type: placeOf(type, value), at }
    if (!log.isRepeat(userId, event)) log.append(userId, event)
  }
  const since = await events.historyStart(tenantId, settings.training.historyDays, reads)
  const horizon = await events.counted(
    tenantId,
    async (page) => {
      page.forEach(take)
      await setImmediate()
    },
    { since, newest: COUNTED_EVENTS },
    reads,
  )
  return { log, arrivals, unknown, horizon }
}
