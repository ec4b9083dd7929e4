/** What decides when a run that waits gets its turn. Seconds. */
export interface Waiting {
  /** Since it was asked for. */
  waited: number
  /** How long it will probably keep a trainer. */
  expected: number
  /** How long the tenant's runs kept trainers within the last day. */
  used: number
}

/** A day: after it, what a tenant took of the trainers is forgotten. */
export const USED_WITHIN_SECONDS = 86_400
/** No run is over sooner than it takes to start its process, so that none counts for less. */
export const LEAST_SECONDS = 30
/** A tenant that never trained: most have few events then, and none is worse off while it waits. */
export const FIRST_RUN_SECONDS = 120

/**
 * Of the runs that wait, the one with the highest turn is next: how many times its own length it has waited, where what
 * the tenant has had within the last day counts as length. (Highest response ratio next: Brinch Hansen, 1971.) Small runs
 * pass large ones, but each large one only as long as it has waited less for its size: nobody waits for ever. Who asks
 * again and again is no smaller than all that he got.
 */
export const turnOf = ({ waited, expected, used }: Waiting): number =>
  waited / (Math.max(LEAST_SECONDS, expected) + used)

/** `turnOf` in SQL, of expressions in seconds. A test holds the two together. */
export const turnSql = ({ waited, expected, used }: Record<keyof Waiting, string>): string =>
  `(${waited}) / (greatest(${LEAST_SECONDS}, ${expected}) + ${used})`
