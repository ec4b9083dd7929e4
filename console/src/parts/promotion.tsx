import { Button, Stack, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call, of } from '../api'
import type { VersionSummary } from '../contract'
import { tenantKey } from '../queries'
import { Confirm } from './confirm'
import { useSay } from './notices'

/** Serves a version from now on, after it was asked. */
export function Promote({ tenant, version }: { tenant: string; version: VersionSummary }) {
  const [asking, setAsking] = useState(false)
  const queries = useQueryClient()
  const say = useSay()
  const { id, decision, reason } = version
  const refused = decision === 'rejected'
  return (
    <>
      <Button variant="default" aria-label={`Promote ${id}`} onClick={() => setAsking(true)}>
        Promote
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={refused ? 'Serve a version that the gate refused?' : 'Serve this version?'}
        action={refused ? 'Promote it all the same' : 'Promote'}
        destructive={refused}
        onConfirm={async () => {
          await call(of(tenant, `/model-versions/${encodeURIComponent(id)}/promote`), { method: 'POST' })
          await queries.invalidateQueries({ queryKey: tenantKey(tenant) })
          say(`${id} is served from now on.`)
        }}
      >
        <Stack gap="xs">
          <Text fw={600}>{id}</Text>
          <Text c="dimmed">{reason}</Text>
          <Text>
            Every instance serves it within seconds; no request fails meanwhile. Roll back takes it back.
            {refused && ' That it was served against the gate is recorded.'}
          </Text>
        </Stack>
      </Confirm>
    </>
  )
}

/** Back to what was served before the current version. @param nothing that was trained is served: there is no way back */
export function RollBack({ tenant, nothing }: { tenant: string; nothing?: boolean }) {
  const [asking, setAsking] = useState(false)
  const queries = useQueryClient()
  const say = useSay()
  return (
    <>
      <Button
        variant="default"
        disabled={nothing}
        title={nothing ? 'No trained version is served.' : undefined}
        onClick={() => setAsking(true)}
      >
        Roll back …
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title="Roll back?"
        action="Roll back"
        destructive
        onConfirm={async () => {
          const { modelVersion } = await call<{ modelVersion: string | null }>(of(tenant, '/model-versions/rollback'), {
            method: 'POST',
          })
          await queries.invalidateQueries({ queryKey: tenantKey(tenant) })
          say(`${modelVersion ?? 'The base'} is served from now on.`)
        }}
      >
        What was served before the current version is served again: an earlier version, or the base where there was
        none. The current version is kept and can be promoted again.
      </Confirm>
    </>
  )
}
