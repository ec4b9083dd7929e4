import { type Histories, userCount } from '../model/history.js'
import { Random } from '../model/random.js'

/** Users of fewer distinct items say too little to be known by them. */
const FEWEST_ITEMS = 10
/** Distinct items that a user is known by, the newest. */
const MOST_ITEMS = 200
/** So many users who do the same are no coincidence of two families. */
const FEWEST_USERS = 20
/** Of the items of two users together, the share that both have. */
const ALIKE = 0.3
/** Of the items of any two of a group, on the average: a chain of customers, each a little like the next, is no farm. */
const ALL_ALIKE = 0.25
/** Pairs that stand for all of a group. */
const ASKED_PAIRS = 500
/** Hashes to a band and bands: of two users with half of their items in common two of three pairs meet in some band. */
const ROWS = 3
const BANDS = 12
/** Users of one bucket are compared with so many before them: a chain holds a group together as well as all its pairs. */
const COMPARED = 8
/** An item is of a group's core where so many of the group have it. */
const CORE_SHARE = 0.25
/** How much more often the group has the items of its core than everybody else, at least. */
const LIFT = 10

/** Where more users than this share of all are like that, it is how this tenant's customers are: branches, or classes. */
const MOST_USERS = 0.2

/**
 * Users who act in lockstep: many with much the same items, which hardly anybody else has. People who share a taste share
 * some of what is liked by all who have it; a farm that pushes items shares little else. The idea is that of CopyCatch
 * (Beutel et al. 2013); groups are found by MinHash (Broder 1997) in time linear in the events.
 * @returns the users of all such groups
 */
export function findFarms(histories: Histories): Set<number> {
  const itemCount = histories.items.reduce((most, item) => Math.max(most, item + 1), 0)
  const sets = new Map<number, Uint32Array>()
  const holders = new Uint32Array(itemCount)
  for (let user = 0; user < userCount(histories); user++) {
    const [from, to] = [histories.offsets[user], histories.offsets[user + 1]]
    const items = Uint32Array.from(new Set(histories.items.subarray(from, to)))
    for (const item of items) holders[item]++
    // The newest, so that a customer of many years costs no more than another.
    if (items.length >= FEWEST_ITEMS) sets.set(user, items.slice(-MOST_ITEMS).sort())
  }
  const farms = new Set<number>()
  if (sets.size < FEWEST_USERS) return farms
  const everybody = userCount(histories)
  for (const group of groupsOf(sets, itemCount)) {
    const core = coreOf(group, sets)
    if (core.size < FEWEST_ITEMS / 2 || meanLikeness(group, sets) < ALL_ALIKE) continue
    let inside = 0
    let outside = 0
    for (const [item, held] of core) {
      inside += held / group.length
      outside += (holders[item] - held) / (everybody - group.length)
    }
    if (inside > LIFT * outside) for (const user of group) farms.add(user)
  }
  if (farms.size > MOST_USERS * everybody) farms.clear()
  return farms
}

/** Groups of users, each like some other of the group, of the least size and above. */
function groupsOf(sets: Map<number, Uint32Array>, itemCount: number): number[][] {
  const random = new Random(1)
  const leader = new Map<number, number>()
  const find = (user: number): number => {
    let at = user
    for (let up = leader.get(at); up !== undefined; up = leader.get(at)) at = up
    if (at !== user) leader.set(user, at)
    return at
  }
  for (let band = 0; band < BANDS; band++) {
    const orders = Array.from({ length: ROWS }, () => random.permutation(itemCount))
    const buckets = new Map<string, number[]>()
    for (const [user, items] of sets) {
      const key = orders.map((order) => leastOf(order, items)).join()
      const bucket = buckets.get(key) ?? []
      buckets.set(key, bucket)
      for (const other of bucket.slice(-COMPARED)) {
        const [a, b] = [find(user), find(other)]
        if (a !== b && likeness(items, sets.get(other)!) >= ALIKE) leader.set(a, b)
      }
      bucket.push(user)
    }
  }
  const groups = new Map<number, number[]>()
  for (const user of sets.keys()) {
    const of = find(user)
    const group = groups.get(of)
    if (group) group.push(user)
    else groups.set(of, [user])
  }
  return [...groups.values()].filter((group) => group.length >= FEWEST_USERS)
}

function leastOf(order: Uint32Array, items: Uint32Array): number {
  let least = order[items[0]]
  for (let i = 1; i < items.length; i++) if (order[items[i]] < least) least = order[items[i]]
  return least
}

/** Jaccard's index of two ascending lists. */
function likeness(a: Uint32Array, b: Uint32Array): number {
  let both = 0
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [x, y] = [a[i], b[j]]
    if (x === y) both++
    if (x <= y) i++
    if (y <= x) j++
  }
  return both / (a.length + b.length - both)
}

function meanLikeness(group: number[], sets: Map<number, Uint32Array>): number {
  const random = new Random(group.length)
  let sum = 0
  for (let pair = 0; pair < ASKED_PAIRS; pair++) {
    const one = random.below(group.length)
    const other = (one + 1 + random.below(group.length - 1)) % group.length
    sum += likeness(sets.get(group[one])!, sets.get(group[other])!)
  }
  return sum / ASKED_PAIRS
}

/** How many of the group have each item that enough of them have. */
function coreOf(group: number[], sets: Map<number, Uint32Array>): Map<number, number> {
  const held = new Map<number, number>()
  for (const user of group) for (const item of sets.get(user)!) held.set(item, (held.get(item) ?? 0) + 1)
  return new Map([...held].filter(([, count]) => count >= CORE_SHARE * group.length))
}
