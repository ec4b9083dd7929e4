interface Details {
  status?: number
  /** As the service sent it (RFC 9457), with fields of its own such as the id of the run in progress. */
  problem?: Record<string, unknown>
  retryable?: boolean
  /** Seconds after which the service wants to be asked again. */
  retryAfter?: number
  cause?: unknown
}

/** Statuses that say nothing about the request: over quota, not ready, and a proxy that did not reach the service. */
const RETRYABLE = new Set([429, 502, 503, 504])

/**
 * The one error of this client. `code` is the service's own where it answered, else NETWORK (it was not reached),
 * TIMEOUT, BAD_ANSWER (something else than the service answered) or INVALID_OPTION.
 */
export class AttuneError extends Error {
  /** Of the answer; undefined where there was none. */
  readonly status?: number
  readonly title?: string
  readonly type?: string
  /** Which fields of the request do not fit. */
  readonly errors?: { path: string; message: string }[]
  /** Finds the request in the log of the service. */
  readonly requestId?: string
  /** Whether the same call may succeed later without being changed. */
  readonly retryable: boolean
  readonly retryAfter?: number
  readonly problem?: Readonly<Record<string, unknown>>

  constructor(
    readonly code: string,
    message: string,
    { status, problem, retryable, retryAfter, cause }: Details = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'AttuneError'
    this.status = status
    this.retryable = retryable ?? (status !== undefined && RETRYABLE.has(status))
    this.retryAfter = retryAfter
    this.problem = problem
    this.title = textOf(problem?.title)
    this.type = textOf(problem?.type)
    this.requestId = textOf(problem?.requestId)
    this.errors = Array.isArray(problem?.errors) ? (problem.errors as AttuneError['errors']) : undefined
  }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined)

/** An answer that is none of success, as an error. @param text its body */
export function errorOf(response: Response, text: string): AttuneError {
  const { status } = response
  const problem = objectOf(text)
  const retryAfter = secondsOf(response.headers.get('retry-after'))
  const code = textOf(problem?.code)
  if (code === undefined)
    return new AttuneError('BAD_ANSWER', `${status} from something that is not Attune`, { status, retryAfter })
  return new AttuneError(code, messageOf(problem, code), { status, problem, retryAfter })
}

function messageOf(problem: Record<string, unknown> | undefined, code: string): string {
  const fields = Array.isArray(problem?.errors) ? (problem.errors as { path?: unknown; message?: unknown }[]) : []
  const detail = textOf(problem?.detail) ?? code
  const said = fields.slice(0, 5).map(({ path, message }) => `${String(path)}: ${String(message)}`)
  // Of a problem that is one field's alone, the detail may say all of it already.
  const more = said.filter((text) => !detail.includes(text)).join('; ')
  return more === '' ? detail : `${detail} ${more}`
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** `Retry-After` is a number of seconds, or a date where a proxy wrote it. */
function secondsOf(header: string | null): number | undefined {
  if (header === null || header.trim() === '') return undefined
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined
}
