import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Outage } from './database-server.js'

/** An answer that a client should not have got. */
export interface Fault {
  at: number
  what: string
  status: number
  detail: string
}

/** Something was in the way. */
const SLOW_SECONDS = 5

/** What clients were told, by kind of call. */
export class Ledger {
  readonly statuses: Record<string, number> = {}
  /** Calls that no process answered: its connection was refused or broke. The client went to another one. */
  transportErrors = 0
  /** No answer within the client's patience. */
  timeouts = 0
  /** Seconds of calls that the first process asked has answered with 2xx, by kind. */
  readonly seconds: Record<string, number[]> = {}
  /** 503 with `Retry-After`: right while the database is away, else not. */
  /** Calls that took long, whatever came of them, by when they were made (milliseconds since 1970). */
  readonly slow: { at: number; what: string; seconds: number }[] = []
  readonly notReady: Fault[] = []
  readonly faults: Fault[] = []
  /** Of this program itself: how long it was held up at most counts in what it measures. */
  private readonly delay = monitorEventLoopDelay()

  constructor() {
    this.delay.enable()
  }

  get heldUpSeconds(): number {
    return Math.round(this.delay.max / 1e8) / 10
  }

  answered(kind: string, answer: { status: number; retryAfter: string | null; body: string }, seconds: number) {
    const { status } = answer
    const name = `${kind} ${status}`
    this.statuses[name] = (this.statuses[name] ?? 0) + 1
    if (status < 300) (this.seconds[kind] ??= []).push(seconds)
    if (seconds > SLOW_SECONDS) this.slow.push({ at: Date.now() - seconds * 1000, what: kind, seconds })
    if (status < 500) return
    const fault = { at: Date.now(), what: kind, status, detail: answer.body.slice(0, 300) }
    if (status === 503 && answer.retryAfter !== null) this.notReady.push(fault)
    else this.faults.push(fault)
  }

  fault(what: string, status: number, detail: string) {
    this.faults.push({ at: Date.now(), what, status, detail })
  }

  /** 503s at moments when the database was there. @param graceMs for connections that were being made in its absence */
  unexcused(outages: Outage[], graceMs: number): Fault[] {
    return this.notReady.filter(({ at }) => !outages.some(({ from, to }) => at >= from && at <= to + graceMs))
  }

  /** Milliseconds; null where there was none. */
  percentile(kind: string, share: number): number | null {
    const sorted = [...(this.seconds[kind] ?? [])].sort((a, b) => a - b)
    const found = sorted.at(Math.min(sorted.length - 1, Math.floor(sorted.length * share)))
    return found === undefined ? null : Math.round(found * 10_000) / 10
  }
}
