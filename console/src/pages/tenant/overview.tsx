import { Anchor, Grid, Progress, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Link } from 'react-router'
import type { Overview as AllTenants, Readiness, TenantOverview } from '../../contract'
import { bytes, count, duration, percent, rate } from '../../numbers'
import { AttentionList } from '../../parts/attention'
import { Moment } from '../../parts/moment'
import { PageTitle } from '../../parts/page-title'
import { QualityReport } from '../../parts/quality-report'
import { Section } from '../../parts/section'
import { Empty, Failure, Loading } from '../../parts/states'
import { Stats } from '../../parts/stats'
import { RunStatus, ServingStatus } from '../../parts/status'
import { runPath, tenantPath, versionPath } from '../../paths'
import { overviewOf, readinessOf, runsOf } from '../../queries'
import { useMay } from '../../session'
import { useTenant } from '.'
import { DriftPanel, FreshnessPanel } from './monitoring'
import { QuotasPanel } from './quotas-panel'
import classes from './overview.module.css'

const EventsOverTime = lazy(() => import('./events-over-time'))

export default function Overview() {
  const tenant = useTenant()
  const may = useMay()
  const overview = useQuery({ ...overviewOf(tenant), enabled: may('manage') })
  const readiness = useQuery({ ...readinessOf(tenant), enabled: may('manage') })
  if (!may('manage'))
    return (
      <>
        <PageTitle title="Overview" of={tenant} />
        <Empty title="This key may not see the overview">It lacks the scope manage.</Empty>
      </>
    )
  return (
    <>
      <PageTitle title="Overview" of={tenant} />
      {overview.isPending && <Loading what="the tenant" />}
      <Stack gap="md">
        {overview.data && <Head {...overview.data} readiness={readiness.data} />}
        <Section title="Events over time">
          <Suspense fallback={<Loading what="the chart" />}>
            <EventsOverTime tenant={tenant} />
          </Suspense>
        </Section>
        <Grid gap="md">
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Section title="Readiness" about="What is there, and what a first training lacks">
              {readiness.isPending && <Loading what="the readiness" />}
              {readiness.isError && <Failure error={readiness.error} retry={() => void readiness.refetch()} />}
              {readiness.data && <Ready tenant={tenant} readiness={readiness.data} />}
            </Section>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 7 }}>
            <LastQuality tenant={tenant} />
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <DriftPanel tenant={tenant} />
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 6 }}>
            <FreshnessPanel tenant={tenant} />
          </Grid.Col>
          <Grid.Col span={12}>
            <QuotasPanel tenant={tenant} />
          </Grid.Col>
        </Grid>
      </Stack>
    </>
  )
}

type HeadProps = TenantOverview & Pick<AllTenants, 'consumerLag'> & { readiness?: Readiness }

function Head(overview: HeadProps) {
  const { id, attention, serving, modelVersion, quality, lastRun, nextTraining, consumerLag, readiness } = overview
  return (
    <Stack gap="md">
      {attention.length > 0 && (
        <Section title="Needs a person">
          <AttentionList tenant={id} attention={attention} />
        </Section>
      )}
      <Stats
        stats={[
          {
            label: 'Served by',
            value: <ServingStatus serving={serving} />,
            note: modelVersion && (
              <Anchor component={Link} to={versionPath(id, modelVersion)} size="xs">
                {modelVersion}
              </Anchor>
            ),
          },
          {
            label: 'NDCG@10 of what is served',
            value: quality ? percent(quality.ndcg.mean) : '–',
            note: quality ? (
              <>
                {percent(quality.ndcg.low)} to {percent(quality.ndcg.high)}
                {quality.base && `; base ${percent(quality.base.mean)}`}
                {quality.popular && `, popularity ${percent(quality.popular.mean)}`}
              </>
            ) : (
              'not judged before a first version'
            ),
          },
          {
            label: 'Events a minute',
            value: rate(overview.eventsPerMinute),
            note: (
              <>
                {count(overview.eventsLastDay)} within a day
                {overview.lastEventAt && (
                  <>
                    , last <Moment at={overview.lastEventAt} />
                  </>
                )}
              </>
            ),
          },
          {
            label: 'Last training',
            value: lastRun ? <RunStatus run={lastRun} /> : 'never',
            note: lastRun && (
              <Anchor component={Link} to={runPath(id, lastRun.id)} size="xs">
                <Moment at={lastRun.finishedAt ?? lastRun.createdAt} />
              </Anchor>
            ),
          },
          {
            label: 'Next training',
            value: nextTraining ? <Moment at={nextTraining} /> : 'on request',
            note: readiness?.estimate && `would take about ${duration(readiness.estimate.seconds)}`,
          },
          consumerLag && {
            label: 'Consumer lag',
            value: count(consumerLag.messages),
            note: 'messages, of all tenants',
          },
        ]}
      />
    </Stack>
  )
}

function Ready({ tenant, readiness }: { tenant: string; readiness: Readiness }) {
  const { events, eventsOutsideHistory, users, items, itemsWithText, missing, estimate } = readiness
  return (
    <Stack gap="md">
      <dl className={classes.facts}>
        {(
          [
            ['Events', count(events)],
            ['Users', count(users)],
            ['Items', count(items)],
            ['Items with text', items > 0 ? `${count(itemsWithText)} (${percent(itemsWithText / items, 0)})` : '0'],
          ] as const
        ).map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {eventsOutsideHistory > 0 && (
        <Text>
          {count(eventsOutsideHistory)} of {count(events)} events are older than <code>historyDays</code> before the
          newest, and take no part in a training.{' '}
          <Anchor component={Link} to={tenantPath(tenant, 'settings')} underline="always">
            See the settings
          </Anchor>
        </Text>
      )}
      {missing.length === 0 ? (
        <Text>
          Nothing is missing for a training.{' '}
          {estimate && (
            <>
              One that starts now would take about {duration(estimate.seconds)} and {bytes(estimate.memoryBytes)} on the
              engine {estimate.engine}: {estimate.basis}.{' '}
            </>
          )}
          <Anchor component={Link} to={tenantPath(tenant, 'training')} underline="always">
            Train
          </Anchor>
        </Text>
      ) : (
        <ul className={classes.missing}>
          {missing.map(({ what, words, have, need, why }) => (
            <li key={what}>
              <div className={classes.shortage}>
                <b className={classes.shortageName}>{words}</b>
                <span>
                  {count(have)} of {count(need)}
                </span>
              </div>
              <Progress
                value={(100 * have) / need}
                color="orange"
                size="sm"
                aria-label={`${words}: ${have} of ${need}`}
              />
              <Text size="xs" c="dimmed">
                {why}
              </Text>
            </li>
          ))}
        </ul>
      )}
    </Stack>
  )
}

/** Of the newest run that has one. */
function LastQuality({ tenant }: { tenant: string }) {
  const may = useMay()
  const runs = useQuery({ ...runsOf(tenant, 20), enabled: may('train') })
  const run = runs.data?.data.find(({ quality }) => quality !== null)
  return (
    <Section
      title="Data quality"
      about={
        run && (
          <>
            of the run of <Moment at={run.startedAt ?? run.createdAt} near={false} />
          </>
        )
      }
      actions={
        run && (
          <Anchor component={Link} to={runPath(tenant, run.id)}>
            See the run
          </Anchor>
        )
      }
    >
      {runs.isPending && may('train') && <Loading what="the report" />}
      {runs.isError && <Failure error={runs.error} retry={() => void runs.refetch()} />}
      {!may('train') && <Empty title="This key may not see runs">It lacks the scope train.</Empty>}
      {runs.data && !run && (
        <Empty title="No run has read the events yet">
          A run tells which events it left out, and why: duplicates, bots, unknown items.
        </Empty>
      )}
      {run?.quality && <QualityReport quality={run.quality} />}
    </Section>
  )
}
