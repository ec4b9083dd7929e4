import type { Engine } from '../../platform/tensorflow.js'

/** Engines that a size can be asked for. */
export const ENGINES = ['native', 'wasm', 'cuda'] as const satisfies Engine[]

/** What an installation has to carry, all tenants together. */
export interface Load {
  tenants: number
  eventsPerDay: number
  items: number
  /** At the peak. */
  requestsPerSecond: number
  /** Events at the peak by those of the mean. */
  peak: number
  /** How long events are kept. */
  retentionDays: number
  /** How far back a training reads. */
  historyDays: number
  /** Of the tenants, those that are asked for within the same minute. */
  active: number
  /** Whether a tenant's requests go to two instances of its own, or to any. */
  route: 'any' | 'tenant'
  engine: (typeof ENGINES)[number]
  trainerCores: number
  trainerMemoryGb: number
  seed: number
}

/** What requests there are where nobody says: as in docs/sizing.md, one a second for each 100,000 events a day. */
export const requestsOf = (eventsPerDay: number) => Math.max(1, Math.ceil(eventsPerDay / 100_000))

export const DEFAULTS = {
  peak: 5,
  retentionDays: 365,
  historyDays: 730,
  active: 1,
  route: 'any',
  engine: 'native',
  trainerCores: 4,
  trainerMemoryGb: 16,
  seed: 1,
} as const satisfies Partial<Load>
