import { FORGOTTEN_WITHIN_MS } from '../events/users.service.js'
import { Loop } from '../platform/loop.js'
import type { LiveModel } from './live-model.js'
import type { ModelBuilder } from './model-builder.service.js'
import type { Entry, ModelCache } from './model-cache.js'

/** Whoever was erased stays in a model until it is built anew, but no longer than this: the rest is for noticing it. */
export const DROP_ERASED_AFTER_MS = FORGOTTEN_WITHIN_MS - 10_000
const LOOK_EVERY_MS = 1000

interface Remedies {
  isIdle(entry: Entry): boolean
  drop(entry: Entry): void
  rebuild(entry: Entry): void
  failed(error: unknown): void
}

/**
 * Sees to it that no model goes on counting an erased user. It goes by what is stored, in one query for all models, so that
 * a notification that was lost, or that came while a model was being built, is made up for: such a model is built once more.
 */
export class ErasureWatch {
  // A loop of its own: a tenant with much to catch up on must not hold up another one's erasure.
  private readonly loop: Loop

  constructor(
    private readonly cache: ModelCache,
    private readonly builder: ModelBuilder,
    private readonly remedies: Remedies,
  ) {
    this.loop = new Loop(
      () => this.look(),
      LOOK_EVERY_MS,
      (error) => remedies.failed(error),
    )
  }

  start(): void {
    this.loop.start()
  }

  /** Looks now. */
  wake(): void {
    this.loop.wake()
  }

  stop(): Promise<void> {
    return this.loop.stop()
  }

  private async look(): Promise<void> {
    const served = this.cache.loaded().map((entry) => [entry, entry.model] as const)
    const models = served.map(([, model]) => model).filter((model): model is LiveModel => model !== null)
    const knowing = await this.builder.knowingErased(models)
    for (const [entry, model] of served) {
      const ago = model && knowing.get(model)
      // Replaced or put away while this looked: the next look is for what is there then.
      if (typeof ago !== 'number' || entry.model !== model || !this.cache.has(entry)) continue
      if (this.remedies.isIdle(entry) || ago >= DROP_ERASED_AFTER_MS) this.remedies.drop(entry)
      else this.remedies.rebuild(entry)
    }
  }
}
