import {
  before,
  evidenceOf,
  type EventType,
  type Histories,
  historyOf,
  type Interaction,
  keepRows,
  rowAt,
  userCount,
} from '../model/history.js'

/** One user at one moment: what was known, and what the user then took. */
export interface Case {
  user: number
  /** Everything strictly before the moment, oldest first; at most the newest `HISTORY_LENGTH`. */
  history: Interaction[]
  /** Items that are not recommended to this user any more. */
  hidden: Uint32Array
  /** Items of the moment, without hidden ones; never empty. */
  targets: number[]
  /** The moment, in milliseconds since 1970. */
  at: number
}

export interface Split {
  train: Histories
  /** Train and validation together: what is known when the test window begins. */
  beforeTest: Histories
  validation: {
    /** Users that early stopping looks at. */
    stopping: Case[]
    /** Other users, for the weights of the blend: fitted on the same ones, it would trust the network too much. */
    blending: Case[]
    /** [events of `beforeTest`], 1 for those that `train` lacks: what the validation loss is taken over. */
    events: Uint8Array
  }
  test: Case[]
  /**
   * Every event, those of the windows among them: within a window counts go on with what happened before each moment, as
   * a service's do. Null where each user has a window of his own.
   */
  all: Histories | null
  /** Milliseconds since 1970. Each window begins with its moment and ends before the next. */
  boundaries: { from: number; validationFrom: number; testFrom: number; to: number }
}

export interface SplitOptions {
  types: EventType[]
  /** By event type: 1 where an item is hidden from the user after such an event. */
  hides: Uint8Array
  /** Share of the events in each of the two later windows. */
  share?: number
  /** Before this moment the start of the training knows the answers already: both later windows lie behind it. */
  unseenFrom?: number
  /** Before this moment something that will be compared knows the answers already: the test window lies behind it. */
  judgedFrom?: number
  /** Where the two later windows begin, milliseconds since 1970; absent: `share` says it. */
  cuts?: { validationFrom: number; testFrom: number }
  /** Cases at most in each half of the validation, chosen by hash. */
  maxValidation?: number
  /** Cases at most in the test. */
  maxTest?: number
  seed?: number
}

/** What a model may look back on, in evaluation as in serving. */
export const HISTORY_LENGTH = 200

/**
 * Cuts all histories at two moments of global time. A moment is never cut: the events of a basket lie on one side. In each
 * window a user is asked about once: about the first basket with an item that is not hidden from that user and with
 * something known before it (Meng et al. 2020 on why a split by user leaks the future).
 */
export function splitByTime(histories: Histories, options: SplitOptions): Split {
  const {
    share = 0.1,
    unseenFrom = -Infinity,
    judgedFrom = -Infinity,
    maxValidation = 500,
    maxTest = 1500,
    seed = 1,
  } = options
  const times = Float64Array.from(histories.times).sort()
  // Where little is new, each window gets a third of it: there has to be something left to learn from, too.
  const unseen = unseenFrom === -Infinity ? Infinity : times.length - placeOf(times, unseenFrom)
  const window = Math.min(share * times.length, unseen / 3)
  const usual = nearestMoment(times, times.length - window)
  const testFrom = options.cuts?.testFrom ?? Math.max(judgedFrom, usual)
  const earlier = times.subarray(0, placeOf(times, testFrom))
  const validationAt = (testFrom > usual ? earlier.length + window : times.length) - 2 * window
  const validationFrom = options.cuts?.validationFrom ?? Math.max(unseenFrom, nearestMoment(earlier, validationAt))
  const boundaries = { from: times[0] ?? 0, validationFrom, testFrom, to: times[times.length - 1] ?? 0 }
  const validation = occasionsIn(histories, validationFrom, testFrom, options)
  const asked = (occasions: Occasion[], most: number) =>
    chosen(occasions, most, seed).map((occasion) => caseOf(histories, occasion, options))
  const half = (parity: number) =>
    asked(
      validation.filter(({ user }) => (hash(user, seed) & 1) === parity),
      maxValidation,
    )
  const beforeTest = before(histories, testFrom)
  return {
    train: before(histories, validationFrom),
    beforeTest,
    validation: {
      stopping: half(0),
      blending: half(1),
      events: Uint8Array.from(beforeTest.times, (at) => Number(at >= validationFrom)),
    },
    test: asked(occasionsIn(histories, testFrom, Infinity, options), maxTest),
    all: histories,
    boundaries,
  }
}

/**
 * The moment that comes nearest to having `wanted` events before it, but one that has some. Where time is coarse (events by
 * day) a moment holds many events, and simply taking the one at that place could leave a window empty.
 * @param times sorted
 */
function nearestMoment(times: Float64Array, wanted: number): number {
  if (times.length === 0) return 0
  const moment = times[Math.min(times.length - 1, Math.floor(wanted))]
  const start = placeOf(times, moment)
  let end = start
  while (end < times.length && times[end] === moment) end++
  return end < times.length && (start === 0 || end - wanted < wanted - start) ? times[end] : moment
}

/** How many of the sorted times are before `moment`. */
function placeOf(times: Float64Array, moment: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle] < moment) low = middle + 1
    else high = middle
  }
  return low
}

/** A moment to ask a user about: the rows of its events. Cases are made of the few that are chosen only. */
interface Occasion {
  user: number
  row: number
  end: number
}

/** Each user's occasion inside a window, where there is one. */
function occasionsIn(histories: Histories, from: number, until: number, { types, hides }: SplitOptions): Occasion[] {
  const evidence = evidenceOf(types)
  const occasions: Occasion[] = []
  for (let user = 0; user < userCount(histories); user++) {
    const end = rowAt(histories, user, until)
    let row = rowAt(histories, user, from)
    const hidden = new Set<number>()
    let hiddenUpTo = histories.offsets[user]
    while (row < end) {
      const at = histories.times[row]
      let next = row
      while (next < end && histories.times[next] === at) next++
      for (; hiddenUpTo < row; hiddenUpTo++)
        if (hides[histories.types[hiddenUpTo]]) hidden.add(histories.items[hiddenUpTo])
      let wanted = false
      for (let r = row; r < next; r++) wanted ||= evidence[histories.types[r]] === 1 && !hidden.has(histories.items[r])
      if (row > histories.offsets[user] && wanted) {
        occasions.push({ user, row, end: next })
        break
      }
      row = next
    }
  }
  return occasions
}

function caseOf(histories: Histories, { user, row, end }: Occasion, { types, hides }: SplitOptions): Case {
  const evidence = evidenceOf(types)
  const hidden = new Set<number>()
  for (let r = histories.offsets[user]; r < row; r++) if (hides[histories.types[r]]) hidden.add(histories.items[r])
  const targets = new Set<number>()
  for (let r = row; r < end; r++)
    if (evidence[histories.types[r]] && !hidden.has(histories.items[r])) targets.add(histories.items[r])
  const at = histories.times[row]
  return {
    user,
    history: historyOf(histories, user, at, HISTORY_LENGTH),
    hidden: Uint32Array.from(hidden),
    targets: [...targets],
    at,
  }
}

/** At most `most` of them, whichever the hash of their users says; in the order of users. */
function chosen<T extends { user: number }>(cases: T[], most: number, seed: number): T[] {
  if (cases.length <= most) return cases
  const ranked = cases
    .map((one) => ({ one, key: hash(one.user, seed + 1) }))
    .sort((a, b) => a.key - b.key || a.one.user - b.one.user)
  return ranked
    .slice(0, most)
    .map(({ one }) => one)
    .sort((a, b) => a.user - b.user)
}

export interface LeaveOneOutOptions {
  /** Cases at most in the test, chosen by hash. */
  users?: number
  /** Cases at most in each half of the validation, chosen by hash. */
  maxValidation?: number
  seed?: number
}

// Fewer events say too little of a user to be judged by.
const LEAST_EVENTS = 5

/**
 * The published protocol, for comparison with other work: each user of at least five events gives the last one as the
 * target, unless its item is in the history already; all targets leave the training data, and so does, for the users whom
 * validation asks, the event before. It lets the rest of a basket stay in training, so it flatters: the split by time is
 * the one that decides.
 */
export function leaveOneOut(histories: Histories, options: LeaveOneOutOptions = {}): Split {
  const { users = 1000, maxValidation = 500, seed = 1 } = options
  const targets = lastRows(histories)
  const beforeTest = keepRows(histories, (row, user) => targets.get(user) !== row)
  const held = lastRows(beforeTest)
  const half = (parity: number) =>
    chosen(
      [...held.keys()].filter((user) => (hash(user, seed) & 1) === parity).map((user) => ({ user })),
      maxValidation,
      seed,
    ).map(({ user }) => user)
  const [stopping, blending] = [half(0), half(1)]
  const events = new Uint8Array(beforeTest.items.length)
  for (const user of [...stopping, ...blending]) events[held.get(user)!] = 1
  const asked = chosen(
    [...targets.keys()].map((user) => ({ user })),
    users,
    seed,
  )
  const { times } = histories
  let [from, to] = [Infinity, -Infinity]
  for (const at of times) {
    from = Math.min(from, at)
    to = Math.max(to, at)
  }
  return {
    train: keepRows(beforeTest, (row) => !events[row]),
    beforeTest,
    validation: {
      stopping: stopping.map((user) => lastCase(beforeTest, user, held.get(user)!)),
      blending: blending.map((user) => lastCase(beforeTest, user, held.get(user)!)),
      events,
    },
    test: asked.map(({ user }) => lastCase(histories, user, targets.get(user)!)),
    all: null,
    boundaries: { from, validationFrom: to, testFrom: to, to },
  }
}

/** Row of the last event of each user who has enough of them, and had its item for the first time. */
function lastRows({ offsets, items }: Histories): Map<number, number> {
  const rows = new Map<number, number>()
  for (let user = 0; user + 1 < offsets.length; user++) {
    const [start, last] = [offsets[user], offsets[user + 1] - 1]
    if (last + 1 - start < LEAST_EVENTS) continue
    if (!items.subarray(start, last).includes(items[last])) rows.set(user, last)
  }
  return rows
}

function lastCase({ offsets, items, types, times }: Histories, user: number, row: number): Case {
  const history: Interaction[] = []
  for (let r = Math.max(offsets[user], row - HISTORY_LENGTH); r < row; r++)
    history.push({ item: items[r], type: types[r], at: times[r] })
  return {
    user,
    history,
    hidden: Uint32Array.from(new Set(items.subarray(offsets[user], row))),
    targets: [items[row]],
    at: times[row],
  }
}

/** 32 well-mixed bits of a user (the finaliser of MurmurHash3). */
function hash(user: number, seed: number): number {
  let h = Math.imul(user ^ Math.imul(seed, 0x9e3779b1), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h ^= h >>> 16
  return h >>> 0
}
