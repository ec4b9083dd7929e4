import { Alert, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'

/** A key that was just made. The page has it only for as long as this is open. */
export function Secret({ value, onDone }: { value: string; onDone: () => void }) {
  return (
    <Stack gap="sm">
      <Alert color="cyan" title="Copy the key now">
        It is shown this once: the service keeps only a hash of it.
      </Alert>
      <Code block data-testid="key">
        {value}
      </Code>
      <Group justify="flex-end" gap="xs">
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button
              variant="default"
              leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
              onClick={copy}
              data-autofocus
            >
              <span aria-live="polite">{copied ? 'Copied' : 'Copy'}</span>
            </Button>
          )}
        </CopyButton>
        <Button onClick={onDone}>I have it</Button>
      </Group>
      <Text size="xs" c="dimmed">
        It goes in each request as <code>Authorization: Bearer …</code>.
      </Text>
    </Stack>
  )
}
