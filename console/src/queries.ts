import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { call, of, query } from './api'
import type {
  ApiKey,
  Drift,
  Freshness,
  Overview,
  Page,
  Readiness,
  Run,
  Tenant,
  TenantOverview,
  Version,
  VersionSummary,
} from './contract'

/** What several parts of the page read. The first two parts of a key are the tenant: what is done to it makes all anew. */

export const tenantKey = (tenant: string) => ['tenant', tenant]

export const overviewOf = (tenant: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'overview'],
    queryFn: ({ signal }) => call<TenantOverview & Pick<Overview, 'consumerLag'>>(of(tenant, '/overview'), { signal }),
    refetchInterval: 5000,
  })

export const readinessOf = (tenant: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'readiness'],
    queryFn: ({ signal }) => call<Readiness>(of(tenant, '/readiness'), { signal }),
    refetchInterval: 15_000,
  })

export const driftOf = (tenant: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'drift'],
    queryFn: ({ signal }) => call<Drift>(of(tenant, '/drift'), { signal }),
    // Made of days: nothing is another by the second.
    refetchInterval: 60_000,
  })

export const freshnessOf = (tenant: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'freshness'],
    queryFn: ({ signal }) => call<Freshness>(of(tenant, '/freshness'), { signal }),
    refetchInterval: 60_000,
  })

export const settingsOf = (tenant: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'settings'],
    queryFn: ({ signal }) => call<Tenant>(of(tenant), { signal }),
    // What is being written must not change under the hand.
    refetchOnWindowFocus: false,
  })

export const keysOf = (tenant: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'keys'],
    queryFn: ({ signal }) => call<Page<ApiKey>>(of(tenant, '/keys'), { signal }),
  })

export const runsOf = (tenant: string, limit: number, cursor?: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'runs', limit, cursor ?? ''],
    queryFn: ({ signal }) => call<Page<Run>>(query(of(tenant, '/training-runs'), { limit, cursor }), { signal }),
    refetchInterval: 4000,
    placeholderData: keepPreviousData,
  })

export const versionsOf = (tenant: string, limit: number, cursor?: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'versions', limit, cursor ?? ''],
    queryFn: ({ signal }) =>
      call<Page<VersionSummary>>(query(of(tenant, '/model-versions'), { limit, cursor }), { signal }),
    refetchInterval: 10_000,
    placeholderData: keepPreviousData,
  })

/** The newest of them by name, to choose from: without figures, which are most of a list. */
export const versionNamesOf = (tenant: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'version names'],
    queryFn: ({ signal }) =>
      call<Page<VersionSummary>>(query(of(tenant, '/model-versions'), { limit: 100, brief: 'true' }), { signal }),
    refetchInterval: 10_000,
  })

export const versionOf = (tenant: string, id: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'version', id],
    queryFn: ({ signal }) => call<Version>(of(tenant, `/model-versions/${encodeURIComponent(id)}`), { signal }),
  })
