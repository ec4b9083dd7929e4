/** One event of one user, in index space: `item` is a row of the catalogue, `type` a row of the tenant's event types. */
export interface Interaction {
  item: number
  type: number
  /** Milliseconds since 1970. */
  at: number
}

/** Users' interactions as compressed rows: user u owns [offsets[u], offsets[u+1]), ordered by time, ties by arrival. */
export interface Histories {
  /** [users + 1] */
  offsets: Uint32Array
  /** [events] */
  items: Uint32Array
  /** [events] */
  types: Uint8Array
  /** [events], milliseconds since 1970 */
  times: Float64Array
}

export interface EventType {
  name: string
  weight: number
  meaning: 'positive' | 'neutral' | 'negative'
  /** Where events of this type are read by their values: those below and from here are of types of their own. */
  value?: { lowBelow?: number; highFrom?: number }
}

/** Rows in arrival order, one column each; every column has the same length. */
export interface EventColumns {
  users: Uint32Array
  items: Uint32Array
  types: Uint8Array
  times: Float64Array
}

/**
 * For each event type, whether its events say that the user wanted the item. A dislike does not, and a type of weight 0
 * (an impression, say) is recorded without meaning anything.
 */
export function evidenceOf(types: EventType[]): Uint8Array {
  return Uint8Array.from(types, (type) => (type.meaning !== 'negative' && type.weight > 0 ? 1 : 0))
}

/** The values of `from` in `to`, which has room for more. */
export function longer<T extends Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array>(
  from: T,
  to: T,
): T {
  to.set(from)
  return to
}

export const userCount = (histories: Histories): number => histories.offsets.length - 1

/** Sorts rows that lie in arrival order into histories. Stable: events of one moment keep their arrival order. */
export function groupByUser(rows: EventColumns, users: number): Histories {
  const total = rows.items.length
  const offsets = new Uint32Array(users + 1)
  for (let row = 0; row < total; row++) offsets[rows.users[row] + 1]++
  for (let user = 0; user < users; user++) offsets[user + 1] += offsets[user]
  const order = new Uint32Array(total)
  const next = offsets.slice(0, users)
  for (let row = 0; row < total; row++) order[next[rows.users[row]]++] = row
  for (let user = 0; user < users; user++) sortByTime(order.subarray(offsets[user], offsets[user + 1]), rows.times)
  return { offsets, ...pickRows(rows, order) }
}

/** The rows of these places. Loops, since `from` would make a list of objects of them first. */
function pickRows(
  { items, types, times }: Omit<Histories, 'offsets'>,
  places: Uint32Array,
): Omit<Histories, 'offsets'> {
  const count = places.length
  const picked = { items: new Uint32Array(count), types: new Uint8Array(count), times: new Float64Array(count) }
  for (let i = 0; i < count; i++) {
    const place = places[i]
    picked.items[i] = items[place]
    picked.types[i] = types[place]
    picked.times[i] = times[place]
  }
  return picked
}

// Most logs arrive in order of time already, so the check saves nearly every sort.
function sortByTime(rows: Uint32Array, times: Float64Array): void {
  for (let i = 1; i < rows.length; i++) {
    if (times[rows[i]] < times[rows[i - 1]]) {
      rows.sort((a, b) => times[a] - times[b] || a - b)
      return
    }
  }
}

/** Compressed rows of plain lists, one list for each user, each already ordered. */
export function toHistories(lists: Interaction[][]): Histories {
  const offsets = new Uint32Array(lists.length + 1)
  lists.forEach((list, user) => (offsets[user + 1] = offsets[user] + list.length))
  const all = lists.flat()
  return {
    offsets,
    items: Uint32Array.from(all, (event) => event.item),
    types: Uint8Array.from(all, (event) => event.type),
    times: Float64Array.from(all, (event) => event.at),
  }
}

/** First row of `user` at or after the moment `until`. */
export function rowAt(histories: Histories, user: number, until: number): number {
  let low = histories.offsets[user]
  let high = histories.offsets[user + 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (histories.times[middle] < until) low = middle + 1
    else high = middle
  }
  return low
}

/** The user's events strictly before `until`, newest last; with `last`, only that many of the newest. */
export function historyOf(histories: Histories, user: number, until = Infinity, last = Infinity): Interaction[] {
  const end = rowAt(histories, user, until)
  const history: Interaction[] = []
  for (let row = Math.max(histories.offsets[user], end - last); row < end; row++) {
    history.push({ item: histories.items[row], type: histories.types[row], at: histories.times[row] })
  }
  return history
}

/** The same users with only their events strictly before `until`. */
export function before(histories: Histories, until: number): Histories {
  return keepRows(histories, (row) => histories.times[row] < until)
}

/** The same users with only the rows that `keep` accepts, order unchanged. */
export function keepRows(histories: Histories, keep: (row: number, user: number) => boolean): Histories {
  const users = userCount(histories)
  const offsets = new Uint32Array(users + 1)
  const kept = new Uint32Array(histories.items.length)
  let count = 0
  for (let user = 0; user < users; user++) {
    for (let row = histories.offsets[user]; row < histories.offsets[user + 1]; row++) {
      if (keep(row, user)) kept[count++] = row
    }
    offsets[user + 1] = count
  }
  return { offsets, ...pickRows(histories, kept.subarray(0, count)) }
}
