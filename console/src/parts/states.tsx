import { Alert, Button, Center, Group, Loader, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { isProblem } from '../api'

/** What is shown while something is on its way. */
export function Loading({ what }: { what: string }) {
  return (
    <Center mih={160} role="status" aria-live="polite">
      <Group gap="sm">
        <Loader size="sm" aria-hidden />
        <Text c="dimmed">Loading {what}</Text>
      </Group>
    </Center>
  )
}

/** What is shown where something went wrong, in the service's own words. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const title = isProblem(error) ? `${error.code} (${error.status})` : 'The service was not reached'
  const text = error instanceof Error ? error.message : String(error)
  return (
    <Alert color="red" title={title} role="alert" my="md">
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{text}</Text>
        {isProblem(error) &&
          error.errors.map(({ path, message }) => (
            <Text key={path + message} size="sm">
              <b>{path}</b> {message}
            </Text>
          ))}
        {retry && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

/** What is shown where there is nothing (yet), and what would bring something. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Center mih={160}>
      <Stack gap={4} align="center" maw={420}>
        <Text fw={600}>{title}</Text>
        <Text c="dimmed" ta="center" size="sm" component="div">
          {children}
        </Text>
      </Stack>
    </Center>
  )
}
