import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route, SCOPES } from '../platform/http.js'
import { freeForm, Id, Page, pageOf, text, Timestamp } from '../platform/schema.js'
import { AuditEntry, AuditService } from './audit.service.js'
import { BASE_MODELS } from './base-models.js'
import { KeysService } from './keys.service.js'
import { Settings } from './settings.js'
import { TenantsService } from './tenants.service.js'

const tag = 'Tenants and keys'
const TenantView = z
  .object({
    id: z.string(),
    name: z.string(),
    baseModel: z.string(),
    settings: Settings,
    embeddingLength: z.number().int().nullable(),
    createdAt: z.date().meta({ override: { type: 'string', format: 'date-time' } }),
  })
  .meta({ id: 'Tenant' })
const KeyView = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    createdAt: z.date().meta({ override: { type: 'string', format: 'date-time' } }),
    expiresAt: z
      .date()
      .nullable()
      .meta({ override: { type: ['string', 'null'], format: 'date-time' } }),
  })
  .meta({ id: 'ApiKey' })
const NewKey = KeyView.extend({ key: z.string() })

/** Settings in part, before they are merged and checked: nothing that a walk by recursion or the audit log can not take. */
const GivenSettings = freeForm(64 * 1024)

const BaseModelName = z.enum(BASE_MODELS).meta({
  description:
    'What serves before the first training, and what a fit on few users is drawn to: shops, media (recent and fresh items first), or default: that of shops, until a training run finds which one fits by validation users.',
})

const createTenant = contract({
  method: 'POST',
  path: '/v1/tenants',
  summary: 'Make a tenant and its first key, which has every scope',
  tag,
  access: 'operator',
  status: 201,
  errors: [409],
  body: z.strictObject({
    // '*' stands for all tenants inside.
    id: Id.refine((id) => id !== '*', 'is reserved'),
    name: text(256).min(1).optional(),
    baseModel: BaseModelName.optional(),
    settings: GivenSettings.optional(),
  }),
  response: z.object({ tenant: TenantView, apiKey: z.string() }),
})
const listTenants = contract({
  method: 'GET',
  path: '/v1/tenants',
  summary: 'All tenants',
  tag,
  access: 'operator',
  query: Page,
  response: pageOf(TenantView),
})
const getTenant = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant',
  summary: 'One tenant',
  tag,
  access: 'manage',
  response: TenantView,
})
const updateTenant = contract({
  method: 'PATCH',
  path: '/v1/tenants/:tenant',
  summary: 'Change name, base or settings; settings are merged, null takes a field back to its default',
  tag,
  access: 'manage',
  body: z.strictObject({
    name: text(256).min(1).optional(),
    baseModel: BaseModelName.optional(),
    settings: GivenSettings.optional(),
  }),
  response: TenantView,
})
const deleteTenant = contract({
  method: 'DELETE',
  path: '/v1/tenants/:tenant',
  summary: 'Delete a tenant and everything of it',
  tag,
  access: 'manage',
  status: 202,
  response: z.object({ id: z.string(), state: z.literal('deleting') }),
})
const createKey = contract({
  method: 'POST',
  path: '/v1/tenants/:tenant/keys',
  summary: 'Make a key; it is shown this once',
  tag,
  access: 'manage',
  status: 201,
  body: z.strictObject({
    scopes: z.array(z.enum(SCOPES)).min(1).max(16),
    name: text(256).optional(),
    expiresAt: Timestamp.refine((at) => at.getTime() > Date.now(), 'has to be in the future').optional(),
  }),
  response: NewKey,
})
const listKeys = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/keys',
  summary: 'The keys of a tenant, without the keys themselves',
  tag,
  access: 'manage',
  response: z.object({ data: z.array(KeyView), nextCursor: z.null() }),
})
const revokeKey = contract({
  method: 'DELETE',
  path: '/v1/tenants/:tenant/keys/:id',
  summary: 'Revoke a key',
  tag,
  access: 'manage',
  status: 204,
})
const listAudit = contract({
  method: 'GET',
  path: '/v1/tenants/:tenant/audit',
  summary: 'Who did what, newest first',
  tag,
  access: 'manage',
  query: Page,
  response: pageOf(AuditEntry.extend({ at: z.date().meta({ override: { type: 'string', format: 'date-time' } }) })),
})

@Controller()
export class TenantsController {
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(KeysService) private readonly keys: KeysService,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  @Route(createTenant)
  async create(@Parsed() { body, caller }: Input<typeof createTenant>) {
    const tenant = await this.tenants.create(body, caller)
    const { key } = await this.keys.create(tenant.id, { scopes: [...SCOPES], name: 'first key' }, caller)
    return { tenant, apiKey: key }
  }

  @Route(listTenants)
  list(@Parsed() { query }: Input<typeof listTenants>) {
    return this.tenants.list(query.limit, query.cursor)
  }

  @Route(getTenant)
  get(@Parsed() { tenant }: Input<typeof getTenant>) {
    return this.tenants.get(tenant)
  }

  @Route(updateTenant)
  update(@Parsed() { tenant, body, caller }: Input<typeof updateTenant>) {
    return this.tenants.update(tenant, body, caller)
  }

  @Route(deleteTenant)
  async remove(@Parsed() { tenant, caller }: Input<typeof deleteTenant>) {
    await this.tenants.remove(tenant, caller)
    return { id: tenant, state: 'deleting' }
  }

  @Route(createKey)
  createKey(@Parsed() { tenant, body, caller }: Input<typeof createKey>) {
    return this.keys.create(tenant, body, caller)
  }

  @Route(listKeys)
  async listKeys(@Parsed() { tenant }: Input<typeof listKeys>) {
    return { data: await this.keys.list(tenant), nextCursor: null }
  }

  @Route(revokeKey)
  revokeKey(@Parsed() { tenant, params, caller }: Input<typeof revokeKey>) {
    return this.keys.revoke(tenant, params.id, caller)
  }

  @Route(listAudit)
  listAudit(@Parsed() { tenant, query }: Input<typeof listAudit>) {
    return this.audit.list(tenant, query.limit, query.cursor)
  }
}
