import { evidenceOf, type EventType, type Histories, userCount } from '../model/history.js'
import type { Network } from '../model/network.js'
import { Random } from '../model/random.js'
import type { TextMatrix } from '../model/text-matrix.js'
import { type Interval, mean, pairedDifference } from './metrics.js'
import { affordableCases, lastMoment, networkNdcgs } from './network-quality.js'
import type { Case } from './split.js'

/** What the network before and this version's still know of a part of the time that the one before learned from. */
export interface OldWindow {
  /** RFC 3339, as `to`, which lies outside. */
  from: string
  to: string
  users: number
  /** NDCG@10 of the champion's network by itself. */
  before: number
  /** That of this version's. */
  now: number
  /** Now less before, over the same users: 95 %. */
  difference: Interval
}

/** Or why there are none, in words. */
export type OldWindows = { windows: OldWindow[] } | { withoutWindows: string }

/** A network with the texts as it reads them. */
interface Asked {
  network: Network
  text: TextMatrix
}

interface Ground {
  /** Nothing of the test window. */
  histories: Histories
  types: EventType[]
  /** By event type: 1 where an item is hidden from the user after such an event. */
  hides: Uint8Array
  /** The champion knows what came before, milliseconds since 1970. */
  knownUntil: number
  seed: number
}

const WINDOWS = 4
// In each, or as many as an epoch would be judged by where that is less: asking both costs a few such judgements.
const MOST_USERS = 200

/**
 * What was known and is not any more. The champion's training time is cut into quarters of as many events; in each, users are
 * asked about their last moment there, with what they had done until then, the whole catalogue ranked. The champion has
 * learned these events, and so has the new network, sooner or later: this is no judgement of how well either foresees, but
 * how much of the old months it still knows by heart. One that knows less by heart need not be worse, so nothing is decided
 * by it. The same seed asks the same users.
 */
export function oldWindows(ground: Ground, champion: Asked, own: Asked): OldWindow[] {
  const { histories, types, hides, seed } = ground
  const evidence = evidenceOf(types)
  const width = Math.max(champion.network.config.width, own.network.config.width)
  const most = Math.min(MOST_USERS, affordableCases(own.text.items * width))
  const users = new Random(seed ^ STREAM).permutation(userCount(histories))
  const windows = quarters(ground).map(({ from, to }) => {
    const cases: Case[] = []
    for (let place = 0; place < users.length && cases.length < most; place++) {
      const found = lastMoment(histories, users[place], evidence, hides, { from, to })
      if (found) cases.push(found)
    }
    return { from, to, cases }
  })
  // All at once: the items' vectors are made once for each network.
  const all = windows.flatMap(({ cases }) => cases)
  const [before, now] = [champion, own].map(({ network, text }) => networkNdcgs(network, text, all))
  let asked = 0
  return windows.flatMap(({ from, to, cases }) => {
    if (cases.length === 0) return []
    const rows = [asked, (asked += cases.length)] as const
    const [a, b] = [before.subarray(...rows), now.subarray(...rows)]
    const { mean: middle, low, high } = pairedDifference(b, a)
    return {
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      users: cases.length,
      before: mean(a),
      now: mean(b),
      difference: { mean: middle, low, high },
    }
  })
}
const STREAM = 0x01d

/** Where time is coarse, some may hold more events than others; none is empty. */
function quarters({ histories, knownUntil }: Ground): { from: number; to: number }[] {
  const times = histories.times.slice().sort()
  let count = times.length
  while (count > 0 && times[count - 1] >= knownUntil) count--
  if (count === 0) return []
  const begins = Array.from({ length: WINDOWS }, (_, quarter) => times[Math.floor((quarter * count) / WINDOWS)])
  // What is there of the champion's time may end before it.
  const ends = [...begins.slice(1), times[count - 1] + 1]
  return begins.flatMap((from, quarter) => (from < ends[quarter] ? [{ from, to: ends[quarter] }] : []))
}
