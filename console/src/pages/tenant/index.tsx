import { Anchor, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Suspense, useEffect, useRef } from 'react'
import { Link, Navigate, NavLink, Outlet, useLocation, useParams } from 'react-router'
import { isProblem } from '../../api'
import type { Scope } from '../../contract'
import { Empty, Failure, Loading } from '../../parts/states'
import { ServingStatus } from '../../parts/status'
import { tenantPath } from '../../paths'
import { overviewOf } from '../../queries'
import { useMay, useSession } from '../../session'
import classes from './tenant.module.css'

const PAGES: { page: string; title: string; needs: Scope }[] = [
  { page: '', title: 'Overview', needs: 'manage' },
  { page: 'training', title: 'Training', needs: 'train' },
  { page: 'versions', title: 'Versions', needs: 'train' },
  { page: 'look', title: 'Look inside', needs: 'train' },
  { page: 'settings', title: 'Settings', needs: 'manage' },
  { page: 'keys', title: 'Keys', needs: 'manage' },
]

/** What all pages of one tenant have at their top. */
export default function Tenant() {
  const { tenant = '' } = useParams()
  const { kind } = useSession()
  const may = useMay()
  const overview = useQuery({ ...overviewOf(tenant), enabled: may('manage') })
  const { pathname, search } = useLocation()
  const tabs = useRef<HTMLElement>(null)
  // On a small screen the tabs are wider than it is.
  useEffect(() => {
    tabs.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [pathname, overview.isError])
  // Else no tab would be the current one.
  if (pathname.endsWith('/')) return <Navigate to={{ pathname: pathname.replace(/\/+$/, ''), search }} replace />
  if (overview.isError && isProblem(overview.error) && overview.error.status === 404)
    return (
      <Empty title={`There is no tenant '${tenant}'`}>
        <Anchor component={Link} to="/">
          To all tenants
        </Anchor>
      </Empty>
    )
  return (
    <>
      <div className={classes.head}>
        {kind === 'operator' && (
          <Anchor component={Link} to="/" size="sm">
            Tenants
          </Anchor>
        )}
        {kind === 'operator' && <span aria-hidden>/</span>}
        <Text component="span" fw={650}>
          {overview.data?.name ?? tenant}
        </Text>
        {overview.data && <ServingStatus serving={overview.data.serving} />}
      </div>
      <nav aria-label="Tenant" className={classes.tabs} ref={tabs}>
        {PAGES.filter(({ needs }) => may(needs)).map(({ page, title }) => (
          <NavLink key={page} to={tenantPath(tenant, page)} end={page === ''}>
            {title}
          </NavLink>
        ))}
      </nav>
      <Suspense fallback={<Loading what="the page" />}>
        <Outlet key={tenant} />
      </Suspense>
      {overview.isError && !overview.data && <Failure error={overview.error} retry={() => void overview.refetch()} />}
    </>
  )
}

/** The tenant in the page's address. */
export const useTenant = () => useParams().tenant ?? ''
