import { Controller, Inject, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from '../platform/errors.js'
import { contract, type Input, Parsed, Route, SCOPES } from '../platform/http.js'
import { text } from '../platform/schema.js'
import {
  type ConsoleSession,
  ConsoleSessions,
  IDLE_SECONDS,
  LONGEST_SECONDS,
} from '../tenants/console-sessions.service.js'
import { isOwnPage, readSessionCookie, writeSessionCookie } from '../tenants/session-cookie.js'
import { SignInLimit } from '../tenants/sign-in-limit.js'

const tag = 'Console'
const moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const SessionView = z
  .object({
    kind: z.enum(['operator', 'tenant']),
    tenant: z.string().nullable().meta({ description: 'The only one that may be seen; null: all' }),
    scopes: z.array(z.enum(SCOPES)).meta({ description: 'The operator has all' }),
    csrfToken: z.string().meta({ description: 'To be sent as X-CSRF-Token with everything that writes' }),
    expiresAt: moment.meta({ description: 'At the latest' }),
    idleSeconds: z.number().int().meta({ description: 'Unused for so long, it ends' }),
  })
  .meta({ id: 'ConsoleSession' })

const signIn = contract({
  method: 'POST',
  path: '/console/session',
  summary: 'Exchange a key for the cookie of a session, which only the browser can read',
  tag,
  access: 'public',
  errors: [401],
  body: z.strictObject({ key: text(4096).min(1) }),
  response: SessionView,
})
const whoAmI = contract({
  method: 'GET',
  path: '/console/session',
  summary: 'Who is signed in, what he may do, and the token for what writes',
  tag,
  access: 'any',
  response: SessionView,
})
const signOut = contract({
  method: 'DELETE',
  path: '/console/session',
  summary: 'End the session',
  tag,
  access: 'any',
  status: 204,
})

/** A key is exchanged for a cookie once, so that no script ever holds it again. */
@Controller()
export class ConsoleSessionController {
  private readonly limit = new SignInLimit()

  constructor(@Inject(ConsoleSessions) private readonly sessions: ConsoleSessions) {}

  @Route(signIn)
  async signIn(
    @Parsed() { body }: Input<typeof signIn>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    this.limit.check(request.ip, Date.now())
    // Signed in by another page, somebody would work in a stranger's session.
    if (!isOwnPage(request)) throw new AppError('CSRF_REFUSED', 'Another page asks.', { status: 403 })
    const { cookie, ...session } = await this.sessions.open(body.key).catch((error: unknown) => {
      if (error instanceof AppError && error.status === 401) this.limit.failed(request.ip, Date.now())
      throw error
    })
    const old = readSessionCookie(request)
    if (old !== undefined) await this.sessions.close(old)
    void reply.header('set-cookie', writeSessionCookie(request, cookie, LONGEST_SECONDS))
    return told(session, reply)
  }

  @Route(whoAmI)
  async whoAmI(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const cookie = readSessionCookie(request)
    if (cookie === undefined) throw new AppError('NO_SESSION', 'A key by itself has no session.', { status: 404 })
    return told(await this.sessions.authenticate(cookie), reply)
  }

  @Route(signOut)
  async signOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const cookie = readSessionCookie(request)
    if (cookie !== undefined) await this.sessions.close(cookie)
    void reply.header('set-cookie', writeSessionCookie(request, '', 0))
  }
}

function told({ caller, csrfToken, expiresAt }: ConsoleSession, reply: FastifyReply): z.output<typeof SessionView> {
  // It holds the token: no cache may.
  void reply.header('cache-control', 'no-store')
  return {
    kind: caller.kind === 'operator' ? 'operator' : 'tenant',
    tenant: caller.kind === 'operator' ? null : caller.tenantId,
    scopes: caller.kind === 'operator' ? [...SCOPES] : caller.scopes,
    csrfToken,
    expiresAt,
    idleSeconds: IDLE_SECONDS,
  }
}
