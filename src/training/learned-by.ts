import { isDeepStrictEqual } from 'node:util'
import type { Tenant } from '../tenants/tenants.service.js'

/** Of what a tenant has set that which decides what a run makes of the same events and items. */
export function learnedBy({ baseModel, settings }: Pick<Tenant, 'baseModel' | 'settings'>): Record<string, unknown> {
  const { eventTypes, hideAfter, training } = settings
  const { historyDays, without } = training
  // Of these the order says nothing.
  return { baseModel, eventTypes, hideAfter: [...hideAfter].sort(), historyDays, without: [...without].sort() }
}

/** @param before as a report kept it */
export const isLearnedAlike = (before: unknown, now: Record<string, unknown>): boolean =>
  isDeepStrictEqual(before, JSON.parse(JSON.stringify(now)))
