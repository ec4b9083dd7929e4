/** An answer that is an error, as the service tells it (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: { path: string; message: string }[] = [],
  ) {
    super(message)
  }
}

export const isProblem = (error: unknown): error is Problem => error instanceof Problem

/** Given by the session; sent with everything that changes something. */
let csrfToken: string | null = null
export const setCsrfToken = (token: string | null) => (csrfToken = token)

interface Options {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  body?: unknown
  signal?: AbortSignal
}

/**
 * Calls the service by the session's cookie. Nothing here is beyond the REST contract that any client has.
 * @throws Problem
 */
export async function call<T>(path: string, { method = 'GET', body, signal }: Options = {}): Promise<T> {
  const response = await fetch(path, {
    method,
    signal,
    credentials: 'same-origin',
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(method !== 'GET' && csrfToken !== null && { 'x-csrf-token': csrfToken }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  const answer: unknown = text === '' ? undefined : parse(text)
  if (response.ok) return answer as T
  const problem = (answer ?? {}) as { code?: string; detail?: string; title?: string; errors?: Problem['errors'] }
  throw new Problem(
    response.status,
    problem.code ?? `HTTP_${response.status}`,
    problem.detail ?? problem.title ?? `The service answered ${response.status}.`,
    problem.errors,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The path of a tenant's call. */
export const of = (tenant: string, path = '') => `/v1/tenants/${encodeURIComponent(tenant)}${path}`

/** With those parameters that are set. */
export function query(path: string, parameters: Record<string, string | number | undefined>): string {
  const set = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '')
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set.map(([k, v]) => [k, String(v)])).toString()}`
}
