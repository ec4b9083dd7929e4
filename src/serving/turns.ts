/** Enough that one works while others wait for the database: more of one tenant's would only wait in front of the others'. */
const AT_ONCE = 4

/**
 * Lets only so many answers of one tenant be worked on at once, the others of his wait in their order. What comes in at once
 * is answered as soon as before, since there is one core to do it; but who else asks meanwhile finds a few before him, at the
 * core and at the database's connections, and not all of a burst.
 */
export class Turns {
  private readonly working = new Map<string, number>()
  private readonly waiting = new Map<string, (() => void)[]>()

  constructor(private readonly atOnce = AT_ONCE) {}

  /** Of all tenants. */
  get waitingCount(): number {
    let count = 0
    for (const queue of this.waiting.values()) count += queue.length
    return count
  }

  /** Does the work when it is its turn. @throws what the work throws */
  async take<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    const working = this.working.get(tenantId) ?? 0
    if (working < this.atOnce) this.working.set(tenantId, working + 1)
    // Whoever is done hands his place over, so that nobody comes in between.
    else await new Promise<void>((resolve) => this.queueOf(tenantId).push(resolve))
    try {
      return await work()
    } finally {
      this.handOver(tenantId)
    }
  }

  private queueOf(tenantId: string): (() => void)[] {
    const queue = this.waiting.get(tenantId) ?? []
    this.waiting.set(tenantId, queue)
    return queue
  }

  private handOver(tenantId: string): void {
    const queue = this.waiting.get(tenantId)
    const next = queue?.shift()
    if (queue?.length === 0) this.waiting.delete(tenantId)
    if (next) return next()
    const left = (this.working.get(tenantId) ?? 1) - 1
    if (left > 0) this.working.set(tenantId, left)
    else this.working.delete(tenantId)
  }
}
