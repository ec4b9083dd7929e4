import { Anchor, Button, Group, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconPlus, IconSearch } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { call, query } from '../api'
import type { Overview, TenantOverview } from '../contract'
import { count, rate } from '../numbers'
import { ATTENTION_CODES, AttentionList, attentionTitle } from '../parts/attention'
import { Figure, Whiskers } from '../parts/figure'
import { Moment } from '../parts/moment'
import { PageTitle } from '../parts/page-title'
import { Pager, usePages } from '../parts/pager'
import { type Column, Rows } from '../parts/rows'
import { Section } from '../parts/section'
import { Empty, Failure, Loading } from '../parts/states'
import { Stats } from '../parts/stats'
import { RunStatus, ServingStatus } from '../parts/status'
import { runPath, tenantPath, versionPath } from '../paths'
import { NewTenant } from './new-tenant'

const A_PAGE = 50

export default function Tenants() {
  const [parameters, setParameters] = useSearchParams()
  const attention = parameters.get('attention') ?? ''
  const search = parameters.get('search') ?? ''
  const [asked] = useDebouncedValue(search, 250)
  const pages = usePages(`${attention} ${asked}`)
  const [making, setMaking] = useState(false)
  const overview = useQuery({
    queryKey: ['overview', attention, asked, pages.cursor],
    queryFn: ({ signal }) =>
      call<Overview>(query('/v1/overview', { limit: A_PAGE, attention, search: asked, cursor: pages.cursor }), {
        signal,
      }),
    refetchInterval: 5000,
    placeholderData: keepPreviousData,
  })
  const set = (name: string, value: string) =>
    setParameters(
      (old) => {
        const next = new URLSearchParams(old)
        if (value === '') next.delete(name)
        else next.set(name, value)
        return next
      },
      { replace: true },
    )
  const { data } = overview
  return (
    <>
      <PageTitle title="Tenants">
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setMaking(true)}>
          New tenant
        </Button>
      </PageTitle>
      {overview.isPending && <Loading what="the tenants" />}
      {overview.isError && <Failure error={overview.error} retry={() => void overview.refetch()} />}
      {data && (
        <Stack gap="md">
          <Totals {...data} />
          <Group gap="sm">
            <TextInput
              type="search"
              aria-label="Search tenants"
              placeholder="Name or id"
              leftSection={<IconSearch size={15} aria-hidden />}
              value={search}
              onChange={(event) => set('search', event.currentTarget.value)}
              w={{ base: '100%', xs: 260 }}
            />
            <SegmentedControl
              aria-label="Which tenants"
              size="xs"
              value={attention === '' || attention === 'any' ? attention : 'one'}
              onChange={(value) => set('attention', value === 'one' ? '' : value)}
              data={[
                { value: '', label: `All ${count(data.totals.tenants)}` },
                { value: 'any', label: `Need a person ${count(data.totals.needAttention)}` },
              ]}
            />
            {data.totals.needAttention > 0 && (
              <Select
                aria-label="Which need"
                placeholder="Any need"
                clearable
                w={{ base: '100%', xs: 290 }}
                value={ATTENTION_CODES.includes(attention) ? attention : null}
                onChange={(value) => set('attention', value ?? '')}
                data={ATTENTION_CODES.filter((code) => data.totals.byCode[code]).map((code) => ({
                  value: code,
                  label: `${attentionTitle(code)} (${count(data.totals.byCode[code])})`,
                }))}
              />
            )}
          </Group>
          <Section title="Those that need a person first, then by name" bare flush>
            {data.data.length === 0 ? (
              <Empty title={data.totals.tenants === 0 ? 'There is no tenant yet' : 'No tenant fits'}>
                {data.totals.tenants === 0
                  ? 'A tenant is a shop or a site with a recommender of its own. Make the first one with New tenant, or by POST /v1/tenants.'
                  : 'Change the search or what is asked for.'}
              </Empty>
            ) : (
              <Rows
                caption="Tenants, those that need a person first"
                columns={COLUMNS}
                rows={data.data}
                keyOf={({ id }) => id}
                markOf={({ attention: [gravest] }) => gravest?.severity}
                below={({ id, attention: found }) =>
                  found.length > 0 && <AttentionList tenant={id} attention={found} />
                }
              />
            )}
            <Pager pages={pages} next={data.nextCursor} shown={data.data.length} />
          </Section>
        </Stack>
      )}
      <NewTenant opened={making} onClose={() => setMaking(false)} />
    </>
  )
}

function Totals({ totals, consumerLag }: Overview) {
  return (
    <Stats
      stats={[
        { label: 'Tenants', value: count(totals.tenants) },
        { label: 'Need a person', value: count(totals.needAttention) },
        { label: 'Events a minute', value: rate(totals.eventsPerMinute), note: 'all tenants, last five minutes' },
        consumerLag
          ? {
              label: 'Consumer lag',
              value: count(consumerLag.messages),
              note: (
                <>
                  messages, <Moment at={consumerLag.measuredAt} />
                </>
              ),
            }
          : { label: 'Consumer lag', value: '–', note: 'no Kafka: events come by HTTP' },
      ]}
    />
  )
}

const COLUMNS: Column<TenantOverview>[] = [
  {
    label: 'Tenant',
    head: true,
    render: ({ id, name }) => (
      <>
        <Anchor component={Link} to={tenantPath(id)} fw={600}>
          {name}
        </Anchor>
        {name !== id && (
          <Text size="xs" c="dimmed">
            {id}
          </Text>
        )}
      </>
    ),
  },
  {
    label: 'Served by',
    render: ({ id, serving, modelVersion }) => (
      <>
        <ServingStatus serving={serving} />
        {modelVersion && (
          <div>
            <Anchor component={Link} to={versionPath(id, modelVersion)} size="xs" c="dimmed">
              {modelVersion}
            </Anchor>
          </div>
        )}
      </>
    ),
  },
  { label: 'NDCG@10', render: ({ quality }) => <Quality quality={quality} />, wide: ({ quality }) => quality === null },
  {
    label: 'Events a minute',
    end: true,
    render: ({ eventsPerMinute, lastEventAt }) => (
      <>
        {rate(eventsPerMinute)}
        <Text size="xs" c="dimmed">
          {lastEventAt ? (
            <>
              last <Moment at={lastEventAt} />
            </>
          ) : (
            'none yet'
          )}
        </Text>
      </>
    ),
  },
  {
    label: 'Last training',
    wide: ({ lastRun }) => lastRun === null,
    render: ({ id, lastRun }) =>
      lastRun ? (
        <>
          <RunStatus run={lastRun} />
          <div>
            <Anchor component={Link} to={runPath(id, lastRun.id)} size="xs" c="dimmed">
              <Moment at={lastRun.finishedAt ?? lastRun.createdAt} />
            </Anchor>
          </div>
        </>
      ) : (
        <Text c="dimmed">never</Text>
      ),
  },
  {
    label: 'Next training',
    wide: ({ nextTraining }) => nextTraining === null,
    render: ({ nextTraining }) => (nextTraining ? <Moment at={nextTraining} /> : <Text c="dimmed">on request</Text>),
  },
]

/** The version that is served, beside what it has to be better than. */
export function Quality({ quality }: Pick<TenantOverview, 'quality'>) {
  if (!quality) return <Text c="dimmed">not judged</Text>
  const { ndcg, base, popular } = quality
  return (
    <Stack gap={3}>
      <Figure value={ndcg} />
      <Whiskers
        values={[
          { name: 'served', ...ndcg, own: true },
          ...(base ? [{ name: 'base', ...base }] : []),
          ...(popular ? [{ name: 'popularity', ...popular }] : []),
        ]}
      />
      {base && (
        <Text size="xs" c="dimmed">
          base {(100 * base.mean).toFixed(1)}
          {popular && `, popularity ${(100 * popular.mean).toFixed(1)}`}
        </Text>
      )}
    </Stack>
  )
}
