import type { LoggerService } from '@nestjs/common'
import { type DestinationStream, type LoggerOptions, pino, type Logger as PinoLogger } from 'pino'
import { sqlState } from './halving.js'
import { workContext } from './work-context.js'

export type Logger = PinoLogger

/** SQLSTATE class of a value that the database could not read: its message repeats the value. */
const DATA_EXCEPTION = '22'

/**
 * What of an error may be kept: a database error carries its statement and all values with it, which are a tenant's events
 * or the hash of a key.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const repeats = sqlState(error).startsWith(DATA_EXCEPTION)
  const { code, table, constraint } = error as { code?: unknown; table?: unknown; constraint?: unknown }
  return {
    type: error.name,
    message: repeats ? 'the database could not read a value' : error.message,
    ...(code !== undefined && { code }),
    ...(table !== undefined && { table }),
    ...(constraint !== undefined && { constraint }),
    stack: framesOf(error),
    ...(error.cause instanceof Error && { cause: describeError(error.cause) }),
  }
}

/** The stack without the message, which is told beside it, or must not be. */
const framesOf = ({ stack = '' }: Error) => stack.slice(Math.max(0, stack.search(/\n\s+at /))).trim()

/** Where somebody traces, the trace of a line can be looked up. */
function contextOfLine(): object {
  const { span, ...context } = workContext() ?? {}
  return span ? { ...context, traceId: span.spanContext().traceId } : context
}

/**
 * JSON lines on standard output, each with the request, the tenant and the training run that it is about, where there is
 * one. Keys, passwords, the values of statements and what users are called never reach them.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: undefined,
    serializers: { err: describeError },
    formatters: { level: (label) => ({ level: label }) },
    mixin: contextOfLine,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['authorization', '*.authorization', 'apiKey', '*.apiKey', 'password', '*.password', '*.operatorKey'],
      censor: '***',
    },
  }
  return destination ? pino(options, destination) : pino(options)
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
