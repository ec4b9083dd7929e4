/** Refusals that a tenant is given at once within a second. Whoever heeds `Retry-After` hardly gets so many. */
const AT_ONCE = 20
/** Whoever doesn't wait for the second that `Retry-After` tells him at least is made to wait for it. */
const HOLD_MS = 1000
/** Between two that are let go: those of many connections that came together must not come together again. */
const APART_MS = 2
/** Each keeps a connection, and what of its body came with the head. What is past this is refused at once. */
const MOST = 500
const MOST_OF_ONE = 100

interface Held {
  tenantId: string
  due: number
  answer: () => void
}

/**
 * Makes tenants that go on and on past their quota wait for each further refusal, as far as there is room: a connection
 * that waits sends nothing, so that what they cost the others does not grow with how fast they could send.
 */
export class HeldRefusals {
  /** Oldest first; all are held equally long. */
  private readonly held: Held[] = []
  private readonly heldOf = new Map<string, number>()
  private readonly atOnce = new Map<string, number>()
  private second = 0
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  get size(): number {
    return this.held.length
  }

  /** Calls `answer` when it is time: mostly now. @param now milliseconds */
  hold(tenantId: string, now: number, answer: () => void): void {
    if (!this.mustWait(tenantId, now)) return answer()
    this.heldOf.set(tenantId, (this.heldOf.get(tenantId) ?? 0) + 1)
    this.held.push({ tenantId, due: Math.max(now + HOLD_MS, (this.held.at(-1)?.due ?? 0) + APART_MS), answer })
    this.timer ??= setTimeout(() => this.letGo(), HOLD_MS)
  }

  /** Lets go of all, and holds nothing from now on. */
  stop(): void {
    this.stopped = true
    this.letGo(Infinity)
  }

  private mustWait(tenantId: string, now: number): boolean {
    const second = Math.floor(now / 1000)
    if (second !== this.second) {
      this.second = second
      this.atOnce.clear()
    }
    const told = this.atOnce.get(tenantId) ?? 0
    this.atOnce.set(tenantId, told + 1)
    const ofIt = this.heldOf.get(tenantId) ?? 0
    return told >= AT_ONCE && ofIt < MOST_OF_ONE && this.held.length < MOST && !this.stopped
  }

  private letGo(until = Date.now()): void {
    clearTimeout(this.timer)
    this.timer = undefined
    let count = 0
    while (count < this.held.length && this.held[count].due <= until) count++
    for (const { tenantId, answer } of this.held.splice(0, count)) {
      const left = (this.heldOf.get(tenantId) ?? 1) - 1
      if (left > 0) this.heldOf.set(tenantId, left)
      else this.heldOf.delete(tenantId)
      answer()
    }
    if (this.held.length > 0) this.timer = setTimeout(() => this.letGo(), Math.max(1, this.held[0].due - Date.now()))
  }
}
