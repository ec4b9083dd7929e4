import { AsyncLocalStorage } from 'node:async_hooks'
import type { Span } from '@opentelemetry/api'

/** What the code that runs at this moment works for: each line of the log says so. */
export interface WorkContext {
  requestId?: string
  tenant?: string
  /** A training run. */
  run?: string
  /** Where there are traces: the one that this is a part of. */
  span?: Span
}

const storage = new AsyncLocalStorage<WorkContext>()

/** Undefined where nobody said. */
export const workContext = (): WorkContext | undefined => storage.getStore()

/** Runs `work`, and all that it waits for, within what holds already and this. */
export const within = <T>(context: WorkContext, work: () => T): T =>
  storage.run({ ...storage.getStore(), ...context }, work)

/** Runs what goes on beside the work, again and again: in its trace it would be nothing but noise. */
export const untraced = <T>(work: () => T): T => within({ span: undefined }, work)

/**
 * Runs what belongs to nobody in particular, though somebody happens to set it off: a timer or a connection that many
 * share must not be told of as that one's.
 */
export const detached = <T>(work: () => T): T => storage.exit(work)
