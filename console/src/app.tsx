import {
  Anchor,
  AppShell,
  Button,
  Container,
  Group,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { IconMoon, IconSun } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import { Link, Navigate, Route, Routes } from 'react-router'
import { Empty, Loading } from './parts/states'
import { SignedIn, useSession, useSignOut } from './session'

const Tenants = lazy(() => import('./pages/tenants'))

export function App() {
  return (
    <SignedIn>
      <Shell />
    </SignedIn>
  )
}

function Shell() {
  const { kind, tenant } = useSession()
  const signOut = useSignOut()
  return (
    <AppShell header={{ height: 56 }} padding={0}>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="lg" wrap="nowrap">
            <Anchor component={Link} to="/" fw={700} size="lg" underline="never" c="var(--mantine-color-text)">
              Attune
            </Anchor>
            {kind === 'operator' && (
              <Group component="nav" gap="md" wrap="nowrap" aria-label="Main">
                <Anchor component={Link} to="/" size="sm">
                  Tenants
                </Anchor>
                <Anchor component={Link} to="/dead-letters" size="sm">
                  Dead letters
                </Anchor>
              </Group>
            )}
          </Group>
          <Group gap="xs" wrap="nowrap">
            <SchemeSwitch />
            <Button size="xs" variant="default" onClick={() => void signOut()}>
              Sign out
            </Button>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Main>
        <Container size="xl" py="md" px={{ base: 'sm', sm: 'md' }}>
          <Suspense fallback={<Loading what="the page" />}>
            <Routes>
              <Route
                index
                element={
                  kind === 'operator' ? (
                    <Tenants />
                  ) : (
                    <Navigate to={`/tenants/${encodeURIComponent(tenant!)}`} replace />
                  )
                }
              />
              <Route path="*" element={<Empty title="There is no such page" />} />
            </Routes>
          </Suspense>
        </Container>
      </AppShell.Main>
    </AppShell>
  )
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const other = scheme === 'dark' ? 'light' : 'dark'
  return (
    <Button
      size="xs"
      variant="default"
      px={8}
      aria-label={`Switch to ${other} colours`}
      onClick={() => setColorScheme(other)}
    >
      {scheme === 'dark' ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />}
    </Button>
  )
}
