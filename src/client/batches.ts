/** What the service takes at once. */
export const MAX_ENTRIES = 1000
const MAX_BYTES = 5 * 1024 * 1024
/** `{"events":[` and what closes it. */
const FRAME_BYTES = 64

export interface Entry {
  json: string
  bytes: number
}

const utf8 = new TextEncoder()
export function entryOf(value: unknown): Entry {
  const json = JSON.stringify(value)
  return { json, bytes: utf8.encode(json).length }
}

/** How many of the first entries fit into one request: at least one, since it alone is what a refusal should be about. */
export function batchLength(entries: readonly Entry[], most = MAX_ENTRIES, maxBytes = MAX_BYTES): number {
  let bytes = FRAME_BYTES
  let count = 0
  for (const entry of entries) {
    bytes += entry.bytes + 1
    if (count === most || (count > 0 && bytes > maxBytes)) break
    count += 1
  }
  return count
}

export const bodyOf = (name: 'events' | 'items', entries: readonly Entry[]) =>
  `{"${name}":[${entries.map(({ json }) => json).join(',')}]}`

/** Values as the bodies of requests, with the place of the first one of each. */
export function* inBatches(
  name: 'events' | 'items',
  values: Iterable<unknown>,
): Generator<{ from: number; json: string }> {
  const entries = Array.from(values, entryOf)
  for (let from = 0; from < entries.length;) {
    const rest = entries.slice(from, from + MAX_ENTRIES)
    const batch = rest.slice(0, batchLength(rest))
    yield { from, json: bodyOf(name, batch) }
    from += batch.length
  }
}
