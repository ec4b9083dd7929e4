import { Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useNavigate } from 'react-router'
import { call, isProblem } from '../api'
import { Secret } from '../parts/secret'
import { Failure } from '../parts/states'
import { tenantPath } from '../paths'

/** Asks for a new tenant's id, and shows its first key. */
export function NewTenant({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [id, setId] = useState('')
  const [name, setName] = useState('')
  const [baseModel, setBaseModel] = useState('default')
  const [key, setKey] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const queries = useQueryClient()
  const navigate = useNavigate()

  const close = () => {
    setId('')
    setName('')
    setKey(null)
    setError(null)
    onClose()
  }
  async function make(event: FormEvent) {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const { apiKey } = await call<{ apiKey: string }>('/v1/tenants', {
        method: 'POST',
        body: { id, baseModel, ...(name !== '' && { name }) },
      })
      setKey(apiKey)
      void queries.invalidateQueries({ queryKey: ['overview'] })
    } catch (failed) {
      setError(failed)
    } finally {
      setBusy(false)
    }
  }
  const wrong = (path: string) =>
    isProblem(error) ? error.errors.find((one) => one.path === path)?.message : undefined

  return (
    <Modal opened={opened} onClose={close} title={key === null ? 'New tenant' : 'The first key of the tenant'}>
      {key === null ? (
        <form onSubmit={(event) => void make(event)}>
          <Stack gap="sm">
            <TextInput
              label="Id"
              description="What the shop or site is called in every address. It cannot be changed."
              required
              maxLength={256}
              data-autofocus
              value={id}
              onChange={(event) => setId(event.currentTarget.value)}
              error={wrong('id')}
            />
            <TextInput
              label="Name"
              maxLength={256}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={wrong('name')}
            />
            <Select
              label="Base"
              description="What serves before the first training."
              allowDeselect={false}
              value={baseModel}
              onChange={(value) => setBaseModel(value ?? 'default')}
              data={[
                { value: 'default', label: 'Let the first training find out' },
                { value: 'shops', label: 'Shops' },
                { value: 'media', label: 'Media: what is recent and new first' },
              ]}
            />
            {error !== null && wrong('id') === undefined && wrong('name') === undefined && <Failure error={error} />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={close}>
                Not now
              </Button>
              <Button type="submit" loading={busy} disabled={id === ''}>
                Make the tenant
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Secret
          value={key}
          onDone={() => {
            close()
            void navigate(tenantPath(id))
          }}
        />
      )}
    </Modal>
  )
}
