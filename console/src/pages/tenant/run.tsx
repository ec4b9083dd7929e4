import { Alert, Anchor, Button, Grid, Progress, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useState } from 'react'
import { Link, useParams } from 'react-router'
import { call, of } from '../../api'
import { isLive, type Run as TrainingRun } from '../../contract'
import { bytes, count, decimal, duration, percent } from '../../numbers'
import { Worded } from '../../parts/attention'
import { Confirm } from '../../parts/confirm'
import { Facts } from '../../parts/facts'
import { Moment } from '../../parts/moment'
import { useSay } from '../../parts/notices'
import { PageTitle } from '../../parts/page-title'
import { QualityReport } from '../../parts/quality-report'
import { RunLog } from '../../parts/run-log'
import { Section } from '../../parts/section'
import { Failure, Loading } from '../../parts/states'
import { Stats } from '../../parts/stats'
import { RunStatus } from '../../parts/status'
import { tenantPath, versionPath } from '../../paths'
import { tenantKey } from '../../queries'
import { type RunStory, useRunStory } from '../../run-stream'
import { useTenant } from '.'
import { tookOf } from './training'

const EpochLines = lazy(() => import('../../charts/epoch-lines'))

export default function Run() {
  const { run: id = '' } = useParams()
  return <OneRun key={id} id={id} />
}

function OneRun({ id }: { id: string }) {
  const tenant = useTenant()
  const queries = useQueryClient()
  const story = useRunStory(tenant, id)
  const run = useQuery({
    queryKey: [...tenantKey(tenant), 'run', id],
    queryFn: ({ signal }) => call<TrainingRun>(of(tenant, `/training-runs/${encodeURIComponent(id)}`), { signal }),
    refetchInterval: ({ state }) => (state.data && !isLive(state.data) ? false : 3000),
  })
  const { ended } = story
  useEffect(() => {
    // What is served and what needs a person may be another now.
    if (ended) void queries.invalidateQueries({ queryKey: tenantKey(tenant) })
  }, [ended, queries, tenant])
  return (
    <>
      <PageTitle title={`Run ${id}`} of={tenant}>
        <Anchor component={Link} to={tenantPath(tenant, 'training')}>
          All runs
        </Anchor>
        {run.data && isLive(run.data) && <Cancel tenant={tenant} run={run.data} />}
      </PageTitle>
      {run.isPending && <Loading what="the run" />}
      {run.isError && <Failure error={run.error} retry={() => void run.refetch()} />}
      {run.data && <Shown run={run.data} story={story} tenant={tenant} />}
    </>
  )
}

function Shown({ run, story, tenant }: { run: TrainingRun; story: RunStory; tenant: string }) {
  const live = isLive(run)
  const now = { ...run, ...(live && story.figures) }
  const state = live && story.state ? story.state : run.state
  // Of an ended run what it is known by; its twin and what it went on with come after that.
  const learning =
    (live ? undefined : story.trainings.findLast(({ of }) => of === 'training')) ?? story.trainings.at(-1)
  return (
    <Stack gap="md">
      <Section
        title={<RunStatus run={{ ...run, state }} />}
        about={
          live ? (story.broken ? 'The connection broke; trying again.' : 'Live: this page follows the run.') : undefined
        }
        actions={
          run.modelVersion && (
            <Button component={Link} to={versionPath(tenant, run.modelVersion)} variant="default">
              See the version
            </Button>
          )
        }
      >
        <Stack gap="sm">
          {live && <Progress value={100 * (now.progress ?? 0)} size="lg" aria-label="Progress of the run" />}
          <Came run={run} detail={live ? (story.detail ?? run.detail) : run.detail} />
          <p className="only-said" role="status">
            {live
              ? `${state}, ${Math.floor(10 * (now.progress ?? 0)) * 10} % done`
              : `The run has ended: ${run.state}${run.outcome && run.outcome !== run.state ? `, ${run.outcome}` : ''}`}
          </p>
        </Stack>
      </Section>
      <Stats
        stats={[
          live && { label: 'Done', value: now.progress === null ? '–' : percent(now.progress, 0) },
          live && {
            label: 'Time left',
            value: now.etaSeconds ? `about ${duration(now.etaSeconds)}` : '–',
            note: now.etaSeconds && state === 'training' ? 'less where it stops early' : undefined,
          },
          !live && { label: 'Took', value: tookOf(run) },
          { label: 'Epoch', value: now.epoch ?? '–', note: now.step ? `step ${count(now.step)}` : undefined },
          { label: 'Loss of training', value: now.loss == null ? '–' : decimal(now.loss, 3) },
          {
            label: 'NDCG@10 of validation',
            value: now.validation ? percent(now.validation) : '–',
            note: `best ${live ? 'so far' : 'of all epochs'}, the network by itself`,
          },
          {
            label: 'Events a second',
            value: now.tokensPerSecond ? count(now.tokensPerSecond) : '–',
            note: run.engine && `on ${run.engine}`,
          },
        ]}
      />
      {learning && (
        <Section title="Learning" about={LEARNING[learning.of] ?? learning.of}>
          <Suspense fallback={<Loading what="the chart" />}>
            <EpochLines epochs={learning.epochs} best={null} />
          </Suspense>
        </Section>
      )}
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Section title="Log" flush>
            <RunLog lines={story.log} live={live} />
          </Section>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack gap="md">
            <Section title="About it">
              <About run={run} />
            </Section>
            {run.quality && (
              <Section title="Data quality">
                <QualityReport quality={run.quality} />
              </Section>
            )}
          </Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  )
}

/** Which of the trainings of a run it is, by its stage. */
const LEARNING: Record<string, string> = {
  training: 'The fine-tuning',
  twin: 'The from-scratch twin',
  refitting: 'Going on with the events that validation had',
}

/** What it is at, or what came of it, in words. */
function Came({ run: { state, error }, detail }: { run: TrainingRun; detail: string | null }) {
  if (error)
    return (
      <Alert color="red" title={`Why it failed: ${error.code}`}>
        <Worded text={error.message} />
      </Alert>
    )
  if (!detail) return null
  if (state === 'rejected')
    return (
      <Alert color="gray" title="Why the gate refused it">
        <Worded text={detail} />
      </Alert>
    )
  return (
    <Text>
      <Worded text={detail} />
    </Text>
  )
}

function About({ run }: { run: TrainingRun }) {
  const { estimate, engine, engineReasons } = run
  return (
    <Facts
      facts={[
        ['From', run.from === 'base' ? 'the base' : 'the active version'],
        ['Reason', run.reason ?? '–'],
        ['Asked for', <Moment key="at" at={run.createdAt} near={false} />, `by ${run.requestedBy}`],
        ['Started', run.startedAt ? <Moment key="at" at={run.startedAt} near={false} /> : 'not yet'],
        run.finishedAt && ['Ended', <Moment key="at" at={run.finishedAt} near={false} />],
        run.attempt > 1 && ['Attempt', run.attempt, 'a trainer vanished before'],
        estimate && [
          'Estimated',
          `${duration(estimate.seconds)}, ${bytes(estimate.memoryBytes)}`,
          `on ${estimate.engine}: ${estimate.basis}`,
        ],
        engine && [
          'Engine',
          engine,
          Object.entries(engineReasons ?? {})
            .map(([name, why]) => `not ${name}: ${why}`)
            .join('; '),
        ],
      ]}
    />
  )
}

function Cancel({ tenant, run }: { tenant: string; run: TrainingRun }) {
  const [asking, setAsking] = useState(false)
  const queries = useQueryClient()
  const say = useSay()
  return (
    <>
      <Button variant="default" disabled={run.cancelRequested} onClick={() => setAsking(true)}>
        {run.cancelRequested ? 'Being cancelled' : 'Cancel the run'}
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title="Cancel the run?"
        action="Cancel the run"
        destructive
        onConfirm={async () => {
          await call(of(tenant, `/training-runs/${encodeURIComponent(run.id)}/cancel`), { method: 'POST' })
          await queries.invalidateQueries({ queryKey: tenantKey(tenant) })
          say('The run is being cancelled.')
        }}
      >
        What it has learned so far is lost. What is served stays as it is.
      </Confirm>
    </>
  )
}
