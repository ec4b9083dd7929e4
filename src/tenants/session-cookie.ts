import type { FastifyRequest } from 'fastify'

type Requested = Pick<FastifyRequest, 'headers' | 'protocol' | 'host'>

/** Browsers take a cookie of the prefix `__Host-` only over https and from this very host: no neighbour can plant one. */
const NAME = 'attune_session'
const SECURE_NAME = `__Host-${NAME}`

const first = (header: string | string[] | undefined) =>
  (Array.isArray(header) ? header[0] : header)?.split(',')[0].trim()

/**
 * Whether the browser came by https. A proxy that nobody declared trusted is believed here, too: whoever lies about it only
 * gets a cookie that his own browser keeps to itself.
 */
const isSecure = ({ protocol, headers }: Requested) =>
  protocol === 'https' || first(headers['x-forwarded-proto']) === 'https'

/** The session's value in a request; undefined where there is none. */
export function readSessionCookie(request: Requested): string | undefined {
  const name = isSecure(request) ? SECURE_NAME : NAME
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}

/**
 * Whether the browser that asks for a page has no session, not even one that has ended. Who follows a link of another site
 * sends none with it (`SameSite=Strict`) and may have one all the same; so may who does not say where he comes from.
 */
export const isSignedOut = (request: Requested): boolean =>
  readSessionCookie(request) === undefined &&
  ['none', 'same-origin'].includes(first(request.headers['sec-fetch-site']) ?? '')

/** The value of `Set-Cookie`. @param value empty: the cookie goes @param seconds that the browser keeps it */
export function writeSessionCookie(request: Requested, value: string, seconds: number): string {
  const secure = isSecure(request)
  const flags = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure ? '; Secure' : ''}`
  return `${secure ? SECURE_NAME : NAME}=${value}; ${flags}`
}

/**
 * Whether a request that writes came from a page of this very origin, as far as the browser says: by Fetch Metadata
 * (https://www.w3.org/TR/fetch-metadata/) and by `Origin`. What says neither is no page.
 */
export function isOwnPage({ headers, host }: Requested): boolean {
  const site = first(headers['sec-fetch-site'])
  if (site !== undefined && site !== 'same-origin') return false
  const { origin } = headers
  if (origin === undefined) return true
  // A page of another site can set none of these headers: what a proxy says of the host may be believed.
  const own = [host, headers.host, first(headers['x-forwarded-host'])]
  return URL.canParse(origin) && own.includes(new URL(origin).host)
}
