import { newestRows } from './half-life.js'
import { evidenceOf, type EventType, type Histories, userCount } from './history.js'

// Fewer choices than this to foretell, and a handful of users would decide what an event says.
const LEAST_CHOICES = 200
// Bounds memory and work where there are many types.
const MOST_CELLS = 2_000_000
// Choices that speak for what is set of each type: one whose events could explain but a few stays near it.
const PRIOR_CHOICES = 100
// Pseudo-events spread over the catalogue, to begin with: how many they are is found with the weights.
const SMOOTHING = 50
const ROUNDS = 200
const TOLERANCE = 1e-4
// No type that the settings call evidence counts for nothing.
const FLOOR = 0.01

export interface TypeWeights {
  /** As given, but for the weights of those that are evidence. */
  types: EventType[]
  /** For the recipe: each type that happened, as it was found and as it is set; empty where nothing was found. */
  reasons: Record<string, string>
}

/**
 * How much an event of each type says about what will be wanted. The settings' weights say how much of a success an event
 * is; as evidence a common view may be worth less than that, and a bookmark more.
 *
 * What each user took up in the newer half is foretold by what all did before: item i with probability
 * sum_t u_t c_t(i) / sum_t u_t C_t, where c_t counts the events of type t on the item, C_t those on all, and one t more
 * is the even distribution (interpolation, Jelinek & Mercer 1980). The weights u are those of the largest likelihood,
 * each choice counting by the success that it came to, with a Gamma prior around the settings' weights. Found by EM, the
 * denominator held down by its tangent (Lange, Hunter & Yang 2000).
 *
 * @returns weights scaled so that the largest is the largest that is set; those that are set where only one type happened
 *   or too few choices were made
 */
export function fitTypeWeights(histories: Histories, itemCount: number, types: EventType[]): TypeWeights {
  const rows = newestRows(histories, types)
  const events = new Float64Array(types.length)
  for (const row of rows) events[histories.types[row]]++
  const present = types.flatMap((_, type) => (events[type] > 0 ? [type] : []))
  if (present.length < 2) return { types, reasons: {} }
  const choices = choicesOf(histories, rows, itemCount, types, present)
  if (choices.count < LEAST_CHOICES) return { types, reasons: {} }

  const set = Float64Array.from(present, (type) => types[type].weight)
  const numbers = Float64Array.from(present, (type) => events[type])
  const found = maximise(choices, set, numbers)
  const weights = types.map(({ weight }) => weight)
  present.forEach((type, place) => (weights[type] = found[place]))
  const evidence = evidenceOf(types)
  const largest = (of: number[]) => Math.max(...of.filter((_, type) => evidence[type]))
  const top = largest(weights)
  const most = largest(types.map(({ weight }) => weight))
  const learned = types.map((type, at) =>
    evidence[at] ? { ...type, weight: most * Math.max(FLOOR, weights[at] / top) } : type,
  )
  const said = present.map((at) => `${types[at].name} ${learned[at].weight.toPrecision(2)} (set ${types[at].weight})`)
  return { types: learned, reasons: { types: said.join(', ') } }
}

/** Choices and what was counted before each. */
interface Choices {
  count: number
  /** Types that happened, and one more column: the even distribution. */
  width: number
  /** [count], of the largest success: 0 to 1. */
  success: Float64Array
  /** [count, width], events on the item. */
  item: Float64Array
  /** [count, width], events on all items. */
  all: Float64Array
}

/**
 * The first event of each user on each item, where it lies in the newer half: what the same user does there later is no
 * choice among items, but says what the choice came to, as a purchase after a view.
 */
function choicesOf(
  histories: Histories,
  rows: Uint32Array,
  itemCount: number,
  types: EventType[],
  present: number[],
): Choices {
  const { items, types: typeOf } = histories
  const users = usersOf(histories)
  const pairOf = (row: number) => users[row] * itemCount + items[row]
  const best = new Map<number, number>()
  let largest = 0
  for (const row of rows) {
    const { weight } = types[typeOf[row]]
    best.set(pairOf(row), Math.max(best.get(pairOf(row)) ?? 0, weight))
    largest = Math.max(largest, weight)
  }

  const width = present.length + 1
  const columnOf = Int32Array.from(types, (_, type) => present.indexOf(type))
  const from = Math.max(rows.length >> 1, rows.length - Math.floor(MOST_CELLS / width))
  const room = rows.length - from
  const success = new Float64Array(room)
  const item = new Float64Array(room * width)
  const all = new Float64Array(room * width)
  // By item and type: few of all that there could be happened.
  const counts = new Map<number, number>()
  const totals = new Float64Array(present.length)
  let count = 0
  rows.forEach((row, at) => {
    const column = columnOf[typeOf[row]]
    const cell = items[row] * present.length
    const pair = pairOf(row)
    const reached = best.get(pair)
    if (reached !== undefined) {
      best.delete(pair)
      if (at >= from) {
        success[count] = reached / largest
        for (let t = 0; t < present.length; t++) {
          item[count * width + t] = counts.get(cell + t) ?? 0
          all[count * width + t] = totals[t]
        }
        item[count * width + present.length] = 1 / itemCount
        all[count * width + present.length] = 1
        count++
      }
    }
    counts.set(cell + column, (counts.get(cell + column) ?? 0) + 1)
    totals[column]++
  })
  return { count, width, success, item, all }
}

/**
 * @param set [width - 1], what the weights begin with and are drawn to
 * @param numbers [width - 1], how many events of each type there are
 * @returns [width - 1]
 */
function maximise(
  { count, width, success, item, all }: Choices,
  set: Float64Array,
  numbers: Float64Array,
): Float64Array {
  const even = width - 1
  const weights = Float64Array.from({ length: width }, (_, t) => (t === even ? SMOOTHING : set[t]))
  for (let round = 0; round < ROUNDS; round++) {
    const explained = new Float64Array(width)
    const expected = new Float64Array(width)
    for (let choice = 0; choice < count; choice++) {
      const row = choice * width
      let [above, below] = [0, 0]
      for (let t = 0; t < width; t++) {
        above += weights[t] * item[row + t]
        below += weights[t] * all[row + t]
      }
      for (let t = 0; t < width; t++) {
        explained[t] += (success[choice] * weights[t] * item[row + t]) / above
        expected[t] += (success[choice] * all[row + t]) / below
      }
    }
    const next = weights.map((_, t) => {
      const prior = t === even ? 0 : PRIOR_CHOICES
      return (explained[t] + prior) / (expected[t] + (prior && prior / set[t]))
    })
    // Only ratios count: the average event keeps its weight, so that the prior means what a type says beside the others.
    const scale = dot(set, numbers) / dot(next, numbers)
    let moved = 0
    for (let t = 0; t < width; t++) {
      moved = Math.max(moved, Math.abs(Math.log((next[t] * scale) / weights[t])))
      weights[t] = next[t] * scale
    }
    if (moved < TOLERANCE) break
  }
  return weights.subarray(0, even)
}

function usersOf(histories: Histories): Uint32Array {
  const users = new Uint32Array(histories.items.length)
  for (let user = 0; user < userCount(histories); user++)
    users.fill(user, histories.offsets[user], histories.offsets[user + 1])
  return users
}

/** Over the length of the second. */
const dot = (a: Float64Array, b: Float64Array): number => b.reduce((sum, value, i) => sum + value * a[i], 0)
