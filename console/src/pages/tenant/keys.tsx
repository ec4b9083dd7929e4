import { Button, Checkbox, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { call, of } from '../../api'
import { type ApiKey, SCOPES, type Scope } from '../../contract'
import { Confirm } from '../../parts/confirm'
import { Moment } from '../../parts/moment'
import { useSay } from '../../parts/notices'
import { PageTitle } from '../../parts/page-title'
import { type Column, Rows } from '../../parts/rows'
import { Secret } from '../../parts/secret'
import { Section } from '../../parts/section'
import { Empty, Failure, Loading } from '../../parts/states'
import { keysOf } from '../../queries'
import { useTenant } from '.'

const called = ({ name, id }: ApiKey) => (name === '' ? id : name)

export default function Keys() {
  const tenant = useTenant()
  const keys = useQuery(keysOf(tenant))
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<ApiKey | null>(null)
  const queries = useQueryClient()
  const say = useSay()
  const anew = () => queries.invalidateQueries({ queryKey: keysOf(tenant).queryKey })
  const columns: Column<ApiKey>[] = [
    {
      label: 'Key',
      head: true,
      render: (key) => (
        <>
          <b>{called(key)}</b>
          {key.name !== '' && (
            <Text size="xs" c="dimmed">
              {key.id}
            </Text>
          )}
        </>
      ),
    },
    { label: 'May', render: ({ scopes }) => scopes.join(', ') },
    { label: 'Made', render: ({ createdAt }) => <Moment at={createdAt} /> },
    { label: 'Ends', render: ({ expiresAt }) => (expiresAt ? <Moment at={expiresAt} /> : 'never') },
    {
      label: 'Revoke',
      end: true,
      render: (key) => (
        <Button variant="default" aria-label={`Revoke ${called(key)}`} onClick={() => setRevoking(key)}>
          Revoke
        </Button>
      ),
    },
  ]
  return (
    <>
      <PageTitle title="Keys" of={tenant}>
        <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setMaking(true)}>
          New key
        </Button>
      </PageTitle>
      <Section title="Keys of this tenant" about="Kept as a hash only: none can be shown again" flush>
        {keys.isPending && <Loading what="the keys" />}
        {keys.isError && <Failure error={keys.error} retry={() => void keys.refetch()} />}
        {keys.data?.data.length === 0 && (
          <Empty title="This tenant has no key">
            Only the operator&apos;s key works for it. Make one for each client.
          </Empty>
        )}
        {keys.data && keys.data.data.length > 0 && (
          <Rows caption="Keys" columns={columns} rows={keys.data.data} keyOf={({ id }) => id} />
        )}
      </Section>
      <NewKey tenant={tenant} opened={making} onClose={() => setMaking(false)} onMade={() => void anew()} />
      <Confirm
        opened={revoking !== null}
        onClose={() => setRevoking(null)}
        title={`Revoke ${revoking ? called(revoking) : 'the key'}?`}
        action="Revoke the key"
        destructive
        onConfirm={async () => {
          await call(of(tenant, `/keys/${encodeURIComponent(revoking!.id)}`), { method: 'DELETE' })
          await anew()
          say(`${called(revoking!)} is revoked.`)
        }}
      >
        Whoever uses it is refused within seconds. A revoked key cannot be brought back.
      </Confirm>
    </>
  )
}

const DAYS = [
  { value: '', label: 'Never' },
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
]
const MEANS: Record<Scope, string> = {
  ingest: 'send items and events',
  recommend: 'ask for recommendations',
  train: 'train, see and promote versions',
  manage: 'settings, keys, users’ data',
}

function NewKey(props: { tenant: string; opened: boolean; onClose: () => void; onMade: () => void }) {
  const { tenant, opened, onClose, onMade } = props
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<Scope[]>(['ingest', 'recommend'])
  const [days, setDays] = useState('')
  const [key, setKey] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const close = () => {
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
      const expiresAt = days && new Date(Date.now() + Number(days) * 86_400_000).toISOString()
      const made = await call<{ key: string }>(of(tenant, '/keys'), {
        method: 'POST',
        body: { name, scopes, ...(expiresAt && { expiresAt }) },
      })
      setKey(made.key)
      onMade()
    } catch (failed) {
      setError(failed)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Modal opened={opened} onClose={close} title={key === null ? 'New key' : `The key ${name}`}>
      {key === null ? (
        <form onSubmit={(event) => void make(event)}>
          <Stack gap="md">
            <TextInput
              label="Name"
              description="Who will use it"
              maxLength={256}
              data-autofocus
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Checkbox.Group label="It may" value={scopes} onChange={(value) => setScopes(value)}>
              <Stack gap={6} mt={6}>
                {SCOPES.map((scope) => (
                  <Checkbox key={scope} size="sm" value={scope} label={`${scope}: ${MEANS[scope]}`} />
                ))}
              </Stack>
            </Checkbox.Group>
            <Select
              label="It ends"
              allowDeselect={false}
              data={DAYS}
              value={days}
              onChange={(value) => setDays(value ?? '')}
            />
            {error !== null && <Failure error={error} />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={close}>
                Not now
              </Button>
              <Button type="submit" loading={busy} disabled={scopes.length === 0}>
                Make the key
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Secret value={key} onDone={close} />
      )}
    </Modal>
  )
}
