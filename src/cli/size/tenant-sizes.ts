import { Random } from '../../model/random.js'

/** What one tenant of many is assumed to have. */
export interface TenantSize {
  eventsPerDay: number
  items: number
}

/**
 * Spread of the logarithm of sizes. With 2, of 10,000 tenants the largest has some 3 % of everything, the largest tenth
 * three quarters, and the middle one a seventh of the mean: as shops on one platform are.
 */
const SPREAD = 2
/** Catalogues differ less than traffic, and not only with it. */
const ITEMS_WITH_EVENTS = 0.7
const ITEMS_OWN = 0.8

/** Log-normal sizes that add up to the totals, the largest first; the same seed gives the same tenants. */
export function tenantSizes(tenants: number, eventsPerDay: number, items: number, seed: number): TenantSize[] {
  const random = new Random(seed)
  const logs = Array.from({ length: tenants }, () => SPREAD * random.normal())
  const events = shared(logs, eventsPerDay)
  const catalogues = shared(
    logs.map((log) => ITEMS_WITH_EVENTS * log + ITEMS_OWN * random.normal()),
    items,
  )
  return events
    .map((perDay, i) => ({ eventsPerDay: perDay, items: Math.round(catalogues[i]) }))
    .sort((a, b) => b.eventsPerDay - a.eventsPerDay)
}

function shared(logs: number[], total: number): number[] {
  const weights = logs.map((log) => Math.exp(log))
  const sum = weights.reduce((all, weight) => all + weight, 0)
  return weights.map((weight) => (weight / sum) * total)
}
