/** Why a promotion was made: by the gate, by hand, by hand against the gate, or back to what was before. */
export type PromotionKind = 'automatic' | 'manual' | 'forced' | 'rollback'

export interface Promotion {
  promotionId: string
  /** Null: back to the base. */
  versionId: string | null
  kind: PromotionKind
  actor: string
  promotedAt: Date
}

/**
 * What was served, oldest first, with everything taken off that was rolled back: the last entry is served now, the one
 * before it is where a rollback leads. A second rollback therefore goes one further back, never to and fro.
 * @param history all promotions of a tenant, oldest first
 */
export function servedBefore(history: Pick<Promotion, 'versionId' | 'kind'>[]): string[] {
  const served: string[] = []
  for (const { versionId, kind } of history) {
    if (kind === 'rollback') served.pop()
    else if (versionId !== null) served.push(versionId)
  }
  return served
}
