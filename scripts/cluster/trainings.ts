import type { Cluster } from './cluster.js'
import type { Load } from './load.js'
import type { Shop } from './shop.js'
import { pause, until } from './system.js'

/** How often somebody asks for a training: mostly one of the tenants is at it. */
const ASK_EVERY_MS = 10_000
/** Two leases of thirty seconds, and what a small training takes on a busy machine. */
const END_WITHIN_MS = 180_000

/** Asks for trainings, every second time for the first tenant and in between for one of the others, until stopped. */
export class Trainings {
  private readonly stopping = new AbortController()
  private readonly asking: Promise<void>

  constructor(
    private readonly cluster: Cluster,
    private readonly load: Load,
    private readonly shops: Shop[],
  ) {
    this.asking = this.ask()
  }

  /** Asks for no more, and waits for the end of those that were asked for; returns where they do not come to one. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.asking
    await until('the end of all runs', async () => (await this.live()) === 0, END_WITHIN_MS, 500).catch(() => undefined)
  }

  private async ask(): Promise<void> {
    for (let turn = 0; !this.stopping.signal.aborted; turn++) {
      const [first, ...others] = this.shops
      await requestRun(this.load, turn % 2 === 0 ? first : others[((turn - 1) / 2) % others.length])
      for (let waited = 0; waited < ASK_EVERY_MS && !this.stopping.signal.aborted; waited += 100) await pause(100)
    }
  }

  private async live(): Promise<number> {
    const [{ n }] = await this.cluster.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM training_runs WHERE finished_at IS NULL`,
    )
    return n
  }
}

/** @returns the run's id; undefined where one goes on already, or nobody could take the request */
export async function requestRun(load: Load, { id, key }: Shop): Promise<string | undefined> {
  const path = `/v1/tenants/${id}/training-runs`
  const answer = await load.caller.ask({
    kind: 'training',
    method: 'POST',
    path,
    key,
    body: { from: 'base', force: true },
  })
  if (!answer || [409, 503].includes(answer.status)) return undefined
  if (answer.status === 202) return (JSON.parse(answer.body) as { id: string }).id
  load.ledger.fault('training', answer.status, answer.body.slice(0, 300))
  return undefined
}
