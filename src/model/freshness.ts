import type { Counts } from './counts.js'

const HOUR_MS = 3_600_000

/**
 * How new each item is at a moment, [itemCount]: -ln(1 + age in hours), so that an hour matters among today's news as a
 * year does among last decade's. The age is by the item's own word, else by its first event. What is of no known age, or
 * comes later than `now`, gets the mean of the others, which says nothing.
 * @param now milliseconds since 1970
 * @param published milliseconds since 1970, NaN where nobody told
 * @returns null where no item's age is known
 */
export function freshness(
  counts: Counts,
  published: Float64Array | undefined,
  now: number,
  itemCount: number,
): Float32Array | null {
  const first = counts.firstEvents()
  const values = new Float32Array(itemCount)
  let sum = 0
  let known = 0
  for (let item = 0; item < itemCount; item++) {
    const told = published && item < published.length ? published[item] : NaN
    const since = told <= now ? told : item < first.length ? first[item] : NaN
    if (!(since <= now)) {
      values[item] = UNKNOWN
      continue
    }
    values[item] = -Math.log1p((now - since) / HOUR_MS)
    sum += values[item]
    known++
  }
  if (known === 0) return null
  for (let item = 0; item < itemCount; item++) if (values[item] === UNKNOWN) values[item] = sum / known
  return values
}

// No age is below zero, so no value is above it.
const UNKNOWN = 1
