import type { LoggerService } from '@nestjs/common'
import { pino, type Logger as PinoLogger } from 'pino'

export type Logger = PinoLogger

/**
 * What of an error may be kept: a database error carries its statement and all values with it, which are a tenant's events
 * or the hash of a key.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code, table, constraint } = error as { code?: unknown; table?: unknown; constraint?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(code !== undefined && { code }),
    ...(table !== undefined && { table }),
    ...(constraint !== undefined && { constraint }),
    stack: error.stack,
    ...(error.cause instanceof Error && { cause: describeError(error.cause) }),
  }
}

/** JSON lines on standard output; keys, passwords and the values of statements never reach them. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: undefined,
    serializers: { err: describeError },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['authorization', '*.authorization', 'apiKey', '*.apiKey', 'password', '*.password', '*.operatorKey'],
      censor: '***',
    },
  })
}

/** Nest's own messages through the same logger: `nestjs-pino` has no version for both Nest 12 and Node 20. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]) {
    this.logger.debug({ context: rest.at(-1) }, String(message))
  }
  error(message: unknown, ...rest: unknown[]) {
    this.logger.error(
      { context: rest.at(-1) },
      message instanceof Error ? (message.stack ?? message.message) : String(message),
    )
  }
  warn(message: unknown, ...rest: unknown[]) {
    this.logger.warn({ context: rest.at(-1) }, String(message))
  }
  debug(message: unknown, ...rest: unknown[]) {
    this.logger.debug({ context: rest.at(-1) }, String(message))
  }
  verbose(message: unknown, ...rest: unknown[]) {
    this.logger.trace({ context: rest.at(-1) }, String(message))
  }
}

/** Injection token of the process's logger. */
export const LOGGER = Symbol('logger')
