import { Anchor, Button, Checkbox, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import type { VersionSummary } from '../../contract'
import { bytes, count } from '../../numbers'
import { Figure, Whiskers } from '../../parts/figure'
import { Moment } from '../../parts/moment'
import { PageTitle } from '../../parts/page-title'
import { Pager, usePages } from '../../parts/pager'
import { Promote, RollBack } from '../../parts/promotion'
import { type Column, Rows } from '../../parts/rows'
import { Section } from '../../parts/section'
import { Empty, Failure, Loading } from '../../parts/states'
import { GateStatus } from '../../parts/status'
import { comparePath, tenantPath, versionPath } from '../../paths'
import { overviewOf, versionsOf } from '../../queries'
import { useMay } from '../../session'
import { ownMetrics, RIVALS } from '../../versions'
import { useTenant } from '.'
import classes from './versions.module.css'

const A_PAGE = 25

export default function Versions() {
  const tenant = useTenant()
  const pages = usePages(tenant)
  const versions = useQuery(versionsOf(tenant, A_PAGE, pages.cursor))
  const may = useMay()
  const overview = useQuery({ ...overviewOf(tenant), enabled: may('manage') })
  const [picked, setPicked] = useState<string[]>([])
  const all = versions.data?.data ?? []
  const pick = (id: string) =>
    setPicked((old) => (old.includes(id) ? old.filter((one) => one !== id) : [...old.slice(-1), id]))
  return (
    <>
      <PageTitle title="Versions" of={tenant}>
        {all.length > 1 && <CompareTwo tenant={tenant} picked={picked} />}
        <RollBack tenant={tenant} nothing={overview.data && overview.data.serving !== 'fine-tuned'} />
      </PageTitle>
      <Section title="Versions, newest first" bare flush>
        {versions.isPending && <Loading what="the versions" />}
        {versions.isError && <Failure error={versions.error} retry={() => void versions.refetch()} />}
        {versions.data?.data.length === 0 && (
          <Empty title="No version yet">
            Until a training run makes one, the base serves.{' '}
            <Anchor component={Link} to={tenantPath(tenant, 'training')} underline="always">
              Train
            </Anchor>
          </Empty>
        )}
        {all.length > 0 && (
          <Rows
            caption="Model versions, newest first"
            columns={columnsOf(tenant, picked, pick)}
            rows={all}
            keyOf={({ id }) => id}
            markOf={({ serving }) => (serving ? 'chosen' : undefined)}
            below={({ reason }) => (
              <Text size="sm" c="dimmed" lineClamp={2}>
                {reason}
              </Text>
            )}
          />
        )}
        {versions.data && <Pager pages={pages} next={versions.data.nextCursor} shown={all.length} />}
      </Section>
    </>
  )
}

function CompareTwo({ tenant, picked: [a, b] }: { tenant: string; picked: string[] }) {
  if (b === undefined)
    return (
      <Button variant="default" disabled>
        Compare two
      </Button>
    )
  return (
    <Button component={Link} to={comparePath(tenant, a, b)}>
      Compare two
    </Button>
  )
}

const columnsOf = (tenant: string, picked: string[], pick: (id: string) => void): Column<VersionSummary>[] => [
  {
    label: 'Version',
    head: true,
    render: ({ id, serving, createdAt }) => (
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <Checkbox
          size="xs"
          mt={3}
          aria-label={`Compare ${id}`}
          checked={picked.includes(id)}
          onChange={() => pick(id)}
        />
        <div>
          <Anchor component={Link} to={versionPath(tenant, id)} fw={600}>
            {id}
          </Anchor>
          <Text size="xs" c="dimmed">
            <Moment at={createdAt} />
            {serving && <b className={classes.serving}>serving</b>}
          </Text>
        </div>
      </Group>
    ),
  },
  { label: 'Gate', render: ({ decision }) => <GateStatus decision={decision} /> },
  {
    label: 'NDCG@10',
    render: (version) => {
      const own = ownMetrics(version)
      if (!own) return '–'
      return (
        <>
          <Figure value={own.ndcg} />
          {version.judgedAs === 'from-scratch' && (
            <Text size="xs" c="dimmed">
              of its from-scratch twin
            </Text>
          )}
        </>
      )
    },
  },
  {
    label: 'Beside the others',
    wide: ({ metrics }) => metrics === null,
    render: (version) => {
      const own = ownMetrics(version)
      if (!own) return '–'
      const rivals = RIVALS.slice(0, 4).flatMap(([method, name]) => {
        const found = method === version.judgedAs ? undefined : version.metrics?.[method]
        return found ? [{ name, ...found.ndcg }] : []
      })
      return <Whiskers values={[{ name: 'this version', ...own.ndcg, own: true }, ...rivals]} />
    },
  },
  { label: 'Events', end: true, render: ({ counts }) => (counts ? count(counts.events) : '–') },
  {
    label: 'Goes on from',
    render: ({ parentId, baseModel }) =>
      parentId ? (
        <Anchor component={Link} to={versionPath(tenant, parentId)} size="xs">
          {parentId}
        </Anchor>
      ) : (
        `the base${baseModel === 'default' ? '' : ` of ${baseModel}`}`
      ),
  },
  { label: 'Size', end: true, render: ({ sizeBytes }) => bytes(sizeBytes) },
  {
    label: 'Serve',
    end: true,
    wide: ({ serving }) => serving,
    render: (version) => !version.serving && <Promote tenant={tenant} version={version} />,
  },
]
