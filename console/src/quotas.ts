import { queryOptions } from '@tanstack/react-query'
import { call, of } from './api'
import { tenantKey } from './queries'

export interface QuotaUse {
  quota: string
  limit: number
  /** Null: of all there is. */
  per: 'second' | 'day' | null
  used: number
  /** Beyond this is refused: of a rate ten seconds of it, which may be used at once. */
  most: number
  refused: number
  lastRefusedAt: string | null
}

export const quotasOf = (tenant: string) =>
  queryOptions({
    queryKey: [...tenantKey(tenant), 'quotas'],
    queryFn: ({ signal }) => call<{ data: QuotaUse[] }>(of(tenant, '/quotas'), { signal }),
    // The items are counted for it.
    refetchInterval: 15_000,
  })
