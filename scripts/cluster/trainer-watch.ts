import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import type { Cluster } from './cluster.js'
import { pause, systemProcesses } from './system.js'

const LOOK_EVERY_MS = 250

/** Looks at the machine's processes for trainings: what works on which run is seen there, whatever the database says. */
export class TrainerWatch {
  /** By seed, the most processes of living trainers that worked on it at one moment. */
  private readonly most = new Map<string, number>()
  /** By process, how often it was seen after its trainer had gone. */
  private readonly orphans = new Map<number, { seed: string; seen: number }>()
  private readonly stopping = new AbortController()
  private readonly looking: Promise<void>

  constructor(private readonly cluster: Cluster) {
    this.looking = this.look()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.looking
  }

  /** Of these runs, those that two trainers worked on at once. */
  doubled(runIds: string[]): string[] {
    return runIds.filter((id) => (this.most.get(seedOf(id)) ?? 0) > 1)
  }

  /** How long a training went on for at most after its trainer was killed, in seconds. */
  longestOrphan(runIds: string[]): number {
    const seeds = new Set(runIds.map(seedOf))
    const seen = [...this.orphans.values()].filter(({ seed }) => seeds.has(seed)).map((orphan) => orphan.seen)
    return (Math.max(0, ...seen) * LOOK_EVERY_MS) / 1000
  }

  private async look(): Promise<void> {
    for (; !this.stopping.signal.aborted; await pause(LOOK_EVERY_MS)) {
      const trainers = new Set(this.cluster.services.filter(({ role }) => role === 'trainer').map(({ pid }) => pid))
      const held = new Map<string, number>()
      for (const { pid, parent, args } of await systemProcesses()) {
        const place = args.findIndex((arg) => basename(arg) === 'child.js')
        if (place < 0) continue
        const seed = args[place + 2]
        if (trainers.has(parent)) held.set(seed, (held.get(seed) ?? 0) + 1)
        else this.orphans.set(pid, { seed, seen: (this.orphans.get(pid)?.seen ?? 0) + 1 })
      }
      for (const [seed, count] of held) this.most.set(seed, Math.max(count, this.most.get(seed) ?? 0))
    }
  }
}

/** As the trainer makes it of the run's id. */
const seedOf = (runId: string) => String(createHash('sha256').update(runId).digest().readUInt32LE(0))
