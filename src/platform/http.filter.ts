import { STATUS_CODES } from 'node:http'
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError, isPassing } from './errors.js'
import { LOGGER, type Logger } from './logger.js'

const CODES: Record<number, string> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  409: 'CONFLICT',
  413: 'TOO_LARGE',
  414: 'TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS',
  431: 'TOO_LARGE',
}

/** Any error as the one that a client is told. Unknown ones become 500 (or 503 where they may pass) without their message. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const status = statusOf(error)
  if (status !== undefined && status < 500) {
    const message = error instanceof Error ? error.message : 'The request is malformed.'
    return new AppError(CODES[status] ?? 'BAD_REQUEST', message, { status, cause: error })
  }
  if (isPassing(error))
    return new AppError('NOT_READY', 'Something that this needs is away for a moment. Try again.', {
      status: 503,
      retryable: true,
      retryAfter: 2,
      cause: error,
    })
  return new AppError('INTERNAL', 'Something went wrong here. The request id finds it in the log.', {
    status: 500,
    cause: error,
  })
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus()
  // Fastify's own errors: a body that does not parse, that is too large, a media type that nobody reads.
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') return error.statusCode
  return undefined
}

/** RFC 9457 body of an error. */
export function problem(error: AppError, requestId: string) {
  return {
    type: `urn:attune:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title: STATUS_CODES[error.status] ?? 'Error',
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.errors && { errors: error.errors }),
    ...error.extra,
    requestId,
  }
}

/** Every error leaves through here, in one shape; never a stack trace. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost) {
    const http = host.switchToHttp()
    sendProblem(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.logger)
  }
}

export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger) {
  const error = toAppError(thrown)
  // Bad input is the client's matter, and "not ready" is said on purpose: neither is an error of this service.
  const expected = error.status < 500 || (error.status === 503 && thrown instanceof AppError)
  // A head that can't be read fails before the request has a context.
  const about = { requestId: request.id, code: error.code, status: error.status }
  if (expected) logger.debug(about, 'request refused')
  else logger.error({ ...about, err: error.cause ?? error }, 'request failed')
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy()
    return
  }
  const retryAfter = error.retryAfter ?? (error.status === 503 || error.status === 429 ? 1 : undefined)
  if (retryAfter !== undefined) void reply.header('retry-after', String(Math.ceil(retryAfter)))
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer')
  void reply
    .status(error.status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problem(error, request.id)))
}
