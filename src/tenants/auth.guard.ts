import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { AppError } from '../platform/errors.js'
import { type AttuneRequest, CONTRACT, type Contract } from '../platform/http.js'
import { workContext } from '../platform/work-context.js'
import { KeysService } from './keys.service.js'
import { QuotasService } from './quotas.service.js'
import { TenantsService } from './tenants.service.js'

/** Lets a request in: a key that is known, of the tenant in the path, with the scope that the endpoint asks for, within its quota. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    @Inject(KeysService) private readonly keys: KeysService,
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
    const caller = await this.keys.authenticate(request.headers.authorization)
    request.caller = caller
    const { tenant } = request.params as { tenant?: string }
    if (caller.kind === 'key') {
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
}

const forbidden = (message: string) => new AppError('FORBIDDEN', message, { status: 403 })
