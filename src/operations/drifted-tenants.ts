import { Inject, Injectable } from '@nestjs/common'
import { DriftService } from '../monitoring/drift.service.js'
import { reasonOf } from '../training/drift-trigger.js'

/** Drift moves by days, and of many tenants it takes a while to look at: in a list it is told again for so long. */
const TOLD_AGAIN_MS = 10 * 60_000
const AT_ONCE = 200

interface Served {
  tenantId: string
  versionId: string | null
}

interface Known {
  versionId: string | null
  /** Null: it has not drifted far. */
  words: string | null
  at: number
}

/** Which tenants are far from what their versions were trained on. */
@Injectable()
export class DriftedTenants {
  private readonly known = new Map<string, Known>()

  constructor(@Inject(DriftService) private readonly drift: DriftService) {}

  /** In words what has drifted, of those that have. One tenant is looked at anew. */
  async of(served: Served[], now: number): Promise<Map<string, string>> {
    for (const [tenantId, { at }] of this.known) if (now - at >= TOLD_AGAIN_MS) this.known.delete(tenantId)
    const asked = served.filter(
      ({ tenantId, versionId }) => served.length === 1 || this.known.get(tenantId)?.versionId !== versionId,
    )
    for (let from = 0; from < asked.length; from += AT_ONCE) await this.look(asked.slice(from, from + AT_ONCE), now)
    return new Map(
      served.flatMap(({ tenantId }) => {
        const words = this.known.get(tenantId)?.words
        return words ? [[tenantId, words] as const] : []
      }),
    )
  }

  private async look(asked: Served[], now: number): Promise<void> {
    const found = await this.drift.of(
      asked.map(({ tenantId }) => tenantId),
      new Date(now),
    )
    const wordsOf = new Map(found.map((drift) => [drift.tenantId, reasonOf({ onDrift: 'strong' }, drift)]))
    for (const { tenantId, versionId } of asked)
      this.known.set(tenantId, { versionId, words: wordsOf.get(tenantId) ?? null, at: now })
  }
}
