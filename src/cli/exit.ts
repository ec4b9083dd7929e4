import { CommanderError } from 'commander'
import { AttuneError } from '../client/index.js'
import { AppError } from '../platform/errors.js'

/** How a command ended, for scripts. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** The command, its flags or its settings are wrong: nothing was done. */
  usage: 2,
  /** Done, but not all of it: entries that were refused, a version that the gate rejected, letters that were kept. */
  partly: 3,
  /** The service could not be reached or was not ready: the same command may succeed later. */
  away: 4,
  /** There is no key, or it is unknown, or it may not do this. */
  denied: 5,
} as const

export const EXIT_HELP = `
Ends with 0: done; 1: failed; 2: used wrongly; 3: done in part, with entries refused, a version rejected or
letters kept; 4: the service could not be reached, try again; 5: no key, or one that may not do this.`

/** A command that cannot be carried out as it was given. */
export class UsageError extends Error {}

/** No key where one is needed. */
export class NoKeyError extends Error {}

export function exitCodeOf(error: unknown): number {
  // Help and the version were asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof NoKeyError) return EXIT.denied
  if (!(error instanceof AttuneError)) return EXIT.failed
  if (error.code === 'INVALID_OPTION' || error.status === 400) return EXIT.usage
  if (error.status === 401 || error.status === 403) return EXIT.denied
  return error.retryable ? EXIT.away : EXIT.failed
}

export function wordsOf(error: unknown): string {
  if (error instanceof AttuneError)
    return `${error.message} (${[error.code, error.requestId && `request ${error.requestId}`].filter(Boolean).join(', ')})`
  if (error instanceof AppError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
