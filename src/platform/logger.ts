import type { LoggerService } from '@nestjs/common'
import { pino, type Logger as PinoLogger } from 'pino'

export type Logger = PinoLogger

/** JSON lines on standard output; keys and passwords never reach them. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: undefined,
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
