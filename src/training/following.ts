import { LENGTH_CAP } from '../model/cooccurrence.js'
import type { Counts } from '../model/counts.js'
import { type Histories, type Interaction, rowAt, userCount } from '../model/history.js'

/** What counts that end at a moment go on with. */
export interface Following {
  /** Those counted already among them. */
  histories: Histories
  /** The first moment that is not counted yet, milliseconds since 1970. */
  from: number
}

/**
 * Moves counts on event by event, as a service does while it answers: whoever is asked about late in a window is answered
 * from all that happened before (prequential evaluation, Dawid 1984). With the counts as of the window's beginning, a news
 * site would be judged by a service that has been asleep for weeks.
 */
export class FollowedCounts {
  /** Rows that are not counted yet, by time, ties in the order of users. */
  private readonly rows: Uint32Array
  /** User of each of them. */
  private readonly users: Uint32Array
  private next = 0
  private readonly histories: Histories

  /** @param counts of everything before `from`; changed by `moveTo` */
  constructor(
    private readonly counts: Counts,
    { histories, from }: Following,
  ) {
    this.histories = histories
    const rows: number[] = []
    const users = new Uint32Array(histories.items.length)
    for (let user = 0; user < userCount(histories); user++) {
      for (let row = rowAt(histories, user, from); row < histories.offsets[user + 1]; row++) {
        users[row] = user
        rows.push(row)
      }
    }
    const { times } = histories
    this.rows = Uint32Array.from(rows).sort((a, b) => times[a] - times[b] || a - b)
    this.users = this.rows.map((row) => users[row])
  }

  /** Counts what happened strictly before the moment. Moments never go back. */
  moveTo(moment: number): void {
    const { items, types, times, offsets } = this.histories
    for (; this.next < this.rows.length && times[this.rows[this.next]] < moment; this.next++) {
      const row = this.rows[this.next]
      const start = Math.max(offsets[this.users[this.next]], row - LENGTH_CAP)
      const previous: Interaction[] = []
      for (let r = start; r < row; r++) previous.push({ item: items[r], type: types[r], at: times[r] })
      this.counts.add(previous, { item: items[row], type: types[row], at: times[row] })
    }
  }
}
