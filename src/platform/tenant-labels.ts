/** Stands for every tenant that has no label of its own; so does a tenant that is really called so. */
export const OTHER_TENANTS = 'other'

const RANK_EVERY_MS = 60_000
/** What a tenant did counts half after ten minutes. */
const KEPT_OF_A_MINUTE = 2 ** -0.1
/** Less than this is forgotten: a single request, after about an hour. */
const FORGOTTEN = 0.01
/** A tenant has to be so much busier than the one whose place it takes: equals would change places for ever. */
const BUSIER = 2

/**
 * Which tenants metrics name: the busiest, and no more than so many, since each name is a time series for every metric and
 * every other label. All others are one. Who is busy is judged anew once a minute.
 */
export class TenantLabels {
  private readonly activity = new Map<string, number>()
  private readonly named = new Set<string>()
  private rankedAt: number

  /** @param onLeave told of a tenant that is named no longer */
  constructor(
    private readonly most: number,
    private readonly onLeave: (tenantId: string) => void,
    private readonly now: () => number = Date.now,
  ) {
    this.rankedAt = now()
  }

  /** The label of a tenant that has just done so much. */
  of(tenantId: string, amount: number): string {
    if (this.now() - this.rankedAt >= RANK_EVERY_MS) this.rank()
    this.activity.set(tenantId, (this.activity.get(tenantId) ?? 0) + amount)
    if (this.named.has(tenantId)) return tenantId
    // While there is room, nobody waits to be ranked.
    if (this.named.size >= this.most || tenantId === OTHER_TENANTS) return OTHER_TENANTS
    this.named.add(tenantId)
    return tenantId
  }

  private rank(): void {
    const minutes = Math.floor((this.now() - this.rankedAt) / RANK_EVERY_MS)
    this.rankedAt += minutes * RANK_EVERY_MS
    const kept = KEPT_OF_A_MINUTE ** minutes
    for (const [tenantId, activity] of this.activity) {
      if (activity * kept < FORGOTTEN) this.activity.delete(tenantId)
      else this.activity.set(tenantId, activity * kept)
    }
    const of = (tenantId: string) => this.activity.get(tenantId) ?? 0
    const weakestFirst = [...this.named].sort((a, b) => of(a) - of(b))
    const least = weakestFirst.length > 0 ? of(weakestFirst[0]) : Infinity
    const busier = [...this.activity.keys()].filter(
      (tenantId) => !this.named.has(tenantId) && tenantId !== OTHER_TENANTS && of(tenantId) > BUSIER * least,
    )
    busier.sort((a, b) => of(b) - of(a))
    for (const [place, tenantId] of busier.slice(0, weakestFirst.length).entries()) {
      const weakest = weakestFirst[place]
      if (of(tenantId) <= BUSIER * of(weakest)) break
      this.named.delete(weakest)
      this.named.add(tenantId)
      this.onLeave(weakest)
    }
  }
}
