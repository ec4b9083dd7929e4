import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { call, isProblem } from '../api'

/** The key is exchanged for a cookie that scripts cannot read; the page keeps neither. */
export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [key, setKey] = useState('')
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<string | null>(null)

  async function signIn(event: FormEvent) {
    event.preventDefault()
    setBusy(true)
    setRefused(null)
    try {
      await call('/console/session', { method: 'POST', body: { key: key.trim() } })
      setKey('')
      onSignedIn()
    } catch (error) {
      setRefused(
        isProblem(error) && error.status === 401
          ? 'This key is not known, or has expired.'
          : error instanceof Error
            ? error.message
            : String(error),
      )
    } finally {
      setBusy(false)
    }
  }

  return (
    <Center mih="100vh" p="md" component="main">
      <Paper component="form" withBorder p="xl" w="100%" maw={420} onSubmit={(event) => void signIn(event)}>
        <Stack>
          <Group gap={8}>
            <img src="/console/icon.svg" alt="" width={24} height={24} />
            <Title order={1}>Attune</Title>
          </Group>
          <Text size="sm" c="dimmed">
            Sign in with the operator&apos;s key, or with a key of one tenant to see that tenant only. The
            operator&apos;s key is <code>OPERATOR_KEY</code>, or in <code>operator.key</code> under the service&apos;s
            data folder.
          </Text>
          <PasswordInput
            label="Key"
            name="key"
            // The browser is not to offer to keep it.
            autoComplete="off"
            required
            data-autofocus
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
          />
          {refused !== null && (
            <Alert color="red" role="alert">
              {refused}
            </Alert>
          )}
          <Button type="submit" loading={busy} disabled={key.trim() === ''}>
            Sign in
          </Button>
        </Stack>
      </Paper>
    </Center>
  )
}
