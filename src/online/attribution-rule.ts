import type { AttributedEvent } from '../events/attributed-events.js'
import { eventTypeTable, MAX_WINDOW_HOURS, type Settings, typeReader } from '../tenants/settings.js'

/** What came of an item of an answer. */
export type Outcome = 'impression' | 'click' | 'conversion'

const IMPRESSION = 'impression'
const HOUR_MS = 3_600_000

/**
 * How late an event may arrive that happened within the window: an app that was offline, messages that were sent round
 * again. What has been counted is remembered for as long, so that nothing counts twice.
 */
const LATE_MS = 7 * 24 * HOUR_MS
/** Past this age nothing more is attributed to an answer, whatever its tenant sets. */
export const REMEMBERED_MS = MAX_WINDOW_HOURS * HOUR_MS + LATE_MS

/** What an event of this type and value says of the item that it names, by a tenant's settings; null: nothing. */
export function outcomeReader(settings: Settings): (type: string, value: number | null) => Outcome | null {
  const types = eventTypeTable(settings)
  const placeOf = typeReader(types)
  const conversions = new Set(settings.attribution.conversions)
  const clicks = settings.attribution.clicks && new Set(settings.attribution.clicks)
  return (type, value) => {
    if (type === IMPRESSION) return 'impression'
    const { meaning } = types[placeOf(type, value)]
    if (meaning === 'negative') return null
    if (conversions.has(type)) return 'conversion'
    return (clicks ? clicks.has(type) : meaning === 'positive') ? 'click' : null
  }
}

/** Whether an event is early enough to be of an answer. A clock that is behind makes it no earlier than the answer. */
export function isInWindow(
  servedAt: Date,
  { occurredAt, receivedAt }: Pick<AttributedEvent, 'occurredAt' | 'receivedAt'>,
  windowHours: number,
): boolean {
  const until = servedAt.getTime() + windowHours * HOUR_MS
  return Math.min(occurredAt.getTime(), receivedAt.getTime()) <= until && receivedAt.getTime() <= until + LATE_MS
}
