/** Why a promotion was made: by the gate, by hand, by hand against the gate, or back to what was before. */
export type PromotionKind = 'automatic' | 'manual' | 'forced' | 'rollback'

export interface Promotion {
  promotionId: string
  /** Null: the base. */
  versionId: string | null
  kind: PromotionKind
  actor: string
  promotedAt: Date
}

/** What happened to a version after it was made. */
export interface VersionEvent {
  at: Date
  event: 'promoted' | 'rolled-back' | 'restored'
  kind: PromotionKind
  actor: string
  /** Why, where somebody said so. */
  reason: string | null
}

/**
 * What was served, oldest first, with everything taken off that was rolled back: the last entry is served now, the one
 * before it is where a rollback leads. A second rollback therefore goes one further back, never to and fro.
 * @param history all promotions of a tenant, oldest first
 */
export function servedBefore(history: Pick<Promotion, 'versionId' | 'kind'>[]): (string | null)[] {
  const served: (string | null)[] = []
  for (const { versionId, kind } of history) {
    if (kind === 'rollback') served.pop()
    else served.push(versionId)
  }
  return served
}
