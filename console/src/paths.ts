/** The page's own addresses. */

/** @param page '' or a page of the tenant's, ids in it encoded */
export const tenantPath = (tenant: string, page = '') => `/tenants/${encodeURIComponent(tenant)}${page && `/${page}`}`

export const runPath = (tenant: string, run: string) => tenantPath(tenant, `training/${encodeURIComponent(run)}`)
export const versionPath = (tenant: string, version: string) =>
  tenantPath(tenant, `versions/${encodeURIComponent(version)}`)
export const comparePath = (tenant: string, a: string, b: string) =>
  tenantPath(tenant, `compare?${new URLSearchParams({ a, b }).toString()}`)
