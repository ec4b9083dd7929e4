import { backoff, sleep } from './backoff.js'
import type { Answer, Body, CallOptions, Method, PathOf, Query } from './calls.js'
import { AttuneError, errorOf } from './problem.js'

const BASE_WAIT_MS = 200
const MOST_WAIT_MS = 10_000
/** Who is sent away for longer is told so, instead of hanging. */
const MOST_RETRY_AFTER_S = 60

export interface ClientOptions {
  /** Where the service is, as `https://attune.example.com`. */
  server: string
  /** The operator's key, or one of a tenant. */
  key: string
  /** The tenant that calls are about; `attune.for(tenant)` gives the same client for another. */
  tenant?: string
  /** Instead of the platform's own. */
  fetch?: typeof fetch
  /** Of one try, in milliseconds; 30,000 unless said. */
  timeoutMs?: number
  /** Further tries of a call that failed for a reason that may pass; 4 unless said. */
  retries?: number
}

interface Request {
  /** Values of the path's names; the tenant is known. */
  path?: Record<string, string>
  query?: Record<string, string | number | boolean | undefined>
  body?: unknown
  /** A body that is JSON already. */
  json?: string
  headers?: Record<string, string>
  /**
   * Whether the call may be made twice. One that may not is tried again only where the service said that it did nothing
   * (429): after any other failure nobody knows.
   */
  repeatable?: boolean
}

export type TypedRequest<M extends Method, P extends PathOf<M>> = Omit<Request, 'body' | 'query'> & {
  query?: Query<M, P>
  body?: Body<M, P>
}

/** Requests over `fetch`: with the key, a time limit, and further tries. */
export class Transport {
  private readonly base: string
  private readonly fetch: typeof fetch
  private readonly timeoutMs: number
  private readonly retries: number

  /** @throws AttuneError INVALID_OPTION */
  constructor(private readonly options: ClientOptions) {
    const { server, key, timeoutMs = 30_000, retries = 4 } = options
    this.base = baseOf(server)
    // What a header can hold; said without the key.
    if (!/^[\x21-\x7e]+$/.test(key)) throw invalid('key has to be printable ASCII without spaces')
    if (!(timeoutMs > 0)) throw invalid('timeoutMs has to be above 0')
    if (!(Number.isInteger(retries) && retries >= 0)) throw invalid('retries has to be a whole number, 0 or more')
    this.timeoutMs = timeoutMs
    this.retries = retries
    // Browsers want it called on the window.
    this.fetch = options.fetch ?? ((input, init) => fetch(input, init))
  }

  for(tenant: string): Transport {
    return new Transport({ ...this.options, tenant })
  }

  /** Makes a call of the contract and reads its JSON. @throws AttuneError, or the reason of the caller's signal */
  call<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    request: TypedRequest<M, P> = {},
    options: CallOptions = {},
  ): Promise<Answer<M, P>> {
    return this.send(method, path, request, options, async (response) => {
      const text = await response.text()
      if (!response.ok) throw errorOf(response, text)
      if (text === '') return undefined as Answer<M, P>
      try {
        return JSON.parse(text) as Answer<M, P>
      } catch (cause) {
        throw new AttuneError('BAD_ANSWER', 'The answer is no JSON.', { status: response.status, cause })
      }
    })
  }

  /** The same for an answer that is read as it comes: the time limit is that of its beginning. */
  open<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    request: Omit<TypedRequest<M, P>, 'body'> = {},
    options: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return this.send(method, path, request, options, async (response) => {
      if (!response.ok) throw errorOf(response, await response.text())
      if (!response.body) throw new AttuneError('BAD_ANSWER', 'The answer is empty.', { status: response.status })
      return response.body as ReadableStream<Uint8Array>
    })
  }

  private async send<T>(
    method: Method,
    path: string,
    request: Request,
    options: CallOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const url = this.urlOf(path, request)
    const body = request.json ?? (request.body === undefined ? undefined : JSON.stringify(request.body))
    const init: RequestInit = {
      method: method.toUpperCase(),
      headers: {
        authorization: `Bearer ${this.options.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...request.headers,
      },
      ...(body !== undefined && { body }),
    }
    for (let failed = 0; ;) {
      try {
        return await this.once(url, init, options, read)
      } catch (error) {
        failed += 1
        if (!(error instanceof AttuneError) || failed > this.retries || !mayRepeat(error, request)) throw error
        const asked = 1000 * (error.retryAfter ?? 0)
        await sleep(asked + backoff(failed, BASE_WAIT_MS, MOST_WAIT_MS), options.signal)
      }
    }
  }

  /** One try. The signals are joined by hand: a joined `AbortSignal` is kept by its sources for as long as they live. */
  private async once<T>(
    url: string,
    init: RequestInit,
    { signal, timeoutMs = this.timeoutMs }: CallOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const ending = new AbortController()
    const stop = () => ending.abort(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    let late = false
    const timer = setTimeout(() => {
      late = true
      ending.abort()
    }, timeoutMs)
    let streaming = false
    try {
      const answer = await read(await this.fetch(url, { ...init, signal: ending.signal }))
      streaming = answer instanceof ReadableStream
      return answer
    } catch (error) {
      if (late) throw new AttuneError('TIMEOUT', `No answer within ${timeoutMs} ms.`, { retryable: true, cause: error })
      signal?.throwIfAborted()
      if (error instanceof AttuneError) throw error
      throw new AttuneError('NETWORK', `The service could not be reached: ${reasonOf(error)}`, {
        retryable: true,
        cause: error,
      })
    } finally {
      clearTimeout(timer)
      // A stream goes on until the caller ends it.
      if (!streaming) signal?.removeEventListener('abort', stop)
    }
  }

  private urlOf(path: string, { path: names = {}, query = {} }: Request): string {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = names[name] ?? (name === 'tenant' ? this.options.tenant : undefined)
      if (value === undefined || value === '') throw invalid(`${name} is needed for ${path}`)
      // However they are written, addresses take them for a way through folders.
      if (value === '.' || value === '..') throw invalid(`'${value}' cannot be asked for by its address`)
      return encodeURIComponent(value.toWellFormed())
    })
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
    return this.base + filled + (search.size > 0 ? `?${search.toString()}` : '')
  }
}

function mayRepeat(error: AttuneError, { repeatable = true }: Request): boolean {
  if (!error.retryable || (error.retryAfter ?? 0) > MOST_RETRY_AFTER_S) return false
  return repeatable || error.status === 429
}

function baseOf(server: string): string {
  let url: URL
  try {
    url = new URL(server)
  } catch {
    throw invalid('server has to be an address such as http://127.0.0.1:3000')
  }
  if (!['http:', 'https:'].includes(url.protocol)) throw invalid('server has to be an http or https address')
  if (url.username || url.password) throw invalid('server may not hold a user or a password')
  return url.origin + url.pathname.replace(/\/+$/, '')
}

const invalid = (message: string) => new AttuneError('INVALID_OPTION', message)

/** `fetch` says "fetch failed" and keeps the reason. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof AggregateError) return error.cause.errors.map(reasonOf).join('; ')
  return error.cause instanceof Error ? error.cause.message || error.message : error.message
}
