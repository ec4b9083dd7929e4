import { Anchor, Button, Text } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import { isLive, type Run } from '../../contract'
import { duration, percent } from '../../numbers'
import { Worded } from '../../parts/attention'
import { Moment } from '../../parts/moment'
import { PageTitle } from '../../parts/page-title'
import { Pager, usePages } from '../../parts/pager'
import { type Column, Rows } from '../../parts/rows'
import { Section } from '../../parts/section'
import { Empty, Failure, Loading } from '../../parts/states'
import { RunStatus } from '../../parts/status'
import { runPath, versionPath } from '../../paths'
import { runsOf } from '../../queries'
import { useTenant } from '.'
import { StartRun } from './start-run'

const A_PAGE = 25

export default function Training() {
  const tenant = useTenant()
  const pages = usePages(tenant)
  const runs = useQuery(runsOf(tenant, A_PAGE, pages.cursor))
  const [starting, setStarting] = useState(false)
  const live = runs.data?.data.find(isLive)
  return (
    <>
      <PageTitle title="Training" of={tenant}>
        {live ? (
          <Button component={Link} to={runPath(tenant, live.id)}>
            Watch the run
          </Button>
        ) : (
          <Button leftSection={<IconPlayerPlay size={14} aria-hidden />} onClick={() => setStarting(true)}>
            Train …
          </Button>
        )}
      </PageTitle>
      <Section title="Runs, newest first" bare flush>
        {runs.isPending && <Loading what="the runs" />}
        {runs.isError && <Failure error={runs.error} retry={() => void runs.refetch()} />}
        {runs.data?.data.length === 0 && (
          <Empty title="No run yet">
            A run learns from what users did, judges what it learned on later events, and asks the gate whether that is
            better than what is served.
          </Empty>
        )}
        {runs.data && runs.data.data.length > 0 && (
          <Rows
            caption="Training runs, newest first"
            columns={columnsOf(tenant)}
            rows={runs.data.data}
            keyOf={({ id }) => id}
            markOf={(run) => (run.state === 'failed' ? 'error' : isLive(run) ? 'chosen' : undefined)}
            below={(run) => <WhyOf run={run} />}
          />
        )}
        {runs.data && <Pager pages={pages} next={runs.data.nextCursor} shown={runs.data.data.length} />}
      </Section>
      <StartRun tenant={tenant} opened={starting} onClose={() => setStarting(false)} />
    </>
  )
}

const columnsOf = (tenant: string): Column<Run>[] => [
  {
    label: 'Run',
    head: true,
    render: (run) => (
      <>
        <RunStatus run={run} />
        <div>
          <Anchor component={Link} to={runPath(tenant, run.id)} size="xs">
            {run.id}
          </Anchor>
        </div>
      </>
    ),
  },
  {
    label: 'Progress',
    end: true,
    wide: (run) => !isLive(run),
    render: (run) => (isLive(run) && run.progress !== null ? percent(run.progress, 0) : ''),
  },
  { label: 'Asked for', render: ({ createdAt }) => <Moment at={createdAt} /> },
  { label: 'By', render: ({ requestedBy }) => requestedBy },
  { label: 'Reason', render: ({ reason }) => reason ?? '–', wide: ({ reason }) => reason === null },
  { label: 'From', render: ({ from }) => (from === 'base' ? 'the base' : 'the active version') },
  { label: 'Took', end: true, render: (run) => tookOf(run), wide: (run) => run.finishedAt === null },
  {
    label: 'Version',
    wide: ({ modelVersion }) => modelVersion === null,
    render: ({ modelVersion }) =>
      modelVersion ? (
        <Anchor component={Link} to={versionPath(tenant, modelVersion)} size="xs">
          {modelVersion}
        </Anchor>
      ) : (
        '–'
      ),
  },
]

export function tookOf({ startedAt, finishedAt }: Run): string {
  if (!startedAt || !finishedAt) return '–'
  return duration((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000)
}

/** What came of a run or what it is at, in words. */
export function WhyOf({ run: { error, detail } }: { run: Run }) {
  if (!error && !detail) return null
  return (
    <Text size="sm" c="dimmed">
      {error ? (
        <>
          <code>{error.code}</code> <Worded text={error.message} />
        </>
      ) : (
        <Worded text={detail!} />
      )}
    </Text>
  )
}
