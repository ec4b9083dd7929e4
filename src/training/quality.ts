import {
  type EventColumns,
  type EventType,
  groupByUser,
  type Histories,
  keepRows,
  userCount,
} from '../model/history.js'
import type { Dataset } from './dataset.js'
import { findFarms } from './farms.js'
import { outsideHistoryWords } from './readiness.js'
import { isHigh, isLow, plainType } from '../tenants/settings.js'

/** Something that was found in the events, how often, and what was done about it. */
export interface Finding {
  reason:
    | 'unknown-item'
    | 'too-old'
    | 'outside-history'
    | 'duplicate'
    | 'burst'
    | 'bot'
    | 'farm'
    | 'short-user'
    | 'superseded'
    | 'low'
    | 'high'
    | 'negative'
  events: number
  users: number
  /** In words, for the operator. */
  action: string
}

/** The data-quality report of a run. */
export interface QualityReport {
  read: number
  kept: number
  users: number
  findings: Finding[]
}

/**
 * The same item and type again within a minute and with nothing between is one act reported twice (a reload, a double
 * click, a client that sends again without an id), not two.
 */
const BURST_MS = 60_000
const HOUR_MS = 3_600_000
/**
 * Distinct moments of one user within an hour above which nobody is at the other end: one every six seconds, an hour
 * long. Moments and not events, since one basket holds many items: a wholesaler's order of 500 lines is one moment.
 */
const BOT_MOMENTS_PER_HOUR = 600
/**
 * Share of the busy users above which such a rate is how this data tells time, not a machine: some logs carry order
 * numbers for times.
 */
const MOST_BOTS = 0.01
const BUSY_EVENTS = 50
/** What was opened at noon and read at night was read once: the first event was of the beginning. */
const SUPERSEDED_MS = 86_400_000

/**
 * Leaves out what would mislead the training, and says what and why.
 * @param rows events of known items in order of arrival
 * @param before what was read, and left out already because the item is not in the catalogue
 */
export function cleanEvents(
  rows: EventColumns,
  users: number,
  types: EventType[],
  before: Pick<Dataset, 'read' | 'unknownItem' | 'outsideHistory'> & { tooOld?: number },
): { histories: Histories; report: QualityReport } {
  const findings: Finding[] = []
  const note = (reason: Finding['reason'], events: number, usersConcerned: number, action: string) => {
    if (events > 0) findings.push({ reason, events, users: usersConcerned, action })
  }
  note('unknown-item', before.unknownItem, 0, 'left out: the item is not in the catalogue; they count once it arrives')

  note(
    'too-old',
    before.tooOld ?? 0,
    0,
    `not read: a run takes the newest ${(before.read / 1e6).toFixed(1)} million events; what is older is not learned from`,
  )

  const { events: outside, days } = before.outsideHistory ?? { events: 0, days: 0 }
  const stored = outside + (before.tooOld ?? 0) + before.read
  note('outside-history', outside, 0, outsideHistoryWords(outside, stored, days))

  let histories = groupByUser(rows, users)
  const leaveOut = (reason: Finding['reason'], whom: Set<number>, action: string) => {
    const found = tally(histories, (_, user) => whom.has(user))
    note(reason, found.events, found.users, `left out whole: ${action}`)
    if (whom.size > 0) histories = keepRows(histories, (_, user) => !whom.has(user))
  }
  leaveOut('bot', botUsers(histories), `more than ${BOT_MOMENTS_PER_HOUR} separate moments within an hour`)
  leaveOut(
    'farm',
    findFarms(histories),
    'many users with much the same items, which hardly anybody else has, as a click farm has',
  )

  const repeats = findRepeats(histories)
  const exact = tally(histories, (row) => repeats[row] === EXACT)
  const bursts = tally(histories, (row) => repeats[row] === BURST)
  note('duplicate', exact.events, exact.users, 'left out: the same user, item, type and moment once more')
  note(
    'burst',
    bursts.events,
    bursts.users,
    'left out: the same user, item and type again within a minute, with nothing between',
  )
  if (exact.events + bursts.events > 0) histories = keepRows(histories, (row) => repeats[row] === 0)

  const begun = findSuperseded(histories, types)
  const superseded = tally(histories, (row) => begun[row] === 1)
  note(
    'superseded',
    superseded.events,
    superseded.users,
    'left out: low by their value, and followed by one that is not, of the same user, item and type within a day',
  )
  if (superseded.events > 0) histories = keepRows(histories, (row) => !begun[row])

  const short = tally(histories, (_, user) => histories.offsets[user + 1] - histories.offsets[user] < 2)
  note('short-user', short.events, short.users, 'counted for popularity only: one event is no sequence to learn from')
  const lowTypes = types.map(({ name }) => isLow(name))
  const low = tally(histories, (row) => lowTypes[histories.types[row]])
  note('low', low.events, low.users, 'low by their value: kept in the history, never counted or predicted')
  const highTypes = types.map(({ name }) => isHigh(name))
  const high = tally(histories, (row) => highTypes[histories.types[row]])
  note('high', high.events, high.users, 'high by their value: counted twice')
  const negativeTypes = types.map(({ meaning }, type) => meaning === 'negative' && !lowTypes[type])
  const negative = tally(histories, (row) => negativeTypes[histories.types[row]])
  note('negative', negative.events, negative.users, 'kept in the history, never a thing to predict')

  const present = tally(histories, () => true)
  return { histories, report: { read: before.read, kept: present.events, users: present.users, findings } }
}

function tally(histories: Histories, holds: (row: number, user: number) => boolean): { events: number; users: number } {
  let events = 0
  let users = 0
  for (let user = 0; user < userCount(histories); user++) {
    const earlier = events
    for (let row = histories.offsets[user]; row < histories.offsets[user + 1]; row++) if (holds(row, user)) events++
    if (events > earlier) users++
  }
  return { events, users }
}

/** Users with too many distinct moments within any hour. */
function botUsers(histories: Histories): Set<number> {
  const bots = new Set<number>()
  let busy = 0
  for (let user = 0; user < userCount(histories); user++) {
    const end = histories.offsets[user + 1]
    if (end - histories.offsets[user] >= BUSY_EVENTS) busy++
    if (end - histories.offsets[user] <= BOT_MOMENTS_PER_HOUR) continue
    const moments: number[] = []
    for (let row = histories.offsets[user]; row < end; row++)
      if (moments.at(-1) !== histories.times[row]) moments.push(histories.times[row])
    for (let i = BOT_MOMENTS_PER_HOUR; i < moments.length; i++)
      if (moments[i] - moments[i - BOT_MOMENTS_PER_HOUR] < HOUR_MS) {
        bots.add(user)
        break
      }
  }
  if (bots.size > Math.max(1, MOST_BOTS * busy)) bots.clear()
  return bots
}

const EXACT = 1
const BURST = 2

/** For each row whether it repeats one before it. */
function findRepeats(histories: Histories): Uint8Array {
  const repeats = new Uint8Array(histories.items.length)
  for (let user = 0; user < userCount(histories); user++) {
    // Moments at which this user had an item with a type; a type's place fits a byte.
    const last = new Map<number, number>()
    let previous = -1
    for (let row = histories.offsets[user]; row < histories.offsets[user + 1]; row++) {
      const key = histories.items[row] * 256 + histories.types[row]
      const earlier = last.get(key)
      const at = histories.times[row]
      if (earlier === at) repeats[row] = EXACT
      else if (key === previous && earlier !== undefined && at - earlier < BURST_MS) repeats[row] = BURST
      last.set(key, at)
      previous = key
    }
  }
  return repeats
}

/** For each row 1 where its value is low, and one that is not follows within a day, of the same user, item and type. */
function findSuperseded(histories: Histories, types: EventType[]): Uint8Array {
  const superseded = new Uint8Array(histories.items.length)
  const names = types.map(({ name }) => plainType(name))
  const low = types.map(({ name }) => isLow(name))
  const plain = names.map((name) => names.indexOf(name))
  const readByValue = names.map((name) => names.some((other, type) => low[type] && other === name))
  if (!low.includes(true)) return superseded
  for (let user = 0; user < userCount(histories); user++) {
    const next = new Map<number, number>()
    for (let row = histories.offsets[user + 1] - 1; row >= histories.offsets[user]; row--) {
      const type = histories.types[row]
      if (!readByValue[type]) continue
      const key = histories.items[row] * 256 + plain[type]
      const at = histories.times[row]
      if (!low[type]) next.set(key, at)
      else if ((next.get(key) ?? Infinity) - at < SUPERSEDED_MS) superseded[row] = 1
    }
  }
  return superseded
}
