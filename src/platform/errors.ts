export interface FieldProblem {
  /** Where in the body, query or path, as `items.3.price`. */
  path: string
  message: string
}

interface AppErrorOptions {
  /** HTTP status; 400 unless said. */
  status?: number
  /** Whether the same call may succeed later without being changed. */
  retryable?: boolean
  /** What a client is told beside the message: fields that failed, or ids it can follow. */
  errors?: FieldProblem[]
  extra?: Record<string, unknown>
  /** Seconds after which a retry makes sense; sent as `Retry-After`. */
  retryAfter?: number
  cause?: unknown
}

/**
 * The one error class. The HTTP filter, the Kafka consumer and the training run read the same three fields
 * (`code`, `status`, `retryable`) and never compare messages.
 */
export class AppError extends Error {
  readonly status: number
  readonly retryable: boolean
  readonly errors?: FieldProblem[]
  readonly extra?: Record<string, unknown>
  readonly retryAfter?: number

  /** @param code stable, upper snake case @param message said to the client: no secrets, no SQL */
  constructor(
    readonly code: string,
    message: string,
    options: AppErrorOptions = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'AppError'
    this.status = options.status ?? 400
    this.retryable = options.retryable ?? this.status >= 500
    this.errors = options.errors
    this.extra = options.extra
    this.retryAfter = options.retryAfter
  }
}

export const notFound = (what: string, id: string) =>
  new AppError('NOT_FOUND', `There is no ${what} '${id.slice(0, 256)}'.`, { status: 404 })

/**
 * SQLSTATE classes in which the statement was right and the moment was wrong: connection (08), transaction rollback
 * as in deadlock (40), resources (53), operator intervention as in a restart (57), lock not available (55P03).
 */
const PASSING_SQLSTATE = /^(08|40|53|57|55P03)/
const PASSING_SYSTEM_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'])
/** node-postgres, its pool and TypeORM (of a connection that broke between two statements) say these without a code. */
const PASSING_MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|not queryable|driver not connected|query runner already released/i

/** Whether an error from anywhere below may pass by itself, so that the same work is worth doing again. Total: unknown errors answer no. */
export function isPassing(error: unknown): boolean {
  if (error instanceof AppError) return error.retryable
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (PASSING_SQLSTATE.test(code) || PASSING_SYSTEM_CODES.has(code)) return true
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(isPassing)
  if (!code && PASSING_MESSAGES.test(error.message)) return true
  return 'driverError' in error && error.driverError !== error && isPassing(error.driverError)
}
