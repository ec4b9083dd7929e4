import { ActionIcon, Anchor, Button, Group, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { IconLogout, IconMoon, IconSun } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import { Link, Navigate, NavLink, Outlet, Route, Routes, useParams } from 'react-router'
import classes from './app.module.css'
import { Notices } from './parts/notices'
import { PageTitle } from './parts/page-title'
import { Empty, Loading } from './parts/states'
import { tenantPath } from './paths'
import { SignedIn, useSession, useSignOut } from './session'

const DeadLetters = lazy(() => import('./pages/dead-letters'))
const Tenants = lazy(() => import('./pages/tenants'))
const Tenant = lazy(() => import('./pages/tenant'))
const Overview = lazy(() => import('./pages/tenant/overview'))
const Training = lazy(() => import('./pages/tenant/training'))
const Run = lazy(() => import('./pages/tenant/run'))
const Versions = lazy(() => import('./pages/tenant/versions'))
const Version = lazy(() => import('./pages/tenant/version'))
const Compare = lazy(() => import('./pages/tenant/compare'))
const LookInside = lazy(() => import('./pages/tenant/look-inside'))
const Settings = lazy(() => import('./pages/tenant/settings'))
const Keys = lazy(() => import('./pages/tenant/keys'))

export function App() {
  return (
    <SignedIn>
      <Notices>
        <Routes>
          <Route element={<Shell />}>
            <Route index element={<Start />} />
            <Route path="dead-letters" element={<ForOperator />} />
            <Route path="tenants/:tenant" element={<OwnTenant />}>
              <Route index element={<Overview />} />
              <Route path="training" element={<Training />} />
              <Route path="training/:run" element={<Run />} />
              <Route path="versions" element={<Versions />} />
              <Route path="versions/:version" element={<Version />} />
              <Route path="compare" element={<Compare />} />
              <Route path="look" element={<LookInside />} />
              <Route path="settings" element={<Settings />} />
              <Route path="keys" element={<Keys />} />
              <Route path="*" element={<NoPage />} />
            </Route>
            <Route path="*" element={<NoPage />} />
          </Route>
        </Routes>
      </Notices>
    </SignedIn>
  )
}

function Start() {
  const { kind, tenant } = useSession()
  return kind === 'operator' ? <Tenants /> : <Navigate to={tenantPath(tenant!)} replace />
}

/** A tenant's key sees its tenant only: the service says so, too. */
function OwnTenant() {
  const { kind, tenant } = useSession()
  const { tenant: asked = '' } = useParams()
  return kind === 'operator' || asked === tenant ? <Tenant /> : <Navigate to={tenantPath(tenant!)} replace />
}

function ForOperator() {
  const { kind } = useSession()
  return kind === 'operator' ? <DeadLetters /> : <NoPage />
}

function NoPage() {
  return (
    <>
      <PageTitle title="There is no such page" />
      <Empty title="Nothing is here">
        <Anchor component={Link} to="/">
          To the start
        </Anchor>
      </Empty>
    </>
  )
}

function Shell() {
  const { kind } = useSession()
  return (
    <>
      <a href="#main" className="skip">
        Skip to the content
      </a>
      <header className={classes.header}>
        <div className={classes.bar}>
          <Group gap="lg" wrap="nowrap">
            <Link to="/" className={classes.brand} aria-label="Attune">
              <img src="/console/icon.svg" alt="" width={22} height={22} />
              <span>Attune</span>
            </Link>
            {kind === 'operator' && (
              <nav aria-label="Main" className={classes.nav}>
                <NavLink to="/" end>
                  Tenants
                </NavLink>
                <NavLink to="/dead-letters">Dead letters</NavLink>
              </nav>
            )}
          </Group>
          <Group gap={6} wrap="nowrap">
            <SchemeSwitch />
            <SignOut />
          </Group>
        </div>
      </header>
      <main id="main" tabIndex={-1} className={classes.main}>
        <Suspense fallback={<Loading what="the page" />}>
          <Outlet />
        </Suspense>
      </main>
    </>
  )
}

function SignOut() {
  const signOut = useSignOut()
  return (
    <>
      <Button variant="default" onClick={() => void signOut()} visibleFrom="sm">
        Sign out
      </Button>
      <ActionIcon variant="default" size={30} aria-label="Sign out" onClick={() => void signOut()} hiddenFrom="sm">
        <IconLogout size={16} aria-hidden />
      </ActionIcon>
    </>
  )
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const other = scheme === 'dark' ? 'light' : 'dark'
  return (
    <ActionIcon
      variant="default"
      size={30}
      aria-label={`Switch to ${other} colours`}
      onClick={() => setColorScheme(other)}
    >
      {scheme === 'dark' ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />}
    </ActionIcon>
  )
}
