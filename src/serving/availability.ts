import type { CatalogMirror } from './catalog-mirror.js'

/** Items that may be recommended, in ascending order, and the time within which that does not change by itself. */
export interface Availability {
  items: Uint32Array
  /** Inclusive. */
  from: number
  /** Exclusive: when the next item expires or is published. */
  until: number
}

/** An item may be recommended while it is available, published and not expired. */
export function availabilityAt(catalog: CatalogMirror, now: number): Availability {
  const items = new Uint32Array(catalog.size)
  let count = 0
  let until = Infinity
  for (let index = 0; index < catalog.size; index++) {
    const item = catalog.at(index)
    if (!item?.available) continue
    const expires = item.expiresAt?.getTime() ?? Infinity
    const published = item.publishedAt?.getTime() ?? -Infinity
    if (published > now) until = Math.min(until, published)
    else if (expires > now) {
      items[count++] = index
      until = Math.min(until, expires)
    }
  }
  return { items: items.subarray(0, count), from: now, until }
}
