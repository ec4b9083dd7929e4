import { SegmentedControl } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { call, of, query } from '../../api'
import EventBars, { GRAIN_MS } from '../../charts/event-bars'
import type { EventCount, Grain } from '../../contract'
import { Empty, Failure, Loading } from '../../parts/states'
import { tenantKey } from '../../queries'

/** How far back, and in what steps: some fifty bars or more. */
const SPANS: Record<string, { grain: Grain; steps: number; label: string }> = {
  hour: { grain: 'minute', steps: 60, label: '1 h' },
  day: { grain: 'hour', steps: 24, label: '24 h' },
  week: { grain: 'hour', steps: 168, label: '7 days' },
  month: { grain: 'day', steps: 30, label: '30 days' },
  year: { grain: 'day', steps: 365, label: '1 year' },
}

export default function EventsOverTime({ tenant }: { tenant: string }) {
  const [span, setSpan] = useState('day')
  const { grain, steps } = SPANS[span]
  const size = GRAIN_MS[grain]
  const counts = useQuery({
    queryKey: [...tenantKey(tenant), 'counts', span],
    queryFn: async ({ signal }) => {
      // With the step that goes on.
      const to = Math.floor(Date.now() / size) * size + size
      const from = to - steps * size
      const path = query(of(tenant, '/events/counts'), {
        by: grain,
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
      })
      const { data } = await call<{ data: EventCount[] }>(path, { signal })
      return { data, grain, from, to }
    },
    refetchInterval: 10_000,
    placeholderData: keepPreviousData,
  })
  const controls = (
    <SegmentedControl
      aria-label="How far back"
      size="xs"
      value={span}
      onChange={setSpan}
      data={Object.entries(SPANS).map(([value, { label }]) => ({ value, label }))}
    />
  )
  if (counts.isPending) return <Loading what="the events" />
  if (counts.isError) return <Failure error={counts.error} retry={() => void counts.refetch()} />
  const { data, ...window } = counts.data
  if (data.length === 0)
    return (
      <>
        {controls}
        <Empty title="No event came in this time">
          Events come by POST /v1/tenants/{tenant}/events, or by Kafka where it is set up.
        </Empty>
      </>
    )
  return <EventBars {...window} counts={data} controls={controls} />
}
