import { Random } from '../../model/random.js'
import { Capacity } from '../../training/capacity.js'
import { turnOf, USED_WITHIN_SECONDS } from '../../training/turn.js'

const DAY = 86_400
/** Runs take longer or shorter than expected: deviation of the logarithm, about a third. */
const SURPRISE = 0.3

/** A tenant as the queue sees it. */
export interface Trained {
  /** Seconds that a run is expected to take, and bytes at its peak. */
  expected: number
  memoryBytes: number
  /** Days between two runs: 1, or longer where so little happens that a training waits for more. */
  everyDays: number
  /** Asks again so many seconds after each run has ended, beside the schedule. */
  againAfter?: number
}

export interface Trainers {
  count: number
  /** Runs that each works on at once, and the memory that these share. */
  slots: number
  memoryBytes: number
}

/** What became of the runs of some tenants. */
export interface Freshness {
  runs: number
  /** Of the runs that a schedule asked for, those that ended within a day. */
  withinDay: number
  /** Seconds from the schedule's moment to the end of the run. */
  median: number
  p99: number
  longest: number
}

export interface Simulated {
  /** Share of the time that trainers had something to do, while anything waited or ran. */
  busy: number
  /** Tenants that no trainer has the memory for. */
  tooLarge: number
  all: Freshness
  /** The tenth of the tenants with the shortest runs, and that with the longest. */
  smallest: Freshness
  largest: Freshness
  /** By tenant, seconds that its runs kept trainers. */
  used: Float64Array
}

/**
 * Lets trainers work through the queue for some days, in the order in which the service does (`turnOf`), with the same
 * account of memory (`Capacity`). Every tenant's schedule strikes at the same moment of the day, as by default: the worst
 * that can be. A tenant whose run still goes on then is late and gets no other.
 */
export function simulateQueue(tenants: Trained[], trainers: Trainers, days: number, seed: number): Simulated {
  return new Simulation(tenants, trainers, seed).run(days)
}

class Simulation {
  private readonly random: Random
  private readonly askedAt: Float64Array
  private readonly byHand: Uint8Array
  private readonly usedUntil: { tenant: number; at: number; seconds: number }[] = []
  private readonly usedLately: Float64Array
  private readonly used: Float64Array
  private waiting: number[] = []
  private readonly capacities: Capacity[]
  private readonly free: number[]
  /** Trainers that may take a run. */
  private readonly open: Set<number>
  private readonly events = new Agenda()
  private readonly lateness: { tenant: number; seconds: number }[] = []
  private readonly tooLarge = new Set<number>()

  constructor(
    private readonly tenants: Trained[],
    private readonly trainers: Trainers,
    seed: number,
  ) {
    this.random = new Random(seed)
    this.askedAt = new Float64Array(tenants.length).fill(NaN)
    this.byHand = new Uint8Array(tenants.length)
    this.usedLately = new Float64Array(tenants.length)
    this.used = new Float64Array(tenants.length)
    this.capacities = Array.from({ length: trainers.count }, () => new Capacity(trainers.memoryBytes))
    this.free = new Array<number>(trainers.count).fill(trainers.slots)
    this.open = new Set(this.free.keys())
  }

  run(days: number): Simulated {
    for (let day = 0; day < days; day++) this.events.add(day * DAY, () => this.strike(day))
    let last = 0
    // What was asked for within these days is waited for, three times as long at most.
    for (let next = this.events.take(); next && next.at < 3 * days * DAY; next = this.events.take()) {
      last = next.at
      next.happen()
      this.forget(next.at)
      this.hand(next.at)
    }
    for (const tenant of this.waiting) this.lateness.push({ tenant, seconds: Infinity })
    const worked = this.used.reduce((sum, seconds) => sum + seconds, 0)
    const byLength = this.tenants.map((_, i) => i).sort((a, b) => this.tenants[a].expected - this.tenants[b].expected)
    const tenth = Math.max(1, Math.round(byLength.length / 10))
    return {
      busy:
        last > 0 ? Math.min(1, worked / (Math.max(last, days * DAY) * this.trainers.count * this.trainers.slots)) : 0,
      tooLarge: this.tooLarge.size,
      all: this.freshness(byLength),
      smallest: this.freshness(byLength.slice(0, tenth)),
      largest: this.freshness(byLength.slice(-tenth)),
      used: this.used,
    }
  }

  /** The schedules' moment of a day: those that are due ask for a run, in any order, each tenant on days of its own. */
  private strike(day: number) {
    for (const tenant of this.random.permutation(this.tenants.length)) {
      if (this.tooLarge.has(tenant) || (day + tenant) % this.tenants[tenant].everyDays !== 0) continue
      if (Number.isNaN(this.askedAt[tenant])) this.ask(tenant, day * DAY)
      else if (this.byHand[tenant] === 0) this.lateness.push({ tenant, seconds: Infinity })
    }
  }

  private ask(tenant: number, at: number) {
    this.askedAt[tenant] = at
    this.waiting.push(tenant)
  }

  /** Gives runs to trainers as long as there are both. */
  private hand(now: number) {
    for (const trainer of this.open) {
      while (this.waiting.length > 0 && this.free[trainer] > 0 && this.start(trainer, this.next(now), now));
      if (this.waiting.length === 0) return
      // It has no slot left, or a run waits there for another one's memory: nothing smaller gets in before that.
      this.open.delete(trainer)
    }
  }

  /** Place in `waiting` of the run whose turn it is. */
  private next(now: number): number {
    let best = 0
    let highest = -1
    for (let place = 0; place < this.waiting.length; place++) {
      const tenant = this.waiting[place]
      const { expected } = this.tenants[tenant]
      const turn = turnOf({ waited: now - this.askedAt[tenant], expected, used: this.usedLately[tenant] })
      // At the schedules' moment nobody has waited at all: as the queue does, the first asked is the first served.
      if (turn > highest) {
        highest = turn
        best = place
      }
    }
    return best
  }

  private start(trainer: number, place: number, now: number): boolean {
    const tenant = this.waiting[place]
    const { expected, memoryBytes, againAfter } = this.tenants[tenant]
    const key = String(tenant)
    const room = this.capacities[trainer].take(key, memoryBytes)
    if (room === 'later') return false
    this.waiting[place] = this.waiting[this.waiting.length - 1]
    this.waiting.pop()
    if (room === 'never') {
      this.tooLarge.add(tenant)
      return true
    }
    this.free[trainer]--
    const seconds = expected * Math.exp(SURPRISE * this.random.normal())
    this.events.add(now + seconds, () => {
      this.free[trainer]++
      this.open.add(trainer)
      this.capacities[trainer].release(key)
      if (this.byHand[tenant] === 0) this.lateness.push({ tenant, seconds: now + seconds - this.askedAt[tenant] })
      this.askedAt[tenant] = NaN
      this.byHand[tenant] = 0
      this.used[tenant] += seconds
      this.usedLately[tenant] += seconds
      this.usedUntil.push({ tenant, at: now + seconds + USED_WITHIN_SECONDS, seconds })
      if (againAfter === undefined) return
      this.events.add(now + seconds + againAfter, () => {
        if (!Number.isNaN(this.askedAt[tenant])) return
        this.byHand[tenant] = 1
        this.ask(tenant, now + seconds + againAfter)
      })
    })
    return true
  }

  /** What was used longer ago than a day. Runs end in order of time, so the oldest are first. */
  private forget(now: number) {
    let gone = 0
    for (; gone < this.usedUntil.length && this.usedUntil[gone].at <= now; gone++)
      this.usedLately[this.usedUntil[gone].tenant] -= this.usedUntil[gone].seconds
    if (gone > 0) this.usedUntil.splice(0, gone)
  }

  private freshness(tenants: number[]): Freshness {
    const chosen = new Set(tenants)
    const late = Float64Array.from(
      this.lateness.filter(({ tenant }) => chosen.has(tenant)),
      ({ seconds }) => seconds,
    ).sort()
    const at = (share: number) => late[Math.min(late.length - 1, Math.floor(share * late.length))] ?? 0
    return {
      runs: late.length,
      withinDay: late.length === 0 ? 1 : late.filter((seconds) => seconds <= DAY).length / late.length,
      median: at(0.5),
      p99: at(0.99),
      longest: late.at(-1) ?? 0,
    }
  }
}

interface Happening {
  at: number
  happen: () => void
}

/** What is to happen, the next first: a heap by time, ties in the order in which they came. */
class Agenda {
  private readonly heap: (Happening & { number: number })[] = []
  private count = 0

  add(at: number, happen: () => void) {
    const { heap } = this
    let place = heap.push({ at, happen, number: this.count++ }) - 1
    while (place > 0 && this.isBefore(place, (place - 1) >> 1)) place = this.swap(place, (place - 1) >> 1)
  }

  take(): Happening | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (heap.length > 0 && last) {
      heap[0] = last
      for (let place = 0; ;) {
        const [left, right] = [2 * place + 1, 2 * place + 2]
        let least = place
        if (left < heap.length && this.isBefore(left, least)) least = left
        if (right < heap.length && this.isBefore(right, least)) least = right
        if (least === place) break
        place = this.swap(place, least)
      }
    }
    return first
  }

  private isBefore(a: number, b: number): boolean {
    const [one, other] = [this.heap[a], this.heap[b]]
    return one.at === other.at ? one.number < other.number : one.at < other.at
  }

  /** @returns `to` */
  private swap(from: number, to: number): number {
    const { heap } = this
    const kept = heap[from]
    heap[from] = heap[to]
    heap[to] = kept
    return to
  }
}
