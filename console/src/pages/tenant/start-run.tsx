import { Anchor, Button, Checkbox, Group, Modal, Radio, Stack, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { call, of } from '../../api'
import type { Run } from '../../contract'
import { bytes, count, duration } from '../../numbers'
import { useSay } from '../../parts/notices'
import { Failure } from '../../parts/states'
import { runPath, tenantPath } from '../../paths'
import { readinessOf, tenantKey } from '../../queries'
import { useMay } from '../../session'

/** Asks how a new version is to be trained, says what that would take, and starts it. */
export function StartRun({ tenant, opened, onClose }: { tenant: string; opened: boolean; onClose: () => void }) {
  const [from, setFrom] = useState<Run['from']>('active')
  const [reason, setReason] = useState('')
  const [force, setForce] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const may = useMay()
  const readiness = useQuery({ ...readinessOf(tenant), enabled: opened && may('manage') })
  const queries = useQueryClient()
  const navigate = useNavigate()
  const say = useSay()
  const close = () => {
    setError(null)
    onClose()
  }
  async function start(event: FormEvent) {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const run = await call<Run>(of(tenant, '/training-runs'), {
        method: 'POST',
        body: { from, force, ...(reason !== '' && { reason }) },
      })
      void queries.invalidateQueries({ queryKey: tenantKey(tenant) })
      close()
      say(run.state === 'skipped' ? `Skipped: ${run.detail ?? 'nothing is new.'}` : 'The run is queued.')
      void navigate(runPath(tenant, run.id))
    } catch (failed) {
      setError(failed)
    } finally {
      setBusy(false)
    }
  }
  const { data } = readiness
  return (
    <Modal opened={opened} onClose={close} title="Train a new version">
      <form onSubmit={(event) => void start(event)}>
        <Stack gap="md">
          <Radio.Group label="It goes on from" value={from} onChange={(value) => setFrom(value)}>
            <Stack gap={8} mt={6}>
              <Radio
                value="active"
                label="the version that is served"
                description="Quick: learns what is new, with some of the old. The base where no version is served."
                data-autofocus
              />
              <Radio value="base" label="the base" description="From the start, on the whole history." />
            </Stack>
          </Radio.Group>
          <TextInput
            label="Reason"
            description="For whoever reads the list of runs later"
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Checkbox
            label="Also where nothing is new since the last run"
            checked={force}
            onChange={(event) => setForce(event.currentTarget.checked)}
          />
          {data && data.missing.length > 0 && (
            <Text c="var(--warn)">
              Too little is there:{' '}
              {data.missing.map(({ words, have, need }) => `${words} ${count(have)} of ${count(need)}`).join(', ')}.{' '}
              <Anchor component={Link} to={tenantPath(tenant)} underline="always">
                See what is missing
              </Anchor>
            </Text>
          )}
          {data?.estimate && (
            <Text c="dimmed">
              It would take about {duration(data.estimate.seconds)} and {bytes(data.estimate.memoryBytes)} on the engine{' '}
              {data.estimate.engine}.
            </Text>
          )}
          {error !== null && <Failure error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Not now
            </Button>
            <Button type="submit" loading={busy}>
              Train
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
