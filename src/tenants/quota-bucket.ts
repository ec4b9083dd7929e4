/** Seconds of its rate that a tenant may use at once. */
export const BURST_SECONDS = 10
/** Share of a bucket that is told to the other instances at the next look. */
const MUCH = 0.05
/** What is less is told after a while. */
const SOON_MS = 500
const LATER_MS = 5000
/** Share of the rate that is not worth telling: a hundred instances, each with so little, come to the rate once more. */
const NOTHING = 0.01

/**
 * A token bucket of one tenant and quota in this process. It fills at the tenant's whole rate, as if there were no other
 * instance; what the others used comes in with `know`, a moment later. So a call waits for nothing, and over time all
 * instances together use the rate: what one used before it knew is taken off what it may use next.
 */
export class QuotaBucket {
  private tokens: number
  private at: number
  private unreported = 0
  private reportedAt = -Infinity

  /** @param rate a second @param now milliseconds, as in all that follows */
  constructor(
    private rate: number,
    now: number,
  ) {
    this.tokens = this.size
    this.at = now
  }

  private get size(): number {
    return this.rate * BURST_SECONDS
  }

  /** Another instance, or this one a moment ago, has used up all there was: nothing can be taken now. */
  isEmpty(now: number): boolean {
    return this.level(now) < Math.min(1, this.size)
  }

  /**
   * Takes `amount`. A single call larger than the whole bucket passes when the bucket is full, and is paid off
   * afterwards: otherwise it could never pass.
   * @returns seconds to wait until it would pass; 0: it was taken
   */
  take(amount: number, rate: number, now: number): number {
    const full = this.level(now) >= this.size
    this.tokens = full ? rate * BURST_SECONDS : this.level(now)
    this.rate = rate
    this.at = now
    const needed = Math.min(amount, this.size)
    if (this.tokens < needed) return Math.max(1, Math.ceil((needed - this.tokens) / rate))
    this.tokens -= amount
    this.unreported += amount
    return 0
  }

  /** Seconds until anything may be taken. */
  wait(now: number): number {
    return Math.max(1, Math.ceil((Math.min(1, this.size) - this.level(now)) / this.rate))
  }

  /** What was used here and the others have to know by now; 0: nothing yet. */
  due(now: number): number {
    const { unreported, size } = this
    if (unreported >= MUCH * size) return unreported
    const since = now - this.reportedAt
    if (unreported >= (MUCH * size) / 10 ? since >= SOON_MS : since >= LATER_MS) {
      if (since === Infinity || unreported >= (NOTHING * this.rate * since) / 1000) return unreported
      this.unreported = 0
      this.reportedAt = now
    }
    return 0
  }

  /** There is nothing to tell, and nothing to remember. */
  isIdle(now: number): boolean {
    return this.unreported === 0 && this.level(now) >= this.size
  }

  /** So much of what is `due` is on its way to the others. */
  reporting(amount: number, now: number): void {
    this.unreported -= amount
    this.reportedAt = now
  }

  /** They did not get it. */
  notReported(amount: number): void {
    this.unreported += amount
  }

  /** What all instances together had left, what this one reported taken off. */
  know(level: number, now: number): void {
    this.tokens = level - this.unreported
    this.at = now
  }

  private level(now: number): number {
    return Math.min(this.size, this.tokens + (Math.max(0, now - this.at) / 1000) * this.rate)
  }
}
