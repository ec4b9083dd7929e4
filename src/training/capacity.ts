import { availableParallelism, totalmem } from 'node:os'
import type { Config } from '../platform/config.js'
import type { Engine } from '../platform/tensorflow.js'

const MIB = 2 ** 20
/** The service's own code and buffers, and the shared memory of an embedded database. */
const SERVICE_BYTES = 400 * MIB
// More runs than this read from one database at once, and their results wait for one another there.
const MOST_RUNS = 8
// A step has a handful of rows to share out, and its weights are updated by one thread.
const MOST_THREADS = 4

/** The memory that this process may use, in bytes: the machine's, or less where a container has a limit. */
export function machineMemory(): number {
  const limit = process.constrainedMemory()
  // 0 or more than there is: no limit.
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/** Bytes of `memory` that stay with the service while runs go on. */
export const keptForService = (config: Pick<Config, 'roles' | 'modelMemoryMb'>): number =>
  SERVICE_BYTES + (config.roles.includes('api') ? config.modelMemoryMb * MIB : 0)

/**
 * How many runs a trainer works on at once: one a core, since several runs use the cores better than several threads of
 * one (`threadsOf`); one where they would share a GPU.
 */
export function runsAtOnce(engine: Engine, limit: number | undefined, cores = availableParallelism()): number {
  if (engine === 'cuda' || engine === 'webgpu') return 1
  return limit ?? Math.max(1, Math.min(MOST_RUNS, cores))
}

/**
 * How many threads a run that starts now may use: its share of the cores, of which one is left to requests where this
 * process answers any. A GPU is one for all.
 * @param runs that go on here then, this one counted
 */
export function threadsOf(
  engine: Engine,
  runs: number,
  { roles }: Pick<Config, 'roles'>,
  cores = availableParallelism(),
): number {
  if (engine === 'cuda' || engine === 'webgpu') return 1
  return Math.max(1, Math.min(MOST_THREADS, Math.floor((cores - (roles.includes('api') ? 1 : 0)) / Math.max(1, runs))))
}

/** The memory that a trainer has for its runs, shared by those that go on at once. */
export class Capacity {
  private readonly taken = new Map<string, number>()
  private readonly callbacks = new Set<() => void>()
  private waiting = false

  /** @param bytes for all runs together */
  constructor(readonly bytes: number) {}

  /** Whether a run waits here for another one's memory: until that one ends, smaller ones must not get in before it. */
  get isWaitedFor(): boolean {
    return this.waiting
  }

  /** How many go on. */
  get runs(): number {
    return this.taken.size
  }

  /** Bytes that no run has. */
  get free(): number {
    return this.bytes - [...this.taken.values()].reduce((sum, value) => sum + value, 0)
  }

  /** @returns 'never': not even by itself; 'later': when a run that goes on here has ended */
  take(run: string, bytes: number): 'taken' | 'later' | 'never' {
    if (bytes > this.bytes) return 'never'
    if (bytes > this.free) {
      this.waiting = true
      return 'later'
    }
    this.taken.set(run, bytes)
    return 'taken'
  }

  /** Gives back what a run had, if it had something. */
  release(run: string): void {
    if (!this.taken.delete(run)) return
    this.waiting = false
    for (const callback of this.callbacks) callback()
  }

  onRelease(callback: () => void): void {
    this.callbacks.add(callback)
  }
}
