import { Button, Group, Modal, Stack } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Failure } from './states'

interface Props {
  opened: boolean
  onClose: () => void
  title: string
  /** What will happen. */
  children: ReactNode
  /** What the button says: the deed itself. */
  action: string
  /** It takes something away. */
  destructive?: boolean
  /** Something is to be typed first. */
  disabled?: boolean
  onConfirm: () => Promise<void>
}

/** Asks before something is done. It stays open until it was done, and tells why where it was not. */
export function Confirm({ opened, onClose, title, children, action, destructive, disabled, onConfirm }: Props) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const close = () => {
    setError(null)
    onClose()
  }
  const confirm = async () => {
    setBusy(true)
    setError(null)
    try {
      await onConfirm()
      close()
    } catch (failed) {
      setError(failed)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Modal opened={opened} onClose={close} title={title}>
      <Stack gap="md">
        <div>{children}</div>
        {error !== null && <Failure error={error} />}
        <Group justify="flex-end" gap="xs">
          {/* What is not asked for first: Enter by mistake must do nothing. */}
          <Button variant="default" onClick={close} data-autofocus>
            Not now
          </Button>
          <Button
            color={destructive ? 'red' : undefined}
            loading={busy}
            disabled={disabled}
            onClick={() => void confirm()}
          >
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
