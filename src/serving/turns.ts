// One works while the other waits for the database: more of one tenant's would only wait in front of the others'.
const BESIDE_OTHERS = 2
// Whoever has the instance to himself keeps nobody waiting but himself.
const ALONE = 16
/** A tenant who asked within this time is one that could be kept waiting. */
const RECENT_MS = 2000

interface Seen {
  tenantId: string
  at: number
}

/**
 * Lets only so many answers of one tenant be worked on at once while others ask, too: the rest of his wait in their order.
 * What came at once is answered as soon as before, since there is one core to do it; but who else asks meanwhile finds two
 * before him, at the core and at the database's connections, and not all of a burst.
 */
export class Turns {
  private readonly working = new Map<string, number>()
  private readonly waiting = new Map<string, (() => void)[]>()
  /** The two tenants who asked last, the newer first. */
  private seen: Seen[] = []

  /** Of all tenants. */
  get waitingCount(): number {
    let count = 0
    for (const queue of this.waiting.values()) count += queue.length
    return count
  }

  /** Does the work when it is its turn. @throws what the work throws */
  async take<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    const now = Date.now()
    this.note(tenantId, now)
    const working = this.working.get(tenantId) ?? 0
    if (working < this.mostOf(tenantId, now)) this.working.set(tenantId, working + 1)
    // Whoever is done hands his place over, so that nobody comes in between.
    else await new Promise<void>((resolve) => this.queueOf(tenantId).push(resolve))
    try {
      return await work()
    } finally {
      this.handOver(tenantId)
    }
  }

  private mostOf(tenantId: string, now: number): number {
    const other = this.seen.find((one) => one.tenantId !== tenantId)
    return other && now - other.at < RECENT_MS ? BESIDE_OTHERS : ALONE
  }

  private note(tenantId: string, now: number): void {
    const other = this.seen.find((one) => one.tenantId !== tenantId)
    this.seen = [{ tenantId, at: now }, ...(other ? [other] : [])]
  }

  private queueOf(tenantId: string): (() => void)[] {
    const queue = this.waiting.get(tenantId) ?? []
    this.waiting.set(tenantId, queue)
    return queue
  }

  private handOver(tenantId: string): void {
    const working = this.working.get(tenantId) ?? 1
    const queue = this.waiting.get(tenantId)
    // There may be more at work than now have a turn: they came while he was alone.
    const next = working <= this.mostOf(tenantId, Date.now()) ? queue?.shift() : undefined
    if (queue?.length === 0) this.waiting.delete(tenantId)
    if (next) return next()
    if (working > 1) this.working.set(tenantId, working - 1)
    else this.working.delete(tenantId)
  }
}
