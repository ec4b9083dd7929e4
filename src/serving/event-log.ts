import { type EventColumns, type Interaction, longer } from '../model/history.js'

const NONE = -1
const START = 1024
const REPEAT_MS = 60_000

/**
 * The events that the counts are made of: first the stored ones in order of time, then live ones as they come. Each is
 * linked to the one of its user that came before it, so that what a live event follows is found without the database.
 */
export class EventLog {
  private readonly userIndices = new Map<string, number>()
  private newestOf = new Int32Array(START)
  private users = new Uint32Array(START)
  private items = new Uint32Array(START)
  private types = new Uint8Array(START)
  private times = new Float64Array(START)
  private before = new Int32Array(START)
  private length = 0

  get size(): number {
    return this.length
  }

  get userCount(): number {
    return this.userIndices.size
  }

  /** Events of one user and one moment have to come in their order of arrival. @returns the event's row */
  append(userId: string, event: Interaction): number {
    const row = this.length++
    if (row === this.items.length) this.grow()
    const user = this.userIndex(userId)
    this.users[row] = user
    this.items[row] = event.item
    this.types[row] = event.type
    this.times[row] = event.at
    this.before[row] = this.newestOf[user]
    this.newestOf[user] = row
    return row
  }

  /**
   * Whether an event is its user's newest one once more, within a minute: a double click or a reload, which training
   * leaves out too.
   */
  isRepeat(userId: string, { item, type, at }: Interaction): boolean {
    const user = this.userIndices.get(userId)
    if (user === undefined) return false
    const newest = this.newestOf[user]
    const { items, types, times } = this
    return items[newest] === item && types[newest] === type && Math.abs(at - times[newest]) < REPEAT_MS
  }

  /** What the user of this row did before it by time, ties by arrival: oldest first, about the newest `limit`. */
  previous(row: number, limit: number): Interaction[] {
    const found: Interaction[] = []
    // Nearly all events come in order of time; the sort puts the rest right.
    for (let at = this.before[row]; at !== NONE && found.length < limit; at = this.before[at]) {
      if (this.times[at] <= this.times[row])
        found.push({ item: this.items[at], type: this.types[at], at: this.times[at] })
    }
    return found.reverse().sort((a, b) => a.at - b.at)
  }

  /** Copies of the columns. */
  columns(): EventColumns {
    const { length } = this
    return {
      users: this.users.slice(0, length),
      items: this.items.slice(0, length),
      types: this.types.slice(0, length),
      times: this.times.slice(0, length),
    }
  }

  /** Adds to each item the weight of its events at or after `since`. @param weights by event type @param out [items] */
  weighSince(since: number, weights: ArrayLike<number>, out: Float64Array): void {
    const { times, items, types, length } = this
    for (let row = 0; row < length; row++) if (times[row] >= since) out[items[row]] += weights[types[row]]
  }

  /** Estimated memory. */
  get bytes(): number {
    // Five columns, and a user's id with its place in the map.
    return this.items.length * 21 + this.userIndices.size * 100
  }

  private userIndex(userId: string): number {
    const known = this.userIndices.get(userId)
    if (known !== undefined) return known
    const user = this.userIndices.size
    this.userIndices.set(userId, user)
    if (user === this.newestOf.length) this.newestOf = longer(this.newestOf, new Int32Array(2 * user))
    this.newestOf[user] = NONE
    return user
  }

  private grow() {
    const capacity = 2 * this.items.length
    this.users = longer(this.users, new Uint32Array(capacity))
    this.items = longer(this.items, new Uint32Array(capacity))
    this.types = longer(this.types, new Uint8Array(capacity))
    this.times = longer(this.times, new Float64Array(capacity))
    this.before = longer(this.before, new Int32Array(capacity))
  }
}
