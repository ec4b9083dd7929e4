import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { AppError } from '../platform/errors.js'
import { type AttuneRequest, type Caller, CONTRACT, type Contract } from '../platform/http.js'
import { workContext } from '../platform/work-context.js'
import { ConsoleSessions, isToken } from './console-sessions.service.js'
import { KeysService } from './keys.service.js'
import { QuotasService } from './quotas.service.js'
import { isOwnPage, readSessionCookie } from './session-cookie.js'
import { TenantsService } from './tenants.service.js'

/**
 * Lets a request in: a key that is known, or a session that was opened with one; of the tenant in the path, with the scope
 * that the endpoint asks for, within its quota. Of a request with both, the key counts.
 */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    @Inject(KeysService) private readonly keys: KeysService,
    @Inject(ConsoleSessions) private readonly sessions: ConsoleSessions,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(QuotasService) private readonly quotas: QuotasService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const route = Reflect.getMetadata(CONTRACT, context.getHandler()) as Contract | undefined
    if (!route) throw new Error('an endpoint without a contract')
    if (route.access === 'public') return true
    // A process of another role still answers its probes.
    if (!this.config.roles.includes('api'))
      throw new AppError('NOT_FOUND', 'This process does not have the role api.', { status: 404 })
    const request = context.switchToHttp().getRequest<AttuneRequest>()
    const caller = await this.callerOf(request)
    request.caller = caller
    const { tenant } = request.params as { tenant?: string }
    if (caller.kind === 'key' && route.access !== 'any') {
      if (route.access === 'operator') throw forbidden('Only the operator may do this.')
      // Said before anything is looked up: whether another tenant exists is not a caller's business.
      if (tenant !== caller.tenantId) throw forbidden('This key is of another tenant.')
      if (!caller.scopes.includes(route.access)) throw forbidden(`This key lacks the scope '${route.access}'.`)
    }
    if (tenant !== undefined) {
      if (tenant.length > 256 || tenant.includes('\u0000'))
        throw new AppError('NOT_FOUND', 'There is no such tenant.', { status: 404 })
      const { settings } = await this.tenants.get(tenant)
      request.tenantId = tenant
      const work = workContext()
      if (work) work.tenant = tenant
      this.quotas.take(tenant, 'requests', settings.quotas.requestsPerSecond)
    }
    return true
  }

  private async callerOf(request: AttuneRequest): Promise<Caller> {
    const { authorization } = request.headers
    const cookie = authorization === undefined ? readSessionCookie(request) : undefined
    if (cookie === undefined) return this.keys.authenticate(authorization)
    const session = await this.sessions.authenticate(cookie)
    // A browser sends its cookies along whoever wrote the page: what writes has to show that it is ours.
    if (!READS.includes(request.method) && !(isOwnPage(request) && isToken(session, request.headers['x-csrf-token'])))
      throw new AppError('CSRF_REFUSED', 'The token of the session is missing (X-CSRF-Token), or another page asks.', {
        status: 403,
      })
    return session.caller
  }
}

const READS = ['GET', 'HEAD', 'OPTIONS']
const forbidden = (message: string) => new AppError('FORBIDDEN', message, { status: 403 })
